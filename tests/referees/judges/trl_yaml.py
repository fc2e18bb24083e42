"""A YAML file as `trl sft --config config.yaml` and its sisters read it: through the script's own TrlParser, then
through the parser of `accelerate launch`."""

from __future__ import annotations

import argparse
import importlib
from pathlib import Path
from typing import NoReturn
from unittest import mock

from ftlint.asking.judges.gpu import pretend_gpu
from tests.referees.describing import Key, of_dataclass

PACKAGES = ("trl", "transformers", "accelerate")
ROOTS = ("sft", "dpo", "grpo", "kto", "reward")


def _say(_: argparse.ArgumentParser, message: str) -> NoReturn:
    """argparse's error with its sentence; its own prints it and leaves with a number."""
    raise SystemExit(message)


def prepare() -> None:
    """Imports the scripts."""
    pretend_gpu()
    for root in ROOTS:
        importlib.import_module(f"trl.scripts.{root}")
    mock.patch.object(argparse.ArgumentParser, "error", _say).start()


def judge(root: str, text: str) -> None:
    """Parses the file into the script's dataclasses, and the rest into flags."""
    from accelerate.commands.launch import launch_command_parser
    from accelerate.state import AcceleratorState
    from trl.cli.accelerate_config import resolve_accelerate_config_argument

    Path("config.yaml").write_text(text, "utf-8")
    # A parser keeps the defaults that a file gave it, so each file gets its own.
    parser = importlib.import_module(f"trl.scripts.{root}").make_parser()
    try:
        # As trl/cli/commands/training.py: what the classes do not know are flags of `accelerate launch`.
        *_, left = parser.parse_args_and_config(args=["--config", "config.yaml"], return_remaining_strings=True)
        launch_command_parser().parse_args([*resolve_accelerate_config_argument(left), f"{root}.py"])
    finally:
        AcceleratorState._reset_state(reset_partial_state=True)


def keys() -> list[Key]:
    """The fields of every dataclass that a script's parser takes."""
    found: dict[tuple[str, str], Key] = {}
    for root in ROOTS:
        for cls in importlib.import_module(f"trl.scripts.{root}").make_parser().dataclass_types:
            for key in of_dataclass(cls, root):
                found.setdefault((root, key.path[0]), key)
    return list(found.values())
