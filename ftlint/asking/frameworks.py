"""Our side: which framework is asked about which file, the processes that answer, and the findings made of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import ftlint
from ftlint.asking.placing import placed
from ftlint.asking.protocol import Answer, answer_from_json
from ftlint.findings import Match
from ftlint.record import record
from ftlint.run.key import KeySet
from ftlint.spans import Location, Span
from ftlint.syntax.document import DataDocument

if TYPE_CHECKING:
    from typing_extensions import Self

JUDGES = {
    "deepspeed": "deepspeed",
    "deepspeed by transformers": "deepspeed_in_transformers",
    "deepspeed by accelerate": "deepspeed_in_accelerate",
    "accelerate": "accelerate",
    "axolotl": "axolotl",
    "llamafactory": "llamafactory",
}
"""Who can be asked, and in which module of `judges/` the asking is written."""
START_SECONDS = 180
"""Importing torch and a framework takes ten seconds on a laptop, and more on a cluster's file system."""
ANSWER_SECONDS = 30
# A package named ftlint that leads to ours, in a Python that has no ftlint: nothing else of our environment gets there.
_BOOTSTRAP = (
    "import sys, types; package = types.ModuleType('ftlint'); package.__path__ = [sys.argv[1]]; "
    "sys.modules['ftlint'] = package; import ftlint.asking.child as child; child.main(sys.argv[2])"
)
_NOT_PASSED_ON = ("PYTHONPATH", "PYTHONSTARTUP", "PYTHONHOME")


@record
class Asked:
    """What one judge said of one document."""

    judge: str
    versions: tuple[tuple[str, str], ...]
    answer: Answer


class FrameworkAsker:
    """Keeps one process for each judge that was asked; a context manager, whose end is theirs."""

    def __init__(self, python: str, note: Callable[[str], None]) -> None:
        """`python`: the interpreter that has the frameworks. `note`: told who could not be asked, and why."""
        self._python = python
        self._note = note
        self._processes: dict[str, _Process | None] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._processes.values():
            if process is not None:
                process.close()

    def matches(self, document: DataDocument, names: tuple[str, ...], keys: KeySet) -> Iterator[Match]:
        """What the judges of those names reject in the document, each complaint at its line.

        Where several may read the file, what all of them reject is said once, and what some accept is not said.
        """
        asked = [found for name in names if (found := self._ask(name, document.source.text)) is not None]
        if not asked or any(each.answer.is_accepted or each.answer.failure for each in asked):
            return
        first = asked[0]
        start = Location(document.path, Span(0, 0))
        releases = " and ".join(f"{package} {version}" for package, version in first.versions[:2])
        for location, message in placed(first.answer, keys, start):
            yield Match(at=location, values={"framework": releases, "message": message})

    def _ask(self, name: str, text: str) -> Asked | None:
        if name not in self._processes:
            self._processes[name] = self._started(name)
        process = self._processes[name]
        if process is None:
            return None
        answer = process.ask(text)
        if answer.failure:
            self._note(f"{name} could not be asked: {answer.failure}")
            if process.has_ended:
                self._processes[name] = None
            return None
        return Asked(name, process.versions, answer)

    def _started(self, name: str) -> _Process | None:
        try:
            process = _Process(self._python, JUDGES[name])
        except OSError as error:
            self._note(f"{name} could not be asked: {self._python}: {error.strerror}")
            return None
        ready = process.begin()
        if ready is not None:
            self._note(f"{name} could not be asked: {ready}")
            process.close()
            return None
        return process


class _Process:
    """One judge's process: a question in, an answer out, or a reason why there is none."""

    def __init__(self, python: str, module: str) -> None:
        environment = {name: value for name, value in os.environ.items() if name not in _NOT_PASSED_ON}
        self.versions: tuple[tuple[str, str], ...] = ()
        self.has_ended = False
        self._last_words: list[str] = []
        self._process = subprocess.Popen(
            [python, "-c", _BOOTSTRAP, str(Path(ftlint.__file__).parent), module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="replace",
            cwd=os.path.dirname(os.path.abspath(sys.executable)),  # never the workspace: Python looks for modules there
            env={**environment, "CUDA_VISIBLE_DEVICES": "", "DS_ACCELERATOR": "cpu"},
        )
        assert self._process.stderr is not None
        threading.Thread(target=self._listen, args=(self._process.stderr,), daemon=True).start()

    def begin(self) -> str | None:
        """Wait until the framework is imported; the reason if it cannot be."""
        line = self._line(START_SECONDS)
        if isinstance(line, str):
            return line
        if "versions" not in line:
            return str(line.get("failure"))
        self.versions = tuple((str(name), str(version)) for name, version in line["versions"].items())
        return None

    def ask(self, text: str) -> Answer:
        """The framework's answer about one text."""
        assert self._process.stdin is not None
        try:
            print(json.dumps({"root": "", "text": text}), file=self._process.stdin, flush=True)
        except (BrokenPipeError, ValueError):
            self.has_ended = True
            return Answer(failure=self._ending())
        line = self._line(ANSWER_SECONDS)
        if isinstance(line, str):
            self.has_ended = True
            return Answer(failure=line)
        try:
            return answer_from_json(line)
        except (KeyError, TypeError):
            return Answer(failure="its answer cannot be read")

    def close(self) -> None:
        """End it, whatever it does."""
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()

    def _line(self, seconds: float) -> dict[str, Any] | str:
        """The next line of its answers, or why there is none; a process that thinks longer is ended."""
        assert self._process.stdout is not None
        timer = threading.Timer(seconds, self._process.kill)
        timer.start()
        try:
            line = self._process.stdout.readline()
        finally:
            timer.cancel()
        if not line:
            return self._ending()
        try:
            found = json.loads(line)
        except ValueError:
            return "its answer cannot be read"
        return found if isinstance(found, dict) else "its answer cannot be read"

    def _ending(self) -> str:
        status = self._process.wait()
        if status == -9:
            return f"it took longer than {ANSWER_SECONDS} seconds, or was killed"
        words = [line.strip() for line in self._last_words if line.strip()]
        return words[-1] if words else f"its process ended with status {status}"

    def _listen(self, stream: IO[str]) -> None:
        for line in stream:
            self._last_words.append(line)
            del self._last_words[:-20]
