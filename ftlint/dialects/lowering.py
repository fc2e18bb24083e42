"""Typed reading of keys while a dialect is lowered: what has the wrong type is unknown here; schema rules report it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from ftlint.record import record
from ftlint.run.fact import NOTHING, UNKNOWN, Fact, KeyValue, default
from ftlint.run.key import KeySet, Section

T = TypeVar("T")
D = TypeVar("D")


@record
class KeyReader:
    """Reads facts off a key set. A given `default` holds where the key is not written, and says whose default it is.

    `owner` names the framework in the notes of defaults.
    """

    keys: KeySet
    owner: str
    unsaid: frozenset[str] = frozenset()  # words that leave the value to somebody else, as DeepSpeed's "auto"

    def raw(self, key: str) -> Fact[KeyValue | Section]:
        """Whatever takes effect at that key; nothing for a word that leaves the value to somebody else."""
        found = self.keys.fact(key)
        return NOTHING if isinstance(found.value, str) and found.value in self.unsaid else found

    def text(self, key: str, preset: str | None = None) -> Fact[str]:
        """A string."""
        return self._typed(key, str, preset)

    def flag(self, key: str, preset: bool | None = None) -> Fact[bool]:
        """A boolean; the word "auto" and everything else that is no boolean is unknown."""
        return self._typed(key, bool, preset)

    def integer(self, key: str, preset: int | None = None) -> Fact[int]:
        """A whole number; floats without a fraction count (`1e9` is how people write bucket sizes)."""
        found = self.raw(key)
        if not found.said:
            return self._absent(key, preset)
        value = found.value
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int):
            return Fact(UNKNOWN, found.origins)
        return Fact(value, found.origins)

    def number(self, key: str, preset: float | None = None) -> Fact[float]:
        """A number, whole or not."""
        found = self.raw(key)
        if not found.said:
            return self._absent(key, preset)
        value = found.value
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return Fact(float(value) if is_number else UNKNOWN, found.origins)  # type: ignore[arg-type]  # just tested

    def choice(self, key: str, choices: Mapping[str, T], preset: T | None = None) -> Fact[T]:
        """One of a closed set of words."""
        found = self.raw(key)
        if not found.said:
            return self._absent(key, preset)
        value = found.value
        return Fact(choices.get(value, UNKNOWN) if isinstance(value, str) else UNKNOWN, found.origins)

    def words(self, key: str) -> Fact[tuple[str, ...]]:
        """Words separated by commas, or a sequence of words."""
        found = self.raw(key)
        if isinstance(found.value, str):
            return Fact(tuple(word.strip() for word in found.value.split(",") if word.strip()), found.origins)
        if found.value is not Section.SEQUENCE:
            return Fact(UNKNOWN, found.origins)
        path = tuple(key.split("."))
        items = [item.fact.value for item in self.keys if item.path[:-1] == path]
        if not all(isinstance(item, str) for item in items):
            return Fact(UNKNOWN, found.origins)
        return Fact(tuple(item for item in items if isinstance(item, str)), found.origins)

    def written(self, key: str) -> bool:
        """Whether the text has that key."""
        return self.keys.key(key) is not None

    def _typed(self, key: str, kind: type[T], preset: T | None) -> Fact[T]:
        found = self.raw(key)
        if not found.said:
            return self._absent(key, preset)
        value = found.value
        return Fact(value if isinstance(value, kind) else UNKNOWN, found.origins)

    def _absent(self, key: str, preset: D | None) -> Fact[D]:
        # In a file that does not parse to its end the key may still stand in the part we cannot see.
        if preset is None or not self.keys.complete:
            return NOTHING
        return default(preset, f"{self.owner}'s default for {key}")
