"""The figures by which an estimator is judged, from comparisons and verdicts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from statistics import mean, median

from ftlint.memory import Verdict
from ftlint.record import record
from tools.accuracy.cases import Case
from tools.accuracy.evaluate import Comparison, Result

TO_SPARE = 0.85
"""Of the capacity: a run that took no more than this had 15 % to spare."""


@record
class Figures:
    """Of one set of comparisons; the shares and errors are fractions of one."""

    count: int
    mape: float
    worst: float
    """The largest error, with its sign."""
    worst_case: str
    inside: float
    median_width: float

    @classmethod
    def of(cls, comparisons: Sequence[Comparison]) -> Figures | None:
        """None where there is nothing to compare."""
        if not comparisons:
            return None
        worst = max(comparisons, key=lambda comparison: abs(comparison.error))
        return cls(
            count=len(comparisons),
            mape=mean(abs(comparison.error) for comparison in comparisons),
            worst=worst.error,
            worst_case=worst.case.id,
            inside=mean(comparison.is_inside for comparison in comparisons),
            median_width=median(comparison.width for comparison in comparisons),
        )


@record
class Verdicts:
    """How often each verdict was given in one set of runs."""

    what: str
    fits: int
    tight: int
    does_not_fit: int
    unknown: int

    @property
    def count(self) -> int:
        """All of them."""
        return self.fits + self.tight + self.does_not_fit + self.unknown

    @classmethod
    def of(cls, what: str, results: Iterable[Result]) -> Verdicts:
        """Counted."""
        given = [result.gpu_verdict for result in results if not result.why_not]
        return cls(
            what,
            given.count(Verdict.FITS),
            given.count(Verdict.TIGHT),
            given.count(Verdict.DOES_NOT_FIT),
            given.count(Verdict.UNKNOWN),
        )


def verdicts(results: Sequence[Result]) -> tuple[Verdicts, ...]:
    """The sets that say something about a verdict: with room to spare, ran somehow, out of memory, failed unsaid."""
    return (
        Verdicts.of("ran, measured, 15 % or more to spare", (r for r in results if _had_room(r))),
        Verdicts.of("ran, measured, less to spare", (r for r in results if _is_measured(r) and not _had_room(r))),
        Verdicts.of("ran, peak not published", (r for r in results if _ran(r) and not _is_measured(r))),
        Verdicts.of("out of GPU memory", (r for r in results if r.case.outcome == "gpu out of memory")),
        Verdicts.of("failed, the source does not say why", (r for r in results if r.case.outcome == "failed")),
    )


def _ran(result: Result) -> bool:
    return result.case.outcome == "ran" and result.capacity_bytes is not None


def _used_bytes(result: Result) -> int | None:
    return result.case.reserved_bytes or result.case.allocated_bytes


def _is_measured(result: Result) -> bool:
    return _ran(result) and result.is_complete and _used_bytes(result) is not None


def _had_room(result: Result) -> bool:
    used, capacity = _used_bytes(result), result.capacity_bytes
    return _is_measured(result) and used is not None and capacity is not None and used <= TO_SPARE * capacity


def by(key: Callable[[Case], str], comparisons: Iterable[Comparison]) -> dict[str, tuple[Comparison, ...]]:
    """The comparisons sorted into groups."""
    groups: dict[str, list[Comparison]] = {}
    for comparison in comparisons:
        groups.setdefault(key(comparison.case), []).append(comparison)
    return {name: tuple(members) for name, members in sorted(groups.items())}
