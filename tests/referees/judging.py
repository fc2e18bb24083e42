"""The judge's side: reads questions, answers verdicts. `python -m tests.referees.judging NAME` in its environment.

NAME: of a module in `judges/`, or dotted. One line of JSON per question on standard input: {"ask": "keys"},
{"ask": "versions"}, {"ask": "homes"} (where the packages were imported from), or {"root": …, "text": …}. One
line per answer on standard output; whatever the framework prints goes to standard error.
"""

from __future__ import annotations

import contextlib
import fcntl
import importlib
import importlib.metadata
import json
import logging
import os
import shutil
import signal
import sys
import tempfile
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

from tests.referees.protocol import Verdict, rejection

# A text that the framework thinks about for longer hangs a run as well.
SECONDS_PER_TEXT = 20
_WARNING_CHARACTERS = 300


def main(name: str) -> None:
    """Answers until standard input ends."""
    answers = os.fdopen(_out_of_reach(1), "w", encoding="utf-8")
    questions = os.fdopen(_out_of_reach(0), encoding="utf-8")
    with open(os.devnull, "rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    os.dup2(2, 1)  # prints of the framework, also of its C code
    standard = {descriptor: _out_of_reach(descriptor) for descriptor in (0, 1, 2)}
    judge = importlib.import_module(name if "." in name else f"tests.referees.judges.{name}")
    with tempfile.TemporaryDirectory(prefix="referee-") as folder:
        os.chdir(folder)
        judge.prepare()
        for line in questions:
            question = json.loads(line)
            print(json.dumps(_answer(judge, question), default=str), file=answers, flush=True)
            _clear(Path(folder))
            for descriptor, copy in standard.items():
                os.dup2(copy, descriptor)


def _out_of_reach(descriptor: int) -> int:
    """A copy that no text closes: a whole number in place of a file's name is opened, and closed, as a descriptor."""
    return fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 200)


def _answer(judge: Any, question: dict[str, str]) -> Any:
    match question.get("ask"):
        case "keys":
            return [key.as_json() for key in list(judge.keys())]
        case "versions":
            return {name: importlib.metadata.version(name) for name in judge.PACKAGES}
        case "homes":
            return {name: str(sys.modules[name].__file__) for name in judge.PACKAGES if name in sys.modules}
        case _:
            return _judge(judge, question["root"], question["text"]).as_json()


def _judge(judge: Any, root: str, text: str) -> Verdict:
    with _same_environment(), _time_limit(), _heard() as warned:
        try:
            judge.judge(root, text)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever it raises is its verdict
            return replace(rejection(error), warned=tuple(warned))
    return Verdict(True, warned=tuple(warned))


@contextlib.contextmanager
def _heard() -> Iterator[list[str]]:
    """What the framework warns of, through `warnings` or a logger, whatever that logger's level; printed by none."""
    said: list[str] = []

    def warn(_: logging.Logger, message: object, *arguments: object, **__: object) -> None:
        with contextlib.suppress(TypeError, ValueError):
            said.append((str(message) % arguments if arguments else str(message))[:_WARNING_CHARACTERS])

    def show(message: object, *_: object, **__: object) -> None:
        said.append(str(message)[:_WARNING_CHARACTERS])

    with mock.patch.object(logging.Logger, "warning", warn), warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = show
        yield said


@contextlib.contextmanager
def _same_environment() -> Iterator[None]:
    """Plugins write variables; the next text must not read them."""
    before = dict(os.environ)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@contextlib.contextmanager
def _time_limit() -> Iterator[None]:
    def stop(*_: object) -> None:
        raise TimeoutError(f"not decided after {SECONDS_PER_TEXT} seconds")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(SECONDS_PER_TEXT)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def _clear(folder: Path) -> None:
    for entry in folder.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry, ignore_errors=True)
        else:
            entry.unlink(missing_ok=True)


if __name__ == "__main__":
    main(sys.argv[1])
