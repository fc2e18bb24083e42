"""The figures by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ftlint.memory import Interval, Verdict
from tests.accuracy.test_contradictions import row
from tools.accuracy.evaluate import NEEDED, Comparison, Result
from tools.accuracy.figures import Figures, verdicts

COMPLETE: dict[str, Any] = dict.fromkeys(NEEDED, 1)


def compared(measured: int, low: int, expected: int, high: int) -> Comparison:
    return Comparison(row(), measured, Interval(low, expected, high))


def test_errors_are_relative_to_the_measurement() -> None:
    figures = Figures.of([compared(100, 90, 110, 120), compared(200, 100, 150, 190), compared(100, 80, 100, 100)])
    assert figures is not None
    assert figures.mape == pytest.approx((0.1 + 0.25 + 0) / 3)
    assert figures.worst == pytest.approx(-0.25)
    assert figures.inside == pytest.approx(2 / 3)
    assert figures.median_width == pytest.approx(0.3)
    assert Figures.of([]) is None


def result(verdict: Verdict, outcome: str = "ran", used: int | None = None) -> Result:
    case = replace(row(allocated=used, **COMPLETE), outcome=outcome)
    return Result(case, Interval(0, 0, 0), Interval(0, 0, 0), 100, verdict)


def test_verdicts_by_outcome() -> None:
    rows = verdicts(
        [
            result(Verdict.FITS, used=85),
            result(Verdict.TIGHT, used=86),
            result(Verdict.DOES_NOT_FIT),
            result(Verdict.FITS, outcome="gpu out of memory"),
            result(Verdict.UNKNOWN, outcome="failed"),
            replace(result(Verdict.UNKNOWN, used=10), why_not="no words"),
        ]
    )
    counted = [(found.count, found.fits, found.tight, found.does_not_fit, found.unknown) for found in rows]
    assert counted == [(1, 1, 0, 0, 0), (1, 0, 1, 0, 0), (1, 0, 0, 1, 0), (1, 1, 0, 0, 0), (1, 0, 0, 0, 1)]
