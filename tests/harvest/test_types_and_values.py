"""What annotations and defaults become."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.harvest.releases_made import properties_of, shapes
from tools.harvest.python_source import Expression

HEAD = """
from __future__ import annotations
from collections.abc import Sequence
from enum import Enum
from typing import *
import torch

class Kind(str, Enum):
    A = "a"
    B = "b"

Choices = Literal["x", "y"]
NUMBERS = [1, 2]
BASE = {"one": 1}
MORE = dict(**BASE, two=2)
"""


@pytest.mark.parametrize(
    ("annotation", "expected"),
    [
        ("int", {"type": "integer"}),
        ("float | int", {"type": "number"}),
        ("Optional[bool]", {"type": ["boolean", "null"]}),
        ("'Optional[str]'", {"type": ["string", "null"]}),
        ("Kind", {"type": "string", "enum": ["a", "b"]}),
        ("Kind | None", {"type": ["string", "null"], "enum": ["a", "b", None]}),
        ("Union[Kind, str]", {"type": "string", "examples": ["a", "b"]}),
        ("Choices", {"type": "string", "enum": ["x", "y"]}),
        ("bool | Literal['x']", {"type": ["string", "boolean"], "enum": ["x", True, False]}),
        ("int | Literal['auto']", {"anyOf": [{"type": "integer"}, {"type": "string", "enum": ["auto"]}]}),
        ("list[str] | str | None", {"type": ["array", "string", "null"], "items": {"type": "string"}}),
        (
            "list[int] | list[str]",
            {
                "anyOf": [
                    {"type": "array", "items": {"type": "integer"}},
                    {"type": "array", "items": {"type": "string"}},
                ]
            },
        ),
        ("dict[str, float]", {"type": "object", "additionalProperties": {"type": "number"}}),
        ("tuple[int, ...]", {"type": "array", "items": {"type": "integer"}}),
        ("Annotated[int, 'unit']", {"type": "integer"}),
        ("torch.dtype | str", {"type": "string", "x-python": ["torch.dtype"]}),
        ("Callable[[int], int]", {"x-python": ["Callable"]}),
        ("Optional[Any]", {}),
        ("not an annotation", {}),
    ],
)
def test_annotation(annotation: str, expected: dict[str, object], tmp_path: Path) -> None:
    read = shapes(tmp_path, settings=HEAD)
    module = read.modules.get("demo.settings")
    assert module is not None
    node: ast.expr
    try:
        node = ast.parse(annotation, mode="eval").body
    except SyntaxError:
        node = ast.Constant(annotation)
    assert read.annotations.schema(node, module) == expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("-1", -1),
        ("2 ** 10 * 3", 3072),
        ("('a', *NUMBERS)", ["a", 1, 2]),
        ("'a' 'b' + f'{NUMBERS}'", "ab[1, 2]"),
        ("Kind.A", "a"),
        ("Kind.A.value", "a"),
        ("list(Kind)", ["a", "b"]),
        ("[kind.value for kind in Kind]", ["a", "b"]),
        ("MORE", {"one": 1, "two": 2}),
        ("list(MORE.keys())", ["one", "two"]),
        ("{1: 2}", Expression("{1: 2}")),
        ("float('inf')", Expression("float('inf')")),
        ("1e999", Expression("1e309")),
        ("torch.float16", Expression("torch.float16")),
        ("10 ** 100000", Expression("10 ** 100000")),
        ("absent", Expression("absent")),
        ("open('file')", Expression("open('file')")),
    ],
)
def test_value(expression: str, expected: object, tmp_path: Path) -> None:
    read = shapes(tmp_path, settings=HEAD)
    module = read.modules.get("demo.settings")
    assert module is not None
    assert read.values.of(ast.parse(expression, mode="eval").body, module) == expected


def test_constants_come_from_other_modules(tmp_path: Path) -> None:
    text = """
        from dataclasses import dataclass, field
        from demo import constants
        from demo.constants import SIZE

        @dataclass
        class Settings:
            size: int = SIZE
            names: list = field(default_factory=lambda: [constants.NAME])
            empty: dict = field(default_factory=dict)
            made: object = field(default_factory=constants.make)
            read: str = constants.READ
    """
    found = properties_of(tmp_path, text, constants="SIZE = 4\nNAME = 'n'\nREAD = open('x').read()\ndef make(): ...\n")
    assert found["size"] == {"type": "integer", "default": 4}
    assert found["names"] == {"type": "array", "default": ["n"]}
    assert found["empty"] == {"type": "object", "default": {}}
    assert found["made"] == {"x-default": "constants.make()"}
    assert found["read"] == {"type": "string", "x-default": "constants.READ"}
