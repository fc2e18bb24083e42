"""Answers for the names of a `when`: from the keys of one document, or from the facts of one run."""

from __future__ import annotations

import dataclasses
import re
from enum import Enum
from typing import Any, Protocol

from ftlint.record import record
from ftlint.rulebook.when import Environment
from ftlint.run.fact import NOTHING, UNKNOWN, Fact, Truth, Unknown
from ftlint.run.key import Key, KeyPath, KeySet, Section
from ftlint.run.run import Run
from ftlint.spans import How, Location

_FILLED_IN = re.compile(r"\$\{|\{\{|^\$\w+$|^<\w+>$|^%\w+%$")
"""A text that somebody fills in before it is read: `${ADAPTER}`, `{{ rank }}`, `<model>`."""


class Places(Environment, Protocol):
    """An environment that also knows where its names are written and how their values read."""

    def place(self, dotted: str) -> Location | None:
        """The span that says it, short enough to be pointed at."""

    def shown(self, dotted: str) -> str:
        """The value as a person would read it, unquoted."""

    def home(self, dotted: str) -> Location | None:
        """Where a person would write it if it is not written."""


@record
class KeyEnvironment:
    """The keys of one document."""

    keys: KeySet

    def fact(self, dotted: str) -> Fact[Any]:
        """As `KeySet.fact`; a sequence is worth its items.

        What a template fills in is unknown, and so is what is below no mapping.
        """
        key = self.keys.key(dotted)
        if key is None:
            blocking = self._blocking(dotted)
            return self.keys.fact(dotted) if blocking is None else Fact(UNKNOWN, blocking.fact.origins)
        if key.fact.value is Section.SEQUENCE:
            return Fact(self._items(key.path), key.fact.origins)
        if isinstance(key.fact.value, str) and _FILLED_IN.search(key.fact.value):
            return Fact(UNKNOWN, key.fact.origins)
        return key.fact

    def written(self, dotted: str) -> Truth:
        """As `KeySet.written`; unknown below a value that we cannot see into."""
        if self.keys.key(dotted) is None and self._blocking(dotted) is not None:
            return Truth.UNKNOWN
        return self.keys.written(dotted)

    def has_keys(self, dotted: str) -> bool:
        """Whether the section has keys."""
        path = tuple(dotted.split("."))
        return any(key[:-1] == path for key in self.keys.keys)

    def place(self, dotted: str) -> Location | None:
        """The key with its value; of a whole section only its name."""
        key = self.keys.key(dotted)
        if key is None:
            return None
        return key.name_location if isinstance(key.fact.value, Section) else key.location

    def shown(self, dotted: str) -> str:
        """Texts without quotes, all else as written."""
        key = self.keys.key(dotted)
        if key is None or isinstance(key.fact.value, str):
            return show(self.fact(dotted).value)
        return "unknown" if isinstance(key.fact.value, Section) else shorten(key.raw)

    def home(self, dotted: str) -> Location | None:
        """The innermost written section around it, else the document's first key."""
        parts = dotted.split(".")
        for length in range(len(parts) - 1, 0, -1):
            if (place := self.place(".".join(parts[:length]))) is not None:
                return place
        first = next(iter(self.keys), None)
        return first.name_location if first is not None else None

    def _blocking(self, dotted: str) -> Key | None:
        """The written key above that path whose value is no section: a reference, null, a text."""
        parts = dotted.split(".")
        for length in range(len(parts) - 1, 0, -1):
            key = self.keys.key(".".join(parts[:length]))
            if key is not None:
                return None if isinstance(key.fact.value, Section) else key
        return None

    def _items(self, path: KeyPath) -> tuple[Any, ...]:
        """The values of a sequence's items, in order; sections among them are unknown."""
        items: list[Any] = []  # Any: as Environment.fact says
        while (key := self.keys.keys.get((*path, str(len(items))))) is not None:
            items.append(UNKNOWN if isinstance(key.fact.value, Section) else key.fact.value)
        return tuple(items)


@record
class RunEnvironment:
    """The facts of one run. Words of closed sets are texts here: `parallel.kind == "zero"`."""

    run: Run

    def fact(self, dotted: str) -> Fact[Any]:
        """The fact, or a field of its value: `hardware.gpu.name`."""
        section, item, *fields = dotted.split(".")
        fact = self.run.fact(f"{section}.{item}") or NOTHING
        value = fact.value
        for name in fields:
            value = _field(value, name)
        return Fact(_plain(value), fact.origins)

    def written(self, dotted: str) -> Truth:
        """Whether some file says it; a default or what was detected is not written."""
        fact = self.fact(dotted)
        if not fact.said:
            return Truth.UNKNOWN
        return Truth.of(any(origin.how is How.WRITTEN or origin.location is not None for origin in fact.origins))

    def has_keys(self, dotted: str) -> bool:
        """Facts hold no keys."""
        return False

    def place(self, dotted: str) -> Location | None:
        """The first line that says it."""
        return self.fact(dotted).location

    def shown(self, dotted: str) -> str:
        """The value in words."""
        return show(self.fact(dotted).value)

    def home(self, dotted: str) -> Location | None:
        """What launches the run."""
        return self.run.root


def _field(value: object, name: str) -> object:
    """A declared field of a dataclass: never a method, a property or anything private."""
    if not dataclasses.is_dataclass(value) or name not in {item.name for item in dataclasses.fields(value)}:
        return UNKNOWN
    found: object = getattr(value, name)
    return found


def _plain(value: object) -> object:
    """The value in the words of `when.values.Value`; what has none is unknown."""
    if value is None or isinstance(value, (bool, int, float, str, Unknown)):
        return value
    if isinstance(value, Enum) and isinstance(value.value, str):
        return value.value
    if isinstance(value, tuple):
        return tuple(_plain(item) for item in value)
    return UNKNOWN


def show(value: object) -> str:
    """A value without a text of its own, as JSON would write it but without quotes."""
    match value:
        case Unknown() | Section():
            return "unknown"
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case tuple():
            return shorten(", ".join(show(item) for item in value))
    return shorten(str(value))


def shorten(text: str, num_characters: int = 60) -> str:
    """On one line and of bounded length, for a message."""
    line = " ".join(text.split())
    return line if len(line) <= num_characters else f"{line[: num_characters - 1]}…"
