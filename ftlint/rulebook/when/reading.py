"""Where the names of an expression get their facts from, and which of them decided the answer."""

from __future__ import annotations

from typing import Any, Protocol

from ftlint.record import record
from ftlint.run.fact import Fact, Truth


class Environment(Protocol):
    """Answers for dotted names."""

    def fact(self, dotted: str) -> Fact[Any]:
        """What holds for that name; its value is one of `values.Value`."""

    def written(self, dotted: str) -> Truth:
        """Whether the text itself says it."""

    def has_keys(self, dotted: str) -> bool:
        """Whether something is seen to be written inside of it."""


@record
class Outcome:
    """The answer of a condition, and the names that decided it in the order they were read."""

    truth: Truth
    reads: tuple[str, ...]


class Reading:
    """One evaluation's view of an environment. Owned by that evaluation; `reads` grows while it runs."""

    __slots__ = ("environment", "reads")

    def __init__(self, environment: Environment) -> None:
        self.environment = environment
        self.reads: list[str] = []

    def fact(self, dotted: str) -> Fact[Any]:
        """The fact of that name, remembered as read."""
        self.reads.append(dotted)
        return self.environment.fact(dotted)

    def written(self, dotted: str) -> Truth:
        """Whether that name is written, remembered as read."""
        self.reads.append(dotted)
        return self.environment.written(dotted)

    def forget(self, start: int, end: int) -> None:
        """Drop the reads of operands that turned out not to decide anything."""
        del self.reads[start:end]
