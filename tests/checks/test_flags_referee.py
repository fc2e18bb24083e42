"""accelerate's own parser and we agree on what may stand in front of the script."""

from __future__ import annotations

import argparse
import contextlib
import io
import random
import shlex
from importlib.metadata import version
from pathlib import Path

import pytest

from ftlint.engine import check
from ftlint.project.workspace import Workspace

pytestmark = pytest.mark.referee

NUM_COMMANDS = 600
KINDS = ("right", "typo", "abbreviation", "dashes", "type", "choice", "case", "foreign", "script's own")
_WORDS = {int: "4", float: "0.5", str: "some"}


def test_what_its_parser_refuses_is_an_error_and_nothing_else(tmp_path: Path) -> None:
    launch = pytest.importorskip("accelerate.commands.launch")
    parser = launch.launch_command_parser()
    choice = random.Random(7)
    commands = [_command(parser, KINDS[number % len(KINDS)], choice) for number in range(NUM_COMMANDS)]
    (tmp_path / "ftlint.toml").write_text(f'[versions]\naccelerate = "=={version("accelerate")}"\n', "utf-8")
    for number, words in enumerate(commands):
        (tmp_path / f"{number}.sh").write_text(f"accelerate launch {shlex.join(words)}\n", "utf-8")
    result = check(Workspace(tmp_path), [tmp_path])
    accused = {int(each.location.path.stem) for each in result.findings if each.severity.value == "error"}
    refused = {number for number, words in enumerate(commands) if not _takes(parser, words)}
    assert min(len(refused), NUM_COMMANDS - len(refused)) > NUM_COMMANDS // 4
    assert [commands[number] for number in sorted(accused - refused)] == []
    assert [commands[number] for number in sorted(refused - accused)] == []


def _takes(parser: argparse.ArgumentParser, words: list[str]) -> bool:
    with contextlib.redirect_stderr(io.StringIO()):
        try:
            parser.parse_args(words)
        except SystemExit:
            return False
    return True


def _command(parser: argparse.ArgumentParser, kind: str, choice: random.Random) -> list[str]:
    """Up to three right flags, then one as the kind says, then the script with arguments of its own."""
    actions = [action for action in parser._actions if any(name.startswith("--") for name in action.option_strings)]
    # What a converter of accelerate's own (`str_to_bool`) refuses, the schema does not say.
    actions = [action for action in actions if "--help" not in action.option_strings and action.type in (None, *_WORDS)]
    if kind == "choice" or kind == "case":
        asked = choice.choice([action for action in actions if action.choices])
    elif kind == "type":
        asked = choice.choice([action for action in actions if action.type in (int, float)])
    else:
        asked = choice.choice(actions)
    words = [word for action in choice.sample(actions, choice.randrange(4)) for word in _written(action, choice)]
    own = ["--num_procesess", "4"] if kind == "script's own" else []
    return [*words, *_changed(_written(asked, choice), kind, choice), "train.py", *own, "--lr", "1e-4"]


def _written(action: argparse.Action, choice: random.Random) -> list[str]:
    name = choice.choice([name for name in action.option_strings if name.startswith("--")])
    if action.nargs == 0:
        return [name]
    value = str(choice.choice(list(action.choices))) if action.choices else _WORDS.get(action.type, "some")  # type: ignore[call-overload]
    return [f"{name}={value}"] if choice.random() < 0.3 else [name, value]


def _changed(words: list[str], kind: str, choice: random.Random) -> list[str]:
    name, equals, value = words[0].partition("=")
    value = value if equals else (words[1] if len(words) > 1 else "")
    at = choice.randrange(3, len(name))
    if kind == "typo":
        name = name[:at] + choice.choice("qxz") + name[at + 1 :]
    elif kind == "abbreviation":
        name = name[: max(4, len(name) - 2)]
    elif kind == "dashes":
        name = "--" + name[2:].replace("_", "-")
    elif kind == "foreign":
        name = choice.choice(["--lora_rank", "--nproc_per_node", "--learning_rate", "--stage"])
    elif kind in ("type", "choice"):
        value = choice.choice(["four", "1.5.2", "one-two"])
    elif kind == "case":
        value = value.upper()
    return [name] if not value else [name, value]
