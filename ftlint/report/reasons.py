"""Why an estimate's verdict is what it is: one line for the GPU, one for host RAM."""

from __future__ import annotations

from collections.abc import Iterable

from ftlint.memory.estimate import Estimate, Interval, Moment, Term, Verdict, peak, sums_by_moment
from ftlint.report.facts import gib


def reasons(estimate: Estimate) -> tuple[str, str]:
    """`GPU: fits, …` and `host RAM: …`, each with the figures that decided."""
    return f"GPU: {_of_gpu(estimate)}", f"host RAM: {_of_host(estimate)}"


def worst_moment(terms: Iterable[Term]) -> Moment:
    """When most is expected."""
    sums = sums_by_moment(terms)
    return max(Moment, key=lambda moment: sums[moment].expected_bytes)


def _of_gpu(estimate: Estimate) -> str:
    room, needed = estimate.gpu_capacity, estimate.gpu_needed
    at = f"most at: {worst_moment(estimate.gpu_terms).value}"
    if room is None:
        return f"not judged, for which GPU it is is not said; it takes {_span(estimate.gpu_reserved)}, {at}"
    if estimate.gpu_verdict is Verdict.DOES_NOT_FIT:
        return f"does not fit, needs at least {gib(needed.low_bytes)} of {gib(room.expected_bytes)}, {at}"
    if estimate.gpu_verdict is Verdict.UNKNOWN and needed.low_bytes > room.high_bytes:
        return f"not judged: {gib(needed.low_bytes)} are too much for one GPU, and how many there are is not said"
    if estimate.gpu_missing:
        missing = ", ".join(estimate.gpu_missing)
        return f"{estimate.gpu_verdict.value}: {_span(needed)} of {gib(room.expected_bytes)} without {missing}"
    wanted = peak(estimate.gpu_terms)
    return (
        f"{estimate.gpu_verdict.value}, {gib(estimate.gpu_reserved.expected_bytes)} expected and at most "
        f"{gib(wanted.high_bytes)} of {gib(room.expected_bytes)}, {at}"
    )


def _of_host(estimate: Estimate) -> str:
    size, room = estimate.host_total, estimate.host_capacity_bytes
    if room is None:
        return f"not judged, for how much there is is not said; it takes {_span(size)}"
    if estimate.host_verdict is Verdict.DOES_NOT_FIT:
        at = worst_moment(estimate.host_terms).value
        return f"does not fit, needs at least {gib(size.low_bytes)} of {gib(room)}, most at: {at}"
    expected, high = gib(size.expected_bytes), gib(size.high_bytes)
    return f"{estimate.host_verdict.value}, {expected} expected and at most {high} of {gib(room)}"


def _span(size: Interval) -> str:
    if size.low_bytes == size.high_bytes:
        return gib(size.expected_bytes)
    return f"{gib(size.expected_bytes)} ({gib(size.low_bytes)} to {gib(size.high_bytes)})"
