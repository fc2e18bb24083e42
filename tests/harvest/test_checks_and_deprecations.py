"""What a constructor demands, and what it says is deprecated; silent about what depends on anything else."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.harvest.releases_made import BEHAVIOUR, class_of, properties_of, shapes
from tools.harvest.python_source.levels import Levels

HEAD = """
import os
import warnings
from dataclasses import dataclass, field
from enum import Enum

class Kind(str, Enum):
    A = "a"
    B = "b"

@dataclass
class Settings:
    x: object = None
    y: object = None

"""


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("self.x = Kind(self.x)", [{"kind": "enum"}]),
        ("if self.x is not None:\n    self.x = Kind(self.x)", [{"kind": "enum"}]),
        ("self.x = float(self.x)", [{"kind": "converted", "by": "float"}]),
        ("if self.x not in ('a', 'b'):\n    raise ValueError", [{"kind": "enum"}]),
        ("assert self.x in [None, 4, 8]", [{"kind": "enum"}]),
        ("if self.x < 0 or self.x > 1:\n    raise ValueError", [{"kind": "range", "minimum": 0, "maximum": 1}]),
        ("if not 0 < self.x <= 1:\n    raise ValueError", [{"kind": "range", "exclusiveMinimum": 0, "maximum": 1}]),
        ("if self.x is not None and self.x < 0:\n    raise ValueError", [{"kind": "range", "minimum": 0}]),
        ("if self.x > 3:\n    warnings.warn('much')", [{"kind": "number"}]),
        ("if not isinstance(self.x, bool):\n    raise TypeError", [{"kind": "instance", "of": ["bool"]}]),
        ("if self.x is None:\n    self.x = 1\nif self.x < 0:\n    raise ValueError", [{"kind": "range", "minimum": 0}]),
        ("self._validate()", [{"kind": "range", "minimum": 7}]),
        (
            "self.y = Kind(self.y)\nif self.y == Kind.A and self.x > 1:\n    print(self.x)",
            [{"kind": "number", "if": {"y": "a"}}],
        ),
        ("if self.y is None and self.x > 1:\n    print(self.x)", [{"kind": "number", "if": {"y": None}}]),
        (
            "if not (isinstance(self.x, int) and self.x > 0):\n    raise ValueError",
            [
                {"kind": "instance", "of": ["int"]},
                {"kind": "range", "exclusiveMinimum": 0},
            ],
        ),
        ("self.x = os.path.expanduser(self.x)", [{"kind": "instance", "of": ["str"]}]),
        ("self.y = 'a'\nif self.y == 'a' and self.x > 1:\n    print(self.x)", None),
        ("if self.y and self.x > 1:\n    print(self.x)", None),
        # What depends on another value, or comes after the value was replaced, says nothing of what was passed.
        ("if self.y is not None and self.x < 0:\n    raise ValueError", None),
        ("if self.y:\n    self.x = Kind(self.x)", None),
        ("if self.y and self.x not in ('a',):\n    raise ValueError", None),
        # A local variable of that name is another.
        ("x = self.y or self.x\nif self.x < 2:\n    raise ValueError", [{"kind": "range", "minimum": 2}]),
        ("x = self.y or 1\nif x < 2:\n    raise ValueError", None),
        ("self.x = self.x or 1\nif self.x < 0:\n    raise ValueError", None),
        ("for self.x in range(3):\n    pass\nif self.x < 0:\n    raise ValueError", None),
        ("if self.y:\n    return\nif self.x == 0:\n    raise ValueError", None),
        ("if 0 < self.x < 1:\n    raise ValueError", [{"kind": "number"}]),
    ],
)
def test_check(body: str, expected: object, tmp_path: Path) -> None:
    method = "\n    def _validate(self):\n        if self.x < 7:\n            raise ValueError\n"
    lines = "".join(f"        {line}\n" for line in body.splitlines())
    found = properties_of(tmp_path, f"{HEAD}    def __post_init__(self):\n{lines}{method}")
    assert found["x"].get("x-checked") == expected


def test_a_checked_enum_closes_the_list(tmp_path: Path) -> None:
    text = HEAD.replace("x: object = None", "x: Kind | str = 'a'") + (
        "    def __post_init__(self):\n        self.x = Kind(self.x)\n"
    )
    shape = properties_of(tmp_path, text)["x"]
    assert shape == {"type": "string", "default": "a", "enum": ["a", "b"], "x-checked": [{"kind": "enum"}]}


def test_checks_of_the_class_above_are_found_through_super(tmp_path: Path) -> None:
    text = (
        HEAD
        + "    def __post_init__(self):\n        if self.x < 0:\n            raise ValueError\n\n"
        + "@dataclass\nclass Lower(Settings):\n    def __post_init__(self):\n        super().__post_init__()\n\n"
        + "@dataclass\nclass Deaf(Settings):\n    def __post_init__(self):\n        pass\n"
    )
    assert properties_of(tmp_path, text, "Lower")["x"]["x-checked"] == [{"kind": "range", "minimum": 0}]
    assert "x-checked" not in properties_of(tmp_path, text, "Deaf")["x"]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            "if self.x is not None:\n    warnings.warn('`x` is deprecated. Use `y` instead.')\n    self.y = self.x",
            {"by": "y", "effect": "moved"},
        ),
        (
            "if self.x:\n    warnings.warn('using `--x` is deprecated, use `--y`')",
            {"by": "y", "effect": "warns"},
        ),
        ("if self.x:\n    warnings.warn('The `x` argument is deprecated and ignored.')", {"effect": "ignored"}),
        ("if self.x:\n    raise ValueError('`x` has been removed, use `y`')", {"by": "y", "effect": "error"}),
        (
            "for old, new in (('x', 'y'),):\n    warnings.warn(f'`{old}` is deprecated')",
            {"by": "y", "effect": "moved"},
        ),
        (
            "if self.x:\n    warnings.warn('`x` is deprecated')\n    self.y.inner = self.x",
            {"by": "y.inner", "effect": "moved"},
        ),
        # A value or a class that is deprecated is not the key.
        ("warnings.warn('The `keep` value of `x` is deprecated')", None),
        ("warnings.warn('using `Kind` for `x` is deprecated')", None),
    ],
)
def test_deprecation_by_a_warning(body: str, expected: object, tmp_path: Path) -> None:
    lines = "".join(f"        {line}\n" for line in body.splitlines())
    found = properties_of(tmp_path, f"{HEAD}    def __post_init__(self):\n{lines}")
    assert found["x"].get("x-deprecated") == expected
    assert "x-deprecated" not in found["y"]


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("field(default=None, metadata={'help': 'Deprecated, the use of `--y` is preferred.'})", "y"),
        ("field(default=None, metadata={'help': 'This argument is deprecated, use `--y` instead.'})", "y"),
        ("field(default=None, metadata={'help': 'For a launcher (Deprecated), the rank.'})", None),
    ],
)
def test_deprecation_by_a_help_text(field: str, expected: str | None, tmp_path: Path) -> None:
    found = properties_of(tmp_path, HEAD.replace("x: object = None", f"x: object = {field}"))["x"].get("x-deprecated")
    assert found == (expected and {"by": expected, "effect": "warns"})


def test_deprecation_by_documentation_and_decorator(tmp_path: Path) -> None:
    text = '''
        class Trainer:
            """Trains.

            Args:
                model (`str`):
                    The model.
                rate (`float`, *optional*):
                    How fast. This argument is deprecated, use `speed`.
                speed (`float`): Better.
            """

            @deprecate_kwarg("tokenizer", "1.0", "processor", raise_if_both_names=True)
            def __init__(self, model, processor=None, *, rate=None, speed=1.0, **kwargs):
                pass

        class Shell(Trainer):
            def __init__(self, *args, **kwargs):
                super().__init__(*args, **kwargs)
    '''
    read = shapes(tmp_path, settings=text)
    levels = Levels(read, lambda _base: None)
    for name in ("Trainer", "Shell"):
        level = levels.of_init(class_of(read, f"demo.settings.{name}"), BEHAVIOUR)
        assert level is not None
        assert level["x-positional"] == ["model", "processor"]
        assert level["properties"] == {
            "model": {"x-required": True},
            "processor": {"default": None},
            "rate": {"default": None, "x-deprecated": {"by": "speed", "effect": "warns"}},
            "speed": {"default": 1.0},
            "tokenizer": {"x-deprecated": {"by": "processor", "effect": "moved"}},
        }
