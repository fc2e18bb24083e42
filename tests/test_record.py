"""`@record` behaves like a frozen dataclass with slots wherever a reader would notice."""

from __future__ import annotations

import pickle
from dataclasses import dataclass, field, replace

import pytest

from ftlint.record import record


@record
class Point:
    x: int
    y: int = 0
    note: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Reference:
    x: int
    y: int = 0
    note: str = field(default="", compare=False)


@record
class Nothing:
    pass


@record
class Named:
    name: str

    def __repr__(self) -> str:
        return f"<{self.name}>"


def test_equal_and_hashed_by_fields() -> None:
    assert Point(1, 2) == Point(1, 2, "a note does not count")
    assert Point(1, 2) != Point(2, 1)
    other: object = Reference(1, 2)
    assert Point(1, 2) != other
    assert len({Point(1, 2), Point(1, 2, "x"), Point(3)}) == 2
    assert Nothing() == Nothing()


def test_shown_as_a_dataclass_is() -> None:
    assert repr(Point(1, 2, "n")) == repr(Reference(1, 2, "n")).replace("Reference", "Point")
    assert repr(Named("a")) == "<a>"


def test_replaced_and_pickled() -> None:
    assert replace(Point(1), y=5) == Point(1, 5)
    assert pickle.loads(pickle.dumps(Point(1, 2))) == Point(1, 2)


def test_no_dict() -> None:
    with pytest.raises(AttributeError):
        Point(1).z = 1  # type: ignore[attr-defined]  # that is the point
