"""`schemas/accelerate.json` against the installed Accelerate: classes, flags, and what becomes of a file's keys."""

from __future__ import annotations

import dataclasses
import importlib
import importlib.util
import inspect
from pathlib import Path
from typing import Any

import pytest

from tests.harvest.newest import Newest

pytestmark = [
    pytest.mark.referee,
    pytest.mark.skipif(importlib.util.find_spec("accelerate") is None, reason="the referee needs Accelerate"),
]

SCHEMA = Newest("accelerate")
MODULES = ("accelerate.utils.dataclasses", "accelerate.parallelism_config")
BLOCKS = sorted(name for name in SCHEMA.levels if name.endswith("_config"))
NO_DATACLASS = ("DummyOptim", "DummyScheduler", "Accelerator", "notebook_launcher")


@pytest.fixture(scope="module", autouse=True)
def _same_release() -> None:
    if importlib.import_module("accelerate").__version__ != SCHEMA.release:
        pytest.skip(f"the schema's newest release is {SCHEMA.release}")


def test_every_dataclass_is_known_with_its_fields() -> None:
    for module in map(importlib.import_module, MODULES):
        for name, cls in vars(module).items():
            is_own = inspect.isclass(cls) and cls.__module__ == module.__name__ and not name.startswith("_")
            if is_own and dataclasses.is_dataclass(cls):
                assert SCHEMA.keys(name) == {field.name for field in dataclasses.fields(cls) if field.init}, name


@pytest.mark.parametrize("name", sorted(name for name in SCHEMA.levels if "x-imports" in SCHEMA.levels[name]))
def test_a_name_leads_to_what_takes_these_arguments(name: str) -> None:
    for dotted in SCHEMA.levels[name]["x-imports"]:
        module, _, last = dotted.rpartition(".")
        found: Any = getattr(importlib.import_module(module), last)
        parameters = inspect.signature(found).parameters.values()
        kinds = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
        assert SCHEMA.keys(name) == {parameter.name for parameter in parameters if parameter.kind not in kinds}


def parser() -> Any:
    return importlib.import_module("accelerate.commands.launch").launch_command_parser()


def test_the_flags_of_the_launcher() -> None:
    actions = {
        option.removeprefix("--"): action
        for action in parser()._actions
        for option in action.option_strings[:2]
        if option.startswith("--") and action.dest != "help"
    }
    properties = SCHEMA.levels["launch"]["properties"]
    assert {name.replace("-", "_") for name in actions} == SCHEMA.keys("launch")
    for name, shape in properties.items():
        action = actions.get(name) or actions[name.replace("_", "-")]
        assert shape.get("x-dest", name) == action.dest
        assert shape.get("x-arguments") == (0 if action.nargs == 0 else None)
        assert shape.get("enum") == (list(action.choices) if action.choices is not None else None)


@pytest.mark.parametrize("name", ["ClusterConfig", "SageMakerConfig"])
def test_the_file_takes_the_fields_and_what_it_moves(name: str) -> None:
    cls: Any = getattr(importlib.import_module("accelerate.commands.config.config_args"), name)
    moved = {key for key, shape in SCHEMA.levels[name]["properties"].items() if "x-deprecated" in shape}
    assert SCHEMA.keys(name) - moved == {field.name for field in dataclasses.fields(cls)}


def load(folder: Path, text: str) -> Any:
    """What `accelerate launch --config_file` makes of a file: the launcher's arguments."""
    file = folder / "config.yaml"
    file.write_text(text, encoding="utf-8")
    launch = importlib.import_module("accelerate.commands.launch")
    return launch._validate_launch_command(parser().parse_args(["--config_file", str(file), "train.py"]))[0]


def test_an_unknown_key_at_the_top_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no_such_key"):
        load(tmp_path, "distributed_type: 'NO'\nnum_processes: 1\nno_such_key: 1\n")


@pytest.mark.parametrize("key", ["fp16: true", "dynamo_backend: 'NO'"])
def test_what_is_moved_is_taken(key: str, tmp_path: Path) -> None:
    load(tmp_path, f"distributed_type: 'NO'\nnum_processes: 1\n{key}\n")


@pytest.mark.parametrize("block", BLOCKS)
def test_a_block_fills_the_arguments_of_its_keys(block: str, tmp_path: Path) -> None:
    properties = SCHEMA.levels[block]["properties"]
    before = vars(parser().parse_args(["train.py"]))
    for key, shape in properties.items():
        args = load(
            tmp_path, f"distributed_type: 'NO'\nnum_processes: 1\n{block}:\n  {key}: written\n  no_such_key: 1\n"
        )
        filled = shape.get("x-alias-of", key)
        assert getattr(args, filled, None) == "written" or "x-unread" in shape
        assert filled not in before or "x-unread" not in shape, key
