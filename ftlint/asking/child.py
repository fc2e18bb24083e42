"""The framework's side: one process that reads questions and answers them.

Started by `frameworks.py` with the framework's own Python, where ftlint need not be installed. A question is a line of
JSON, {"text": …}; so is an answer. The first line out says which releases look.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.metadata
import json
import os
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

from ftlint.asking.confinement import confine, leave_network
from ftlint.asking.protocol import Answer, rejection

_OFFLINE = {
    "HF_HUB_OFFLINE": "1",
    "HF_DATASETS_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "WANDB_MODE": "disabled",
    "AXOLOTL_DO_NOT_TRACK": "1",
    "DO_NOT_TRACK": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "PYTHONDONTWRITEBYTECODE": "1",
}


def main(name: str) -> None:
    """Answer until the questions end."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what the framework prints, also from C
    leave_network()
    with tempfile.TemporaryDirectory(prefix="ftlint-ask-") as folder:
        os.chdir(folder)
        os.environ.update({**_OFFLINE, "HOME": folder, "HF_HOME": folder, "XDG_CACHE_HOME": folder, "TMPDIR": folder})
        judge, ready = _prepared(name)
        print(json.dumps(ready), file=answers, flush=True)
        if judge is None:
            return
        lift = confine(Path(folder))
        for line in sys.stdin:
            print(json.dumps(_answer(judge, json.loads(line)).as_json(), default=str), file=answers, flush=True)
        lift()


def _prepared(name: str) -> tuple[Any | None, dict[str, Any]]:  # Any: a module, and JSON
    try:
        judge = importlib.import_module(f"ftlint.asking.judges.{name}")
        first, *others = judge.PACKAGES
        versions = {first: importlib.metadata.version(first), **_installed(others)}
        judge.prepare()
    except importlib.metadata.PackageNotFoundError as error:
        return None, {"failure": f"{error.name} is not installed in {sys.executable}"}
    except Exception as error:  # noqa: BLE001  # a framework that cannot be imported fails in any way it likes
        return None, {"failure": f"importing it failed: {type(error).__name__}: {error}"}
    return judge, {"versions": versions}


def _installed(packages: list[str]) -> dict[str, str]:
    """Those without which the first one works as well, if they are there."""
    found: dict[str, str] = {}
    for package in packages:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[package] = importlib.metadata.version(package)
    return found


def _answer(judge: Any, question: dict[str, str]) -> Answer:
    environment = dict(os.environ)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            judge.judge(question["root"], question["text"])
        except (Exception, SystemExit) as error:  # noqa: BLE001  # whatever it raises is its answer
            confined = _confined(error)
            return Answer(failure=confined) if confined else rejection(error)
        finally:
            os.environ.clear()  # plugins write variables, and the next text must not read them
            os.environ.update(environment)
    return Answer()


def _confined(error: BaseException) -> str:
    """What it was refused, if that is what it died of: then this is no verdict about the text."""
    seen: BaseException | None = error
    while seen is not None:
        if type(seen).__name__ == "ConfinedError":
            return str(seen)
        seen = seen.__cause__ or seen.__context__
    return ""
