"""The closed set of functions that a `when` may call."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from ftlint.rulebook.patterns import MAX_TEXT_LENGTH, bounded_pattern
from ftlint.rulebook.when.reading import Reading
from ftlint.rulebook.when.values import Value, kind_of
from ftlint.run.fact import UNKNOWN, Truth
from ftlint.run.key import Section


def _written(reading: Reading, dotted: str) -> Truth:
    return reading.written(dotted)


def _known(reading: Reading, dotted: str) -> Truth:
    if reading.fact(dotted).known:
        return Truth.YES
    # Where we cannot even tell whether it is written, half-typed text decides nothing.
    return Truth.UNKNOWN if reading.environment.written(dotted) is Truth.UNKNOWN else Truth.NO


def _given(reading: Reading, dotted: str) -> Truth:
    """Written with what Python takes for true. Many frameworks ask `if config.get("key")`."""
    written = reading.written(dotted)
    return _truthy(reading, dotted) if written is Truth.YES else written


def _truthy(reading: Reading, dotted: str) -> Truth:
    """What Python's `if` makes of the value, be it written or a default."""
    value = reading.fact(dotted).value
    if isinstance(value, Section):
        # Not everything in it need be visible (`<<: *others`), so only what is there proves anything.
        return Truth.YES if reading.environment.has_keys(dotted) else Truth.UNKNOWN
    return Truth.UNKNOWN if value is UNKNOWN else Truth.of(bool(value))


def _len(value: Value) -> Value:
    return len(value) if isinstance(value, (str, tuple)) else UNKNOWN


def _lower(value: Value) -> Value:
    return value.lower() if isinstance(value, str) else UNKNOWN


def _startswith(value: Value, prefix: Value) -> Value:
    return value.startswith(prefix) if isinstance(value, str) and isinstance(prefix, str) else UNKNOWN


def _endswith(value: Value, suffix: Value) -> Value:
    return value.endswith(suffix) if isinstance(value, str) and isinstance(suffix, str) else UNKNOWN


def _split(value: Value, separator: Value) -> Value:
    if not isinstance(value, str) or not isinstance(separator, str) or not separator:
        return UNKNOWN
    return tuple(part.strip() for part in value.split(separator))


def _matches(value: Value, pattern: Value) -> Value:
    if not isinstance(value, str) or not isinstance(pattern, str) or len(value) > MAX_TEXT_LENGTH:
        return UNKNOWN
    return bounded_pattern(pattern).search(value) is not None


Question: TypeAlias = Callable[[Reading, str], Truth]

QUESTIONS: dict[str, Question] = {"written": _written, "known": _known, "given": _given, "truthy": _truthy}
"""Functions of one name."""

FUNCTIONS: dict[str, tuple[int, Callable[..., Value]]] = {
    "kind": (1, kind_of),
    "len": (1, _len),
    "lower": (1, _lower),
    "startswith": (2, _startswith),
    "endswith": (2, _endswith),
    "split": (2, _split),
    "matches": (2, _matches),
}
"""Functions of values, with how many they take."""
