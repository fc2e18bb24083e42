"""What the settings classes of transformers, TRL and PEFT take, and what an argument is where nobody passes it.

Only arguments that change a run's memory, precision, batch, lengths, learning or what it saves are known; which those
are, and what a script may say in place of each, is written by hand in `tools/harvest/arguments_source.json`.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from enum import Enum
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from ftlint.knowledge.bundled import load_object
from ftlint.record import record

if TYPE_CHECKING:
    from packaging.version import Version


class Missing(Enum):
    """Why there is no default: the release has no such argument, or we have not read what it has."""

    ABSENT = "absent"
    UNREAD = "unread"


@record
class Default:
    """What an argument is by itself. `text` as Python would write it; `value` is None for None and for expressions."""

    text: str
    value: bool | int | float | str | None


@record
class Overruling:
    """Releases in which classes of a package, told by their names, do as they like whatever the argument says."""

    words: tuple[str, ...]
    package: str
    releases: str


@record
class Argument:
    """One argument that changes a run.

    `kin`: words by which a script may say the same, or the contrary, in another way. `unset`: what a class may make of
    the argument itself where its default is None or an expression; None: not known. `needs`: another argument without
    which this one does nothing. `successor`: the name that took its place in later releases. `overruled`: where
    something else may do what the argument asks for.
    """

    name: str
    effect: str
    kin: frozenset[str]
    unset: tuple[object, ...] | None
    needs: str | None
    successor: str | None
    overruled: Overruling | None


@record
class _Row:
    since: str
    until: str
    default: Default | None


@record
class SettingsClass:
    """One class over the releases of its package. `parent`: the class of another package that it builds on."""

    name: str
    package: str
    parent: str | None
    found: tuple[_Row, ...]
    histories: Mapping[str, tuple[_Row, ...]]

    def default_in(self, argument: str, release: str) -> Default | Missing:
        """The default that the class gives an argument itself in a release; what its parent says is not asked.

        UNREAD between two releases that were read and differ, and before the oldest one.
        """
        read = _read(self.package)
        place = bisect_right(read, _version(release), key=_version)
        if not place:
            return Missing.UNREAD
        below = self._default_in(argument, read[place - 1])
        if _version(read[place - 1]) == _version(release) or place == len(read):
            return below
        return below if below == self._default_in(argument, read[place]) else Missing.UNREAD

    def _default_in(self, argument: str, read: str) -> Default | Missing:
        if _row(self.found, read) is None:
            return Missing.UNREAD
        row = _row(self.histories.get(argument, ()), read)
        return row.default if row is not None and row.default is not None else Missing.ABSENT


def _row(rows: tuple[_Row, ...], release: str) -> _Row | None:
    version = _version(release)
    return next((row for row in rows if _version(row.since) <= version <= _version(row.until)), None)


def arguments() -> Mapping[str, Argument]:
    """Every argument we know, by its name."""
    return _data().arguments


def settings_classes() -> Mapping[str, SettingsClass]:
    """Every class we know, by its name."""
    return _data().classes


def read_releases() -> Mapping[str, tuple[str, ...]]:
    """The releases whose sources were read, by package, oldest first."""
    return _data().read


def _read(package: str) -> tuple[str, ...]:
    return _data().read[package]


@record
class _Data:
    read: Mapping[str, tuple[str, ...]]
    arguments: Mapping[str, Argument]
    classes: Mapping[str, SettingsClass]


@lru_cache(maxsize=1)
def _data() -> _Data:
    content: Any = load_object("arguments.json")  # Any: the file is ours, and its test reads all of it
    return _Data(
        {package: tuple(releases) for package, releases in content["read"].items()},
        {name: _argument(name, row) for name, row in content["arguments"].items()},
        {name: _class(name, row) for name, row in content["classes"].items()},
    )


def _argument(name: str, row: Mapping[str, Any]) -> Argument:
    overruled = row.get("overruled")
    return Argument(
        name=name,
        effect=row["effect"],
        kin=frozenset(row.get("kin", ())),
        unset=tuple(row["unset"]) if "unset" in row else None,
        needs=row.get("needs"),
        successor=row.get("successor"),
        overruled=overruled and Overruling(tuple(overruled["words"]), overruled["package"], overruled["releases"]),
    )


def _class(name: str, row: Mapping[str, Any]) -> SettingsClass:
    histories = {argument: tuple(map(_parse, rows)) for argument, rows in row["arguments"].items()}
    return SettingsClass(name, row["package"], row["parent"], tuple(map(_parse, row["found"])), histories)


def _parse(row: Mapping[str, Any]) -> _Row:
    default = None
    if "default" in row:
        value = row["default"]
        is_expression = isinstance(value, dict)
        default = Default(value["expression"], None) if is_expression else Default(repr(value), value)
    return _Row(row["since"], row["until"], default)


@lru_cache(maxsize=4096)
def _version(text: str) -> Version:
    from packaging.version import Version  # most checks ask for no release

    return Version(text)
