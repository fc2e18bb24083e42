"""Leaves blocks of cases out: constants are fitted to the others, and the estimator is asked about those left out."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ftlint.record import record
from tools.accuracy.cases import Case
from tools.accuracy.evaluate import Result, evaluate
from tools.accuracy.fit import Probe, fit

LARGEST = "fms-acceleration"


@record
class Split:
    """One way to cut the cases into blocks, and the results of every block under constants that never saw it."""

    name: str
    results: tuple[Result, ...]
    block_of: Callable[[Case], str]


def _group(case: Case) -> str:
    return case.group


def _model(case: Case) -> str:
    return case.model.split("/")[-1]


def _framework(case: Case) -> str:
    """Kernels and quantization together with how it is sharded: what a framework is in this source."""
    return f"{case.framework}"


def splits(cases: Sequence[Case], probes: Sequence[Probe]) -> tuple[Split, ...]:
    """By source over all cases; by model and by framework inside the largest source."""
    largest = [case for case in cases if case.group == LARGEST]
    inside = [row for row in probes if row.result.case.group == LARGEST]
    return (
        _split("source", cases, probes, _group),
        _split("model", largest, inside, _model),
        _split("framework", largest, inside, _framework),
    )


def _split(name: str, cases: Sequence[Case], probes: Sequence[Probe], block_of: Callable[[Case], str]) -> Split:
    results: list[Result] = []
    for block in sorted({block_of(case) for case in cases}):
        constants = fit([row for row in probes if block_of(row.result.case) != block])
        results += [evaluate(case, constants) for case in cases if block_of(case) == block]
    return Split(name, tuple(results), block_of)
