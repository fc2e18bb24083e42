"""What the same line means in one release of a framework and in the next, read in the released sources.

A row says since which release a behaviour has a value; `ftlint/knowledge/data/behaviours.json` names for each the file
it was read in and the releases on both sides of a change.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING

from ftlint.knowledge.bundled import load_object
from ftlint.record import record

if TYPE_CHECKING:
    from packaging.version import Version


@record
class Change:
    """The value that a behaviour has from one release on."""

    since: str
    value: str


@record
class Behaviour:
    """One behaviour of a package over its releases."""

    name: str
    package: str
    history: tuple[Change, ...]
    """Oldest first; the first entry is the oldest release that was read."""
    source: str

    @property
    def breakpoints(self) -> tuple[str, ...]:
        """The releases that changed it: what tells admissible versions apart. Empty where it never changed."""
        return tuple(change.since for change in self.history[1:])

    def value_for(self, version: str) -> str:
        """The value in a release, by its version. Releases older than the oldest one read have that one's value.

        Raises `packaging.version.InvalidVersion` for text that is no version.
        """
        wanted = _version(version)
        value = self.history[0].value
        for change in self.history[1:]:
            if _version(change.since) <= wanted:
                value = change.value
        return value


@lru_cache(maxsize=4096)
def _version(text: str) -> Version:
    from packaging.version import Version  # most checks ask for no release

    return Version(text)


@lru_cache(maxsize=1)
def _behaviours() -> Mapping[str, Behaviour]:
    rows = load_object("behaviours.json")["behaviours"]
    if not isinstance(rows, list):
        raise TypeError("behaviours.json must hold a list of behaviours")
    return {row["name"]: _parse(row) for row in rows}


def _parse(row: Mapping[str, object]) -> Behaviour:
    history = row["history"]
    if not isinstance(history, list):
        raise TypeError(f"behaviours.json: {row['name']} must have a list as its history")
    changes = tuple(Change(str(entry["since"]), str(entry["value"])) for entry in history)
    return Behaviour(str(row["name"]), str(row["package"]), changes, str(row["source"]))


def behaviour_names() -> tuple[str, ...]:
    """Every behaviour we know, sorted by name."""
    return tuple(sorted(_behaviours()))


def behaviour(name: str) -> Behaviour:
    """The behaviour of this name. Raises KeyError: names are written in our own code, never by users."""
    return _behaviours()[name]
