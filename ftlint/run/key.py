"""Keys: settings as written, in one shape for YAML and JSON keys, keyword arguments, dataclass fields and flags."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import Enum
from typing import TypeAlias

from ftlint.record import record
from ftlint.run.fact import NOTHING, Fact, KeyValue, Truth
from ftlint.spans import Location

KeyPath: TypeAlias = "tuple[str, ...]"


class Section(Enum):
    """The value of a key that holds other keys (or items), which are keys of their own."""

    MAPPING = "mapping"
    SEQUENCE = "sequence"


@record
class Key:
    """One setting. `path` counts items of sequences as "0", "1" …; `raw` is the value's text as written.

    `location` covers key and value, `name_location` the key, `value_location` the value.
    """

    dialect: str
    path: KeyPath
    fact: Fact[KeyValue | Section]
    raw: str
    location: Location
    name_location: Location
    value_location: Location

    @property
    def dotted(self) -> str:
        """`zero_optimization.stage`."""
        return ".".join(self.path)


@record
class KeySet:
    """The keys of one document in one dialect, plus the defaults that hold where nothing is written.

    `duplicates` holds writings that a later one of the same path overrules, in the order of the text.
    """

    dialect: str
    keys: Mapping[KeyPath, Key]
    defaults: Mapping[KeyPath, Fact[KeyValue]]
    duplicates: tuple[Key, ...] = ()
    complete: bool = True  # False: the document did not parse to its end, so absence proves nothing

    def __iter__(self) -> Iterator[Key]:
        return iter(self.keys.values())

    def key(self, dotted: str) -> Key | None:
        """The key written at that dotted path."""
        return self.keys.get(tuple(dotted.split(".")))

    def fact(self, dotted: str) -> Fact[KeyValue | Section]:
        """What takes effect at that path: as written, else the default in this variant, else nothing said."""
        path = tuple(dotted.split("."))
        found = self.keys.get(path)
        if found is not None:
            return found.fact
        return self.defaults.get(path, NOTHING) if self.complete else NOTHING

    def written(self, dotted: str) -> Truth:
        """Whether the text itself has the key."""
        if tuple(dotted.split(".")) in self.keys:
            return Truth.YES
        return Truth.NO if self.complete else Truth.UNKNOWN

    def below(self, prefix: str, dialect: str) -> KeySet:
        """The keys inside one section, as a document of another dialect that is written there."""
        inner = {key.path[1:]: key for key in self.keys.values() if key.path[:1] == (prefix,) and len(key.path) > 1}
        return KeySet(dialect, inner, {}, (), self.complete)

    def at(self, location: Location) -> Key | None:
        """The innermost key whose text contains that location."""
        inside = [
            key
            for key in (*self.keys.values(), *self.duplicates)
            if key.location.path == location.path
            and key.location.cell == location.cell
            and key.location.span.start <= location.span.start
            and location.span.end <= key.location.span.end
        ]
        return max(inside, key=lambda key: len(key.path), default=None)
