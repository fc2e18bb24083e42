"""How values compare and calculate: different types, NaN and what has no meaning give UNKNOWN, never an exception."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import TypeAlias

from ftlint.run.fact import UNKNOWN, Truth, Unknown, all_of, any_of
from ftlint.run.key import Section

Value: TypeAlias = "bool | int | float | str | Section | Unknown | tuple[Value, ...] | None"


def as_number(value: Value) -> int | float | None:
    """An int or a float that compares with others; a bool is no number here and NaN compares with nothing."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return None if value != value else value  # only NaN differs from itself


def equal(left: Value, right: Value) -> Truth:
    """`left == right`. Everything compares with None; else types must be the same, int and float being one."""
    if isinstance(left, Unknown) or isinstance(right, Unknown):
        return Truth.UNKNOWN
    if left is None or right is None:
        return Truth.of(left is right)
    if isinstance(left, tuple) and isinstance(right, tuple):
        return all_of(map(equal, left, right)) if len(left) == len(right) else Truth.NO
    left_number, right_number = as_number(left), as_number(right)
    if left_number is not None and right_number is not None:
        return Truth.of(left_number == right_number)
    if (isinstance(left, str) and isinstance(right, str)) or (isinstance(left, bool) and isinstance(right, bool)):
        return Truth.of(left == right)
    return Truth.UNKNOWN


def ordered(compare: Callable[[float, float], bool], left: Value, right: Value) -> Truth:
    """`left < right` and the like: numbers only, for the order of texts ("10" < "9") is nobody's intent."""
    left_number, right_number = as_number(left), as_number(right)
    if left_number is None or right_number is None:
        return Truth.UNKNOWN
    return Truth.of(compare(left_number, right_number))


def contained(item: Value, container: Value) -> Truth:
    """`item in container`: an item of a sequence, or a text within a text."""
    if isinstance(container, tuple):
        return any_of(equal(item, member) for member in container)
    if isinstance(container, str) and isinstance(item, str):
        return Truth.of(item in container)
    return Truth.UNKNOWN


ARITHMETIC: dict[str, Callable[[float, float], float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "//": operator.floordiv,
    "%": operator.mod,
}


def calculate(symbol: str, left: Value, right: Value) -> Value:
    """Arithmetic of numbers; division by zero and overflow are UNKNOWN."""
    left_number, right_number = as_number(left), as_number(right)
    if left_number is None or right_number is None:
        return UNKNOWN
    try:
        return ARITHMETIC[symbol](left_number, right_number)
    except (ZeroDivisionError, OverflowError):
        return UNKNOWN


def kind_of(value: Value) -> str | Unknown:
    """The word for a value's type: nothing, flag, integer, float, text, list or mapping."""
    match value:
        case Unknown():
            return UNKNOWN
        case None:
            return "nothing"
        case bool():
            return "flag"
        case int():
            return "integer"
        case float():
            return "float"
        case str():
            return "text"
        case tuple() | Section.SEQUENCE:
            return "list"
        case Section.MAPPING:
            return "mapping"
