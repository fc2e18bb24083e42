"""Facts: a value or UNKNOWN, together with where it comes from; and logic with three values over them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import Enum
from typing import Any, Generic, TypeAlias, TypeVar

from ftlint.record import record
from ftlint.spans import How, Location, Origin

T = TypeVar("T")
R = TypeVar("R")


class Unknown(Enum):
    """The value of what we cannot see. It never fires a rule."""

    UNKNOWN = "unknown"

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN = Unknown.UNKNOWN


class Truth(Enum):
    """Kleene's three truth values. Deliberately not usable as a bool: ask `is Truth.YES`."""

    NO = "no"
    UNKNOWN = "unknown"
    YES = "yes"

    @staticmethod
    def of(answer: bool | Unknown) -> Truth:
        """A plain answer as a truth value."""
        if isinstance(answer, Unknown):
            return Truth.UNKNOWN
        return Truth.YES if answer else Truth.NO

    def negated(self) -> Truth:
        """Not: unknown stays unknown."""
        return {Truth.YES: Truth.NO, Truth.NO: Truth.YES, Truth.UNKNOWN: Truth.UNKNOWN}[self]

    def __bool__(self) -> bool:
        raise TypeError("a Truth has three values: compare it with `is Truth.YES`")


def all_of(truths: Iterable[Truth]) -> Truth:
    """And: NO wins over UNKNOWN, UNKNOWN over YES."""
    seen = set(truths)
    return Truth.NO if Truth.NO in seen else Truth.UNKNOWN if Truth.UNKNOWN in seen else Truth.YES


def any_of(truths: Iterable[Truth]) -> Truth:
    """Or: YES wins over UNKNOWN, UNKNOWN over NO."""
    seen = set(truths)
    return Truth.YES if Truth.YES in seen else Truth.UNKNOWN if Truth.UNKNOWN in seen else Truth.NO


@record
class Fact(Generic[T]):
    """What is believed about one thing, and why. Without origins nobody has said anything about it."""

    value: T | Unknown
    origins: tuple[Origin, ...] = ()

    @property
    def known(self) -> bool:
        """Whether there is a value."""
        return self.value is not UNKNOWN

    @property
    def said(self) -> bool:
        """Whether anything at all, even something we cannot evaluate, was said about it."""
        return bool(self.origins)

    def or_default(self, default: R) -> T | R:
        """The value, or `default` where it is unknown."""
        return default if isinstance(self.value, Unknown) else self.value

    @property
    def location(self) -> Location | None:
        """The first place where it is written, if any."""
        return next((origin.location for origin in self.origins if origin.location is not None), None)


NOTHING: Fact[Any] = Fact(UNKNOWN)  # Any: stands in any typed slot of a Run as "not said"


def written(value: T | Unknown, location: Location, note: str = "") -> Fact[T]:
    """A fact read off a file."""
    return Fact(value, (Origin(How.WRITTEN, location, note),))


def default(value: T | Unknown, note: str) -> Fact[T]:
    """A fact that holds because nobody wrote otherwise; `note` says whose default it is."""
    return Fact(value, (Origin(How.DEFAULT, None, note),))


def derive(function: Callable[..., R | Unknown], *facts: Fact[Any]) -> Fact[R]:
    """`function` of the values once all are known, with all their origins; unknown (same origins) before that."""
    origins = tuple(dict.fromkeys(origin for fact in facts for origin in fact.origins))
    if not all(fact.known for fact in facts):
        return Fact(UNKNOWN, origins)
    return Fact(function(*(fact.value for fact in facts)), origins)


KeyValue: TypeAlias = "bool | int | float | str | tuple[KeyValue, ...] | None"
