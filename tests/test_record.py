"""`@record` behaves like a frozen dataclass with slots wherever a reader would notice."""

from __future__ import annotations

import copy
import importlib
import inspect
import pickle
import pkgutil
import threading
from dataclasses import MISSING, dataclass, field, fields, is_dataclass, replace
from typing import Any, ClassVar, Generic, TypeVar

import pytest

import ftlint
from ftlint.record import record

T = TypeVar("T")


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
    assert copy.deepcopy(Point(1, 2)) == Point(1, 2)


def test_no_dict() -> None:
    with pytest.raises(AttributeError):
        Point(1).z = 1  # type: ignore[attr-defined]  # that is the point


def test_arguments_are_checked_as_a_dataclass_checks_them() -> None:
    for wrong in ((), (1, 2, "n", 4)):
        with pytest.raises(TypeError) as expected:
            Reference(*wrong)
        with pytest.raises(TypeError) as found:
            Point(*wrong)
        assert str(found.value) == str(expected.value).replace("Reference", "Point")
    assert inspect.signature(Point).parameters == inspect.signature(Reference).parameters


def _records() -> list[type]:
    """Every record of the package, but for those of modules that need torch."""
    found: set[type] = set()
    for module in pkgutil.walk_packages(ftlint.__path__, "ftlint."):
        if module.name == "ftlint.__main__":
            continue
        try:
            named = vars(importlib.import_module(module.name)).values()
        except ModuleNotFoundError as error:
            assert error.name in ("torch", "transformers")  # noqa: PT017  # which is not installed here
            continue
        found |= {each for each in named if isinstance(each, type) and "_values_of" in vars(each)}
    return sorted(found, key=lambda each: (each.__module__, each.__qualname__))


def test_every_record_is_constructed_as_a_dataclass_would_be() -> None:
    records = _records()
    assert len(records) > 100
    for each in records:
        ours = inspect.signature(each)
        given = {item.name: item for item in fields(each)}  # from here on the constructor is the one of `dataclass`
        theirs = inspect.signature(each)
        assert list(ours.parameters) == list(theirs.parameters)
        for name, parameter in ours.parameters.items():
            if given[name].default_factory is MISSING:
                assert parameter == theirs.parameters[name], each
            else:
                assert parameter.replace(default=None) == theirs.parameters[name].replace(default=None), each


def _fresh() -> Any:  # Any: a class that nobody can name
    """A class that nobody has used yet, so that what is made later is still to be made."""

    @record
    class Fresh:
        """Says what it is."""

        KINDS: ClassVar[tuple[str, ...]] = ("a", "b")
        first: int
        rest: list[int] = field(default_factory=list)

    return Fresh


def test_whatever_is_asked_first_is_there() -> None:
    assert [item.name for item in fields(_fresh())] == ["first", "rest"]
    assert is_dataclass(_fresh())
    assert _fresh().__match_args__ == ("first", "rest")
    assert list(inspect.signature(_fresh()).parameters) == ["first", "rest"]
    assert _fresh().__doc__ == "Says what it is."
    assert _fresh().KINDS == ("a", "b")
    match Point(1, 2):
        case Point(x, y):
            assert (x, y) == (1, 2)


def test_an_object_that_was_never_constructed_can_be_compared() -> None:
    """As unpickling makes them."""
    fresh = _fresh()
    one, other = fresh.__new__(fresh), fresh.__new__(fresh)
    for made in (one, other):
        made.first, made.rest = 1, ()
    assert one == other
    assert hash(one) == hash(other)


def test_a_default_factory_makes_each_object_its_own() -> None:
    fresh = _fresh()
    assert fresh(1).rest == []
    assert fresh(1).rest is not fresh(1).rest


def test_what_the_class_says_itself_stays() -> None:
    @record
    class Checked:
        low: int
        high: int

        def __post_init__(self) -> None:
            if self.low > self.high:
                raise ValueError("upside down")

    @record
    class Doubled:
        size: int

        def __init__(self, size: int) -> None:
            self.size = 2 * size  # type: ignore[misc]  # frozen to mypy

        def __eq__(self, other: object) -> bool:
            return isinstance(other, Doubled)

        def __hash__(self) -> int:
            return 7

    with pytest.raises(ValueError, match="upside down"):
        Checked(2, 1)
    assert Doubled(4).size == 8
    assert (Doubled(1), hash(Doubled(2))) == (Doubled(3), 7)


def test_inherited_fields_come_first() -> None:
    @record
    class Base(Generic[T]):
        value: T

        def doubled(self) -> tuple[T, T]:
            return (self.value, self.value)

    @record
    class Derived(Base[int]):
        unit: str = "B"

    assert [item.name for item in fields(Derived)] == ["value", "unit"]  # asked of the derived class first
    assert Derived(3) == Derived(3, "B") != Derived(4)
    assert Derived(3).doubled() == (3, 3)
    assert Base("x") == Base("x")
    assert not hasattr(Derived(3), "__dict__")


def test_threads_that_meet_at_the_first_object() -> None:
    for _ in range(20):
        fresh, made = _fresh(), list[object]()
        start = threading.Barrier(4)

        def make(fresh: Any = fresh, made: list[object] = made, start: threading.Barrier = start) -> None:
            start.wait()
            made.append(fresh(1))

        threads = [threading.Thread(target=make) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert made == [fresh(1)] * 4
