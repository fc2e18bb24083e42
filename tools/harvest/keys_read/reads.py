"""What was read of a mapping."""

from __future__ import annotations

from dataclasses import dataclass, field

from ftlint.record import record
from tools.harvest.python_source import ClassRef, FunctionRef


@dataclass
class Reads:
    """What is read of one mapping; grows while the program is followed.

    `targets`: what got it as `**mapping`. `is_open`: all its keys are gone through, whatever they are; `each` is then
    what is read of every value, and knows by `whole` of what.
    """

    keys: dict[str, KeyRead] = field(default_factory=dict)
    targets: list[Target] = field(default_factory=list)
    is_open: bool = False
    each: Reads | None = None
    whole: Reads | None = None

    def every(self) -> Reads:
        """What is read of every value, when all are gone through."""
        self.is_open = True
        if self.each is None:
            self.each = Reads(whole=self)
        return self.each

    def key(self, name: str) -> KeyRead:
        """The entry of a key, made if need be."""
        if name not in self.keys:
            self.keys[name] = KeyRead(Reads())
        return self.keys[name]

    def at(self, *path: str) -> Reads:
        """What is read further down. Raises KeyError where nothing is."""
        below = self
        for name in path:
            below = below.keys[name].below
        return below


@dataclass
class KeyRead:
    """One key that is read. `defaults`: constants that are taken in its place.

    `is_demanded`: it is read without a default and under no condition, so its absence is an error. `is_refused`: it is
    asked for only to raise where it is there.
    """

    below: Reads
    defaults: list[object] = field(default_factory=list)
    is_demanded: bool = False
    is_refused: bool = False


@record
class Target:
    """A class or function that a mapping was unpacked into, or one of its parameters; with what stood beside it.

    `reference` is None where the mapping itself names the class.
    """

    reference: ClassRef | FunctionRef | None
    parameter: str | None = None
    keywords: frozenset[str] = frozenset()
    num_positional: int = 0
