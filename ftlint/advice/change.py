"""One thing that can be changed about a run so that it needs less memory, said in run facts."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from enum import Enum
from typing import Any

from ftlint.record import record
from ftlint.run.fact import Fact
from ftlint.run.run import SECTIONS, Run
from ftlint.spans import How, Origin


class Effect(Enum):
    """What a change does to the training itself, mildest first: that decides the order in which changes are offered."""

    NONE = "the same numbers"
    ORDER = "the same sums in another order"
    ARITHMETIC = "another optimizer or another precision"
    TRAINED = "other weights or other data are trained"
    HARDWARE = "more hardware"

    @property
    def rank(self) -> int:
        """0 for the mildest."""
        return list(Effect).index(self)


class Pace(Enum):
    """What a change costs in time, in classes: how much exactly depends on machine and model, and is not guessed."""

    NONE = (1.0, "no slower")
    SLIGHTLY = (1.1, "slightly slower")
    BY_A_THIRD = (1.34, "about a third slower")
    MUCH = (2.0, "much slower: states go through host RAM at each step")
    MANIFOLD = (4.0, "several times slower: weights go through host RAM at each layer")

    @property
    def factor(self) -> float:
        """For ranking only: roughly how many times as long a step takes."""
        return self.value[0]

    @property
    def words(self) -> str:
        """As a person reads it."""
        return self.value[1]


@record
class Change:
    """Facts that take new values together. `dimension`: of changes of one dimension at most one is made.

    `title` is an imperative; `why` names what it saves, in the field's words; `caution` what has to be looked at first.
    `beyond`: titles of milder changes of the dimension, which this one goes further than.
    """

    dimension: str
    title: str
    effect: Effect
    pace: Pace
    facts: Mapping[str, Any]
    why: str
    caution: str = ""
    beyond: tuple[str, ...] = ()

    def applied(self, run: Run) -> Run:
        """The run with these facts, which then say that they were advised."""
        sections: dict[str, dict[str, Fact[Any]]] = {}
        for name, value in self.facts.items():
            section, _, item = name.partition(".")
            assert section in SECTIONS, name
            sections.setdefault(section, {})[item] = Fact(value, (Origin(How.DERIVED, None, self.title),))
        parts = {name: dataclasses.replace(getattr(run, name), **items) for name, items in sections.items()}
        return dataclasses.replace(run, **parts)


def all_applied(run: Run, changes: tuple[Change, ...]) -> Run:
    """The run with all these changes, in their order."""
    for change in changes:
        run = change.applied(run)
    return run
