"""The search for changes under which a run fits: cheapest first, and nothing that a smaller answer already says."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from itertools import count

from ftlint.advice.catalogue import changes_for
from ftlint.advice.change import Change, all_applied
from ftlint.advice.room import fits, may_fit
from ftlint.memory.estimate import Estimate
from ftlint.record import record
from ftlint.run.run import Run

MAX_ESTIMATES = 600
"""At a few milliseconds each; what is not found by then changes more than four things."""
MAX_CHANGES = 5


@record
class Advice:
    """Changes that belong together, and the estimate of the run with them. No changes: the run as it is."""

    changes: tuple[Change, ...]
    estimate: Estimate

    @property
    def fits(self) -> bool:
        """Whether the high end is within capacity, on the GPU and on the host where its RAM is known."""
        return fits(self.estimate)

    @property
    def cost(self) -> tuple[int, float, int]:
        """The order of advice: what it does to the training, then to its speed, then how much there is to change."""
        return _cost(self.changes)


def find_advice(run: Run, estimate: Callable[[Run], Estimate | None], num_wanted: int = 5) -> tuple[Advice, ...]:
    """Up to `num_wanted` ways to make the run fit, best first; no answer contains another one.

    Where none fits for certain, those that are expected to, best first. Empty where the
    run cannot be estimated, or nothing helps.
    """
    found: list[Advice] = []
    likely: list[Advice] = []
    waiting: list[tuple[tuple[int, float, int], int, tuple[Change, ...]]] = [((0, 1.0, 0), 0, ())]
    tie = count(1)
    seen: set[frozenset[str]] = {frozenset()}
    num_estimates = 0
    while waiting and num_estimates < MAX_ESTIMATES and len(found) < num_wanted:
        _, _, changes = heapq.heappop(waiting)
        if any(_contains(changes, known.changes) for known in found):
            continue
        changed = all_applied(run, changes)
        answer = estimate(changed)
        num_estimates += 1
        if answer is None:
            continue
        advice = Advice(changes, answer)
        if advice.fits:
            found.append(advice)
            continue
        if may_fit(answer) and not any(_contains(changes, known.changes) for known in likely):
            likely.append(advice)
        if len(changes) == MAX_CHANGES:
            continue
        taken = {change.dimension for change in changes}
        for change in changes_for(changed):
            together = (*changes, change)
            titles = frozenset(each.title for each in together)
            if change.dimension not in taken and titles not in seen:
                seen.add(titles)
                heapq.heappush(waiting, (_cost(together), next(tie), together))
    return tuple(found or likely[:num_wanted])


def _cost(changes: tuple[Change, ...]) -> tuple[int, float, int]:
    factor = 1.0
    for change in changes:
        factor *= change.pace.factor
    return max((change.effect.rank for change in changes), default=0), factor, len(changes)


def _contains(changes: tuple[Change, ...], others: tuple[Change, ...]) -> bool:
    """Whether each of the others is among the changes, or a milder form of one: they alone were enough."""
    covered = {title for change in changes for title in (change.title, *change.beyond)}
    return {change.title for change in others} <= covered
