"""One estimate out of several: what the releases in use make of the same run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ftlint.memory.estimate import NOTHING_NEEDED, Assumption, Estimate, Interval, Moment, Place, Term

Key = tuple[str, Place, tuple[Moment, ...]]


def spanning(estimates: Sequence[Estimate], assumption: Assumption) -> Estimate:
    """The first estimate, with every term as low and as high as in any of them.

    The ends of a sum may then be wider than those of any one estimate: terms are taken one by one. `assumption`: what
    distinguishes the first.
    """
    first = estimates[0]
    if len(estimates) == 1:
        return first
    found: dict[Key, list[Term]] = {}
    for estimate in estimates:
        for term in estimate.terms:
            found.setdefault((term.name, term.place, term.moments), []).append(term)
    believed = {(term.name, term.place, term.moments) for term in first.terms}
    terms = tuple(
        _widened(terms, is_believed=key in believed, is_in_all=len(terms) == len(estimates))
        for key, terms in found.items()
    )
    missing = tuple(dict.fromkeys(what for estimate in estimates for what in estimate.gpu_missing))
    assumptions = tuple(dict.fromkeys(each for estimate in estimates for each in estimate.assumptions))
    return replace(first, terms=terms, gpu_missing=missing, assumptions=(*assumptions, assumption))


def _widened(terms: Sequence[Term], *, is_believed: bool, is_in_all: bool) -> Term:
    sizes = [term.size for term in terms]
    return replace(
        terms[0],
        size=Interval(
            min(size.low_bytes for size in sizes) if is_in_all else 0,
            (sizes[0] if is_believed else NOTHING_NEEDED).expected_bytes,
            max(size.high_bytes for size in sizes),
        ),
    )
