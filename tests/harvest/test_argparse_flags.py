"""Flags, read from the calls that add them."""

from __future__ import annotations

from pathlib import Path

from tests.harvest.releases_made import shapes
from tools.harvest.argparse_flags import Flag, flags
from tools.harvest.python_source import FunctionRef


def read(folder: Path, text: str) -> dict[str, Flag]:
    made = shapes(folder, settings=text)
    function = made.modules.find("demo.settings.parser")
    assert isinstance(function, FunctionRef)
    return {flag.name: flag for flag in flags(function, made)}


def test_types_choices_and_defaults(tmp_path: Path) -> None:
    text = """
        MODES = ["Fast", "Slow"]

        def parser():
            parser = make()
            group = parser.add_argument_group("Speed", "what it is about")
            group.add_argument("--mode", type=str, choices=["no"] + [mode.lower() for mode in MODES])
            group.add_argument("--size", type=int, default=int(1e3))
            parser.add_argument("--rate", type=float, required=True)
            parser.add_argument("--names", type=str, nargs="+", default=None)
            parser.add_argument("script", type=str)
    """
    found = read(tmp_path, text)
    assert {name: dict(flag.shape) for name, flag in found.items()} == {
        "mode": {"type": "string", "enum": ["no", "fast", "slow"], "default": None},
        "size": {"type": "integer", "default": 1000},
        "rate": {"type": "number", "x-required": True},
        "names": {"type": "string", "x-arguments": "+", "default": None},
    }
    assert {name: flag.group for name, flag in found.items()} == {
        "mode": "Speed",
        "size": "Speed",
        "rate": "",
        "names": "",
    }


def test_flags_without_a_value_and_with_other_names(tmp_path: Path) -> None:
    text = """
        def parser():
            parser = make()
            parser.add_argument("-h", "--help", action="help")
            parser.add_argument("-m", "--module", action="store_true")
            parser.add_argument("--no-cluster", "--none", action="store_false", dest="cluster")
            parser.add_argument("--env", type=str, action="append")
    """
    found = read(tmp_path, text)
    assert list(found) == ["module", "no-cluster", "env"]
    assert found["module"].others == ("-m",)
    assert found["module"].shape == {"type": "boolean", "default": False, "x-arguments": 0}
    assert (found["no-cluster"].dest, found["no-cluster"].others) == ("cluster", ("none",))
    assert found["no-cluster"].shape["default"] is True
    assert found["env"].shape == {"type": "array", "items": {"type": "string"}, "default": None}
