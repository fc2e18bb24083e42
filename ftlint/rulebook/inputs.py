"""What a rule may ask for in one variant, each thing computed when first asked for and then kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

Provider = Callable[[], object]
T = TypeVar("T")

PARAMETERS = ("keys", "document", "trace", "run", "estimate", "project", "versions", "survey", "levels")
"""Everything a check may declare.

`levels`: what the keys are read as. `keys` and `document` belong together: the document the keys were read from.
"""


class Inputs:
    """Providers by name. Owned by one variant of one run (or one document); a missing one or None: there is none."""

    __slots__ = ("_kept", "_outer", "_providers")

    def __init__(self, providers: Mapping[str, Provider], outer: Inputs | None = None) -> None:
        """Raises ValueError for a name that no check could declare."""
        if unknown := set(providers) - set(PARAMETERS):
            raise ValueError(f"no check can declare {sorted(unknown)}, only {PARAMETERS}")
        self._providers = dict(providers)
        self._outer = outer
        self._kept: dict[str, object] = {}

    def extended(self, providers: Mapping[str, Provider]) -> Inputs:
        """These inputs with some more, or others (the next document's keys); what both have is computed once."""
        return Inputs(providers, self)

    def get(self, name: str) -> object:
        """The input of that name, or None where this variant has none."""
        if name in self._kept:
            return self._kept[name]
        if name in self._providers:
            self._kept[name] = self._providers[name]()
            return self._kept[name]
        return self._outer.get(name) if self._outer is not None else None

    def get_as(self, name: str, expected: type[T]) -> T | None:
        """The input of that name, which must be of that class where there is one."""
        value = self.get(name)
        if value is not None and not isinstance(value, expected):
            raise TypeError(f"input {name!r} must be a {expected.__name__}, not {type(value).__name__}")
        return value
