"""Regular expressions from pages, admitted only if no text can make them slow.

A page may come with a stranger's repository, and Python's matcher backtracks: `(a+)+$` takes for ever on thirty
letters. So we count, before compiling, in how many ways a pattern can be walked over a text of bounded length.
"""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Iterable
from functools import cache
from typing import Any

MAX_TEXT_LENGTH = 256
"""Texts longer than this are not to be matched: `.*.*.*x` takes 0.3 s for so many letters (CPython 3.11)."""

MAX_WAYS = (MAX_TEXT_LENGTH + 1) ** 3
"""As many as three `.*` in a row have."""


class PatternError(ValueError):
    """A pattern that does not compile, or could take too long."""


@cache
def bounded_pattern(pattern: str) -> re.Pattern[str]:
    """`pattern` compiled, or a PatternError."""
    try:
        compiled = re.compile(pattern)
        num_ways = _num_ways(_parser().parse(pattern))
    except (re.error, RecursionError, OverflowError) as error:
        raise PatternError(f"is not a regular expression: {error}") from None
    if num_ways > MAX_WAYS:
        raise PatternError("could take very long: repeat single characters or classes, at most three times without end")
    return compiled


def _parser() -> Any:  # Any: the parser behind `re` has no stubs
    return importlib.import_module("re._parser" if sys.version_info >= (3, 11) else "sre_parse")


def _num_ways(items: Iterable[tuple[Any, Any]]) -> int:
    """In how many ways a sequence of parsed items can be walked at most; large numbers are cut at the limit."""
    total = 1
    for operation, argument in items:
        total = min(total * _num_ways_of_item(str(operation), argument), MAX_WAYS + 1)
    return total


def _num_ways_of_item(operation: str, argument: Any) -> int:
    match operation:
        case "LITERAL" | "NOT_LITERAL" | "ANY" | "IN" | "AT" | "CATEGORY":
            return 1
        case "SUBPATTERN":
            return _num_ways(argument[-1])
        case "ATOMIC_GROUP":
            return _num_ways(argument)
        case "ASSERT" | "ASSERT_NOT":
            return _num_ways(argument[1])
        case "BRANCH":
            return sum(_num_ways(branch) for branch in argument[1])
        case "MAX_REPEAT" | "MIN_REPEAT" | "POSSESSIVE_REPEAT":
            least, most, body = argument
            return _num_ways_of_repeat(int(least), int(most), _num_ways(body))
    return MAX_WAYS + 1  # back references, conditions, and what later Pythons invent


def _num_ways_of_repeat(least: int, most: int, num_ways_of_body: int) -> int:
    most = min(most, MAX_TEXT_LENGTH)
    total = 0
    for count in range(min(least, most), most + 1):
        total += num_ways_of_body**count if num_ways_of_body > 1 else 1
        if total > MAX_WAYS:
            break
    return total
