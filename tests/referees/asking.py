"""Asks a judge that runs in a process of its own, in its framework's environment."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any

from tests.referees.describing import Key
from tests.referees.protocol import Verdict
from tests.referees.roster import Referee

if TYPE_CHECKING:
    from typing_extensions import Self

ROOT = Path(__file__).resolve().parents[2]
# The frameworks look for a GPU, for the network and for a launcher's variables; none of them is here.
_ENVIRONMENT = {
    "DS_ACCELERATOR": "cpu",
    "CUDA_VISIBLE_DEVICES": "",
    "HF_HUB_OFFLINE": "1",
    "AXOLOTL_DO_NOT_TRACK": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "PYTHONPATH": str(ROOT),
}


def _in_front(release: Path | None) -> dict[str, str]:
    return {} if release is None else {"PYTHONPATH": os.pathsep.join((str(release), str(ROOT)))}


class Judge:
    """One process; questions go to it one after the other. A context manager: leaving it ends the process.

    `release`: a folder whose packages are imported in place of those that are installed.
    """

    def __init__(self, referee: Referee, release: Path | None = None) -> None:
        if referee.python is None:
            raise LookupError(f"{referee.environment} names no Python that has {referee.name}")
        self._complaints: list[str] = []
        self._process = subprocess.Popen(
            [referee.python, "-m", "tests.referees.judging", referee.judge or referee.name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={**os.environ, **_ENVIRONMENT, **_in_front(release)},
        )
        assert self._process.stderr is not None
        # What the framework prints has to be read, or its process waits for us.
        threading.Thread(target=self._listen, args=(self._process.stderr,), daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.communicate()

    def keys(self) -> list[Key]:
        """Everything that the installed framework declares."""
        return [Key.from_json(each) for each in self._ask({"ask": "keys"})]

    def versions(self) -> dict[str, str]:
        """The releases that decide."""
        return dict(self._ask({"ask": "versions"}))

    def homes(self) -> dict[str, str]:
        """The files that its packages were imported from, of those that have been imported."""
        return dict(self._ask({"ask": "homes"}))

    def judge(self, root: str, text: str) -> Verdict:
        """One text's verdict."""
        return Verdict.from_json(self._ask({"root": root, "text": text}))

    def judge_all(self, questions: Iterable[tuple[str, str]]) -> Iterator[Verdict]:
        """The verdicts of (root, text), in order."""
        for root, text in questions:
            yield self.judge(root, text)

    def _ask(self, question: dict[str, Any]) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            print(json.dumps(question), file=self._process.stdin, flush=True)
            answer = self._process.stdout.readline()
        except BrokenPipeError:
            answer = ""
        if not answer:
            raise RuntimeError("the judge has ended: " + "".join(self._complaints[-20:]))
        return json.loads(answer)

    def _listen(self, stream: IO[str]) -> None:
        for line in stream:
            self._complaints.append(line)
            del self._complaints[:-50]
