"""Names are followed through imports, and a class has the fields that its constructor takes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.harvest.releases_made import class_of, properties_of, shapes
from tools.harvest.python_source import External, Modules
from tools.harvest.python_source.modules import ClassRef

BASE = """
    from dataclasses import dataclass, field
    from typing import ClassVar

    @dataclass
    class Base:
        rate: float = 0.1
        steps: int = 3
        kind: ClassVar[str] = "x"
        hidden: int = field(init=False, default=0)
"""


def test_fields_are_inherited_across_modules_and_said_anew(tmp_path: Path) -> None:
    text = """
        from dataclasses import dataclass
        from . import base as elsewhere

        class Mixin:
            untaken: int = 0

        @dataclass
        class Settings(Mixin, elsewhere.Base):
            steps: int = 5
            name: str
    """
    found = properties_of(tmp_path, text, base=BASE)
    assert list(found) == ["rate", "steps", "name"], "no ClassVar, no init=False, nothing of a class without decorator"
    assert found["steps"] == {"type": "integer", "default": 5}
    assert found["name"] == {"type": "string", "x-required": True}


def test_a_subclass_that_is_not_decorated_adds_nothing(tmp_path: Path) -> None:
    text = "from .base import Base\nclass Settings(Base):\n    more: int = 1\n"
    assert list(properties_of(tmp_path, text, base=BASE)) == ["rate", "steps"]


def test_models_know_aliases_bounds_and_private_names(tmp_path: Path) -> None:
    text = """
        import pydantic
        from pydantic import Field

        class Settings(pydantic.BaseModel):
            model_config = pydantic.ConfigDict(extra="forbid")
            stage: int = Field(0, ge=0, le=3, alias="zero_stage")
            required: str = Field(...)
            _private: int = 1
    """
    assert properties_of(tmp_path, text) == {
        "zero_stage": {"type": "integer", "minimum": 0, "maximum": 3, "default": 0},
        "required": {"type": "string", "x-required": True},
    }


def test_method_resolution_order_is_pythons(tmp_path: Path) -> None:
    text = "class A: pass\nclass B(A): pass\nclass C(A): pass\nclass D(B, C): pass\n"
    read = shapes(tmp_path, settings=text)
    namespace: dict[str, type] = {}
    exec(text, namespace)
    order = read.classes.order(class_of(read, "demo.settings.D"))
    assert [base.dotted.rpartition(".")[2] for base in order] == [c.__name__ for c in namespace["D"].__mro__[:-1]]


def test_a_class_that_is_its_own_base_ends(tmp_path: Path) -> None:
    read = shapes(tmp_path, settings="class A(B): pass\nclass B(A): pass\n")
    assert len(read.classes.order(class_of(read, "demo.settings.A"))) == 2


@pytest.mark.parametrize(
    ("package", "expected"),
    [
        ("from .part import Thing\n", True),
        ("from .part import *\n", True),
        ("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from .part import Thing\n", True),
        ("try:\n    from .part import Thing\nexcept ImportError:\n    Thing = None\n", True),
        ("Thing = None\nif True:\n    from .part import Thing\n", True),
        ("from .part import Other\n", False),
    ],
)
def test_what_a_package_offers(package: str, expected: bool, tmp_path: Path) -> None:
    read = shapes(tmp_path, init=package, part="class Thing: pass\nclass Other: pass\n")
    thing = class_of(read, "demo.part.Thing")
    assert read.modules.imports_of(thing) == [*(["demo.Thing"] if expected else []), "demo.part.Thing"]


def test_names_that_lead_in_a_circle_or_out(tmp_path: Path) -> None:
    read = shapes(tmp_path, a="from .b import X\n", b="from .a import X\n", c="import torch as t\n")
    assert read.modules.find("demo.a.X") is None
    module = read.modules.get("demo.c")
    assert module is not None
    assert read.modules.lookup("t", module) == External("torch")
    assert Modules(read.modules.source).get("demo.absent") is None


def test_star_imports_are_looked_through(tmp_path: Path) -> None:
    read = shapes(tmp_path, a="from .b import *\n", b="class X: pass\n")
    assert isinstance(read.modules.find("demo.a.X"), ClassRef)
