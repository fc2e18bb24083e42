"""Takes facts out of a run, fills the blanks, and lists each filled blank as an assumption."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, TypeVar

from ftlint.memory.estimate import Assumption
from ftlint.run.dtype import DType
from ftlint.run.fact import UNKNOWN, Fact
from ftlint.run.run import Method, OffloadDevice, ParallelKind, Run
from ftlint.spans import How

T = TypeVar("T")

COUNTS = frozenset(
    """
    batch.micro_batch batch.sequence_length_tokens batch.gradient_accumulation batch.sequences_per_example
    parallel.gpus_per_node parallel.num_nodes parallel.num_processes parallel.sub_group_size adapter.lora_rank
    model.num_parameters
    """.split()
)
"""Facts that count something there is at least one of."""


def is_assumed(fact: Fact[Any]) -> bool:
    """Whether nobody wrote it: a default stands in, or nothing at all."""
    return not fact.said or all(origin.how is How.DEFAULT for origin in fact.origins)


def _note(fact: Fact[Any]) -> str:
    return next((origin.note for origin in fact.origins if origin.note), "")


@dataclass(slots=True)
class FactReader:
    """Takes facts out of a run; owned by one reading. Remembers which were said, and what stood in for the others."""

    run: Run
    facts: dict[str, Fact[Any]] = field(default_factory=dict)
    assumptions: list[Assumption] = field(default_factory=list)
    refusal: str = ""
    """Why the run cannot be read, once it turned out so: the fact, and what is wrong with it."""

    def refuse(self, why: str) -> None:
        """Note why there can be no estimate, and read no further."""
        self.refusal = why

    def look(self, name: str) -> Fact[Any]:
        """The fact, whatever it holds."""
        fact = self.run.fact(name)
        assert fact is not None, name
        if name in COUNTS and isinstance(fact.value, int) and fact.value < 1:
            fact = Fact(UNKNOWN, fact.origins)  # nonsense in somebody's file is another rule's business
        if fact.said:
            self.facts[name] = fact
        return fact

    def known(self, name: str) -> Any | None:  # Any: the section of the run knows the type
        """The value, or None where there is none to see."""
        value = self.look(name).value
        return None if value is UNKNOWN else value

    def take(self, name: str, default: T, why: str) -> T:
        """The value; where it cannot be seen, `default`, which becomes a listed assumption."""
        fact: Fact[T] = self.look(name)
        if fact.known:
            return fact.or_default(default)
        self.assume(name, default, why)
        return default

    def take_word(self, name: str, otherwise: T, why: str = "not said") -> T:
        """The value; `otherwise` where it is not said or cannot be seen. A default counts as an assumption."""
        fact: Fact[T] = self.look(name)
        if fact.known and not is_assumed(fact):
            return fact.or_default(otherwise)
        value = fact.or_default(otherwise)
        self.assume(name, str(value).lower() if isinstance(value, bool) else value, _note(fact) or why)
        return value

    def assume(self, name: str, value: object, why: str) -> None:
        """List something the run does not say."""
        text = value.value if isinstance(value, (Method, OffloadDevice, ParallelKind, DType)) else str(value)
        self.assumptions.append(Assumption(name, text, why))
