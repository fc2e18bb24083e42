"""Reads a run spec key by key: says in one line what is wrong with it, and lists what is left out."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import TypeVar

from ftlint.errors import SpecError, nearest
from ftlint.memory.estimate import Assumption
from ftlint.run.fact import Fact, default
from ftlint.spans import How, Origin

T = TypeVar("T")

MAX_COUNT = 10**15
"""More than anything that is counted here: beyond it a number is a slip."""

MAX_WORDS = 8
"""More are not listed in a message: nobody reads them there."""


class ObjectReader:
    """One object of a run spec. Owned by one reading: it remembers which keys were asked for, to name the others.

    A key that is null counts as left out.
    """

    def __init__(self, value: object, path: str = "") -> None:
        self.path = path
        if not isinstance(value, Mapping):
            raise SpecError(f"{path or 'the run spec'}: expected an object, found {shown(value)}")
        self._values: dict[str, object] = {str(key): item for key, item in value.items() if item is not None}
        self._keys = tuple(str(key) for key in value)
        self._asked: list[str] = []

    def has(self, key: str) -> bool:
        """Whether the key is there."""
        self._asked.append(key)
        return key in self._values

    def get(self, key: str) -> object:
        """The raw value, or None."""
        self._asked.append(key)
        return self._values.get(key)

    def section(self, key: str) -> ObjectReader:
        """An object inside this one; an empty one where it is left out."""
        value = self.get(key)
        return ObjectReader({} if value is None else value, self.name(key))

    def text(self, key: str) -> str | None:
        """A text that is not empty."""
        value = self.get(key)
        if value is None:
            return None
        if not isinstance(value, str) or not value.strip():
            raise self.complaint(key, "a text")
        return value

    def choice(self, key: str, allowed: Iterable[str], aliases: Mapping[str, str] | None = None) -> str | None:
        """One of a list of words; case does not matter, and an alias stands for its word."""
        words = tuple(allowed)
        value = self.get(key)
        if value is None:
            return None
        if isinstance(value, str):
            lowered = value.strip().lower()
            known = {word.lower(): word for word in words} | dict(aliases or {})
            if lowered in known:
                return known[lowered]
        hint = nearest(value.lower(), words) if isinstance(value, str) else ""
        expected = " | ".join(words) if len(words) <= MAX_WORDS else f"one of {len(words)} names, such as {words[0]}"
        raise self.complaint(key, expected, hint)

    def integer(self, key: str, minimum: int = 1, maximum: int = MAX_COUNT) -> int | None:
        """A whole number within limits."""
        value = self.get(key)
        if value is None:
            return None
        if not isinstance(value, int) or isinstance(value, bool) or not minimum <= value <= maximum:
            limits = f"of at least {minimum}" if maximum == MAX_COUNT else f"from {minimum} to {maximum}"
            raise self.complaint(key, f"a whole number {limits}")
        return value

    def number(self, key: str, minimum: float, maximum: float) -> float | None:
        """A number within limits, both of them allowed."""
        value = self.get(key)
        if value is None:
            return None
        if not isinstance(value, (int, float)) or isinstance(value, bool) or not minimum <= value <= maximum:
            raise self.complaint(key, f"a number from {minimum:g} to {maximum:g}")
        return float(value)

    def flag(self, key: str) -> bool | None:
        """true or false."""
        value = self.get(key)
        if value is not None and not isinstance(value, bool):
            raise self.complaint(key, "true or false")
        return value

    def texts(self, key: str) -> tuple[str, ...] | None:
        """A text, or a list of texts."""
        value = self.get(key)
        if value is None:
            return None
        items = [value] if isinstance(value, str) else value
        if not isinstance(items, list) or not all(isinstance(item, str) and item for item in items):
            raise self.complaint(key, "a text or a list of texts")
        return tuple(items)

    def items(self) -> Iterable[tuple[str, object]]:
        """All keys with their values; they count as asked for."""
        self._asked.extend(self._keys)
        return tuple(self._values.items())

    def finish(self) -> None:
        """Complain about a key that nobody asked for."""
        for key in self._keys:
            if key not in self._asked:
                known = tuple(dict.fromkeys(self._asked))
                raise SpecError(
                    f"{self.name(key)}: no such key{nearest(key, known) or '; there are ' + ', '.join(known)}"
                )

    def complaint(self, key: str, expected: str, hint: str = "") -> SpecError:
        """An error that names the key, its value and what it may be."""
        return SpecError(f"{self.name(key)} = {shown(self._values.get(key))}: expected {expected}{hint}")

    def name(self, key: str) -> str:
        """The dotted name of a key in this object."""
        return f"{self.path}.{key}" if self.path else key


@dataclass(slots=True)
class Blanks:
    """Collects the assumptions while one spec is read."""

    assumptions: list[Assumption] = field(default_factory=list)

    def fill(self, reader: ObjectReader, key: str, value: T | None, otherwise: T, why: str) -> Fact[T]:
        """The value as a fact; where it is left out, what is assumed instead."""
        if value is not None:
            return Fact(value, (Origin(How.WRITTEN, None, f"{reader.name(key)} in the run spec"),))
        self.note(reader.name(key), _in_words(otherwise), why)
        return default(otherwise, why)

    def note(self, key: str, value: str, why: str) -> None:
        """List what is not even assumed."""
        self.assumptions.append(Assumption(key, value, why))


def _in_words(value: object) -> str:
    """An assumed value as a spec would write it, without quotes."""
    plain = value.value if isinstance(value, Enum) else value
    if isinstance(plain, tuple):
        return ", ".join(str(item) for item in plain) or "none"
    return str(plain).lower() if isinstance(plain, bool) else str(plain)


def shown(value: object) -> str:
    """A value of a spec as it is written there, cut off where it is long."""
    text = json.dumps(value, default=str, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:57]}..."
