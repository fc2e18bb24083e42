"""Fits the constants that no source code says to published cases, and writes them where the estimator reads them.

    python -m tools.accuracy.fit [--write]

What a process reserves beside its tensors is linear in those constants, so how much each contributes to a case is
found by asking the estimator with that one alone. Expected values are the median regression of errors relative to
what was measured, none below zero; the ends are regressions of the `LOW` and `HIGH` quantiles. Rows that contradict
themselves, and runs that filled their GPU (where the allocator gives back what it would otherwise keep), are left out.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ftlint.memory.constants import Constants, Share, bundled_constants
from ftlint.memory.estimate import Interval, exactly
from ftlint.record import record
from tools.accuracy.cases import Case, load_cases
from tools.accuracy.contradictions import contradicted_ids
from tools.accuracy.evaluate import Result, evaluate

DATA = Path(__file__).resolve().parents[2] / "ftlint" / "knowledge" / "data" / "memory_constants.json"
FITTED = {
    "context": "context_bytes",
    "communication": "communication_bytes",
    "activations": "activations_permille",
}
"""The field of `Constants` and the key of the data file."""
PRIOR = {
    # A T4 with torch 2.10 to 2.14 (fitcheck-llm), a V100 in 2022 (transformers' documentation); between them, recalled.
    "context": (140_000_000, 500_000_000, 1_410_000_000),
    # One communicator on 2 and 4 A100s with NVLink: 544 and 688 MB (NVIDIA/nccl issue 964), the mean of both; one that
    # has reduced something: about 1.6 GB (issue 864); low: recalled.
    "communication": (100_000_000, 616_000_000, 1_600_000_000),
    "activations": (940, 1000, 1060),  # three times the 2 % by which formulas may differ from traces
}
"""What would be believed without the cases: stands in for a constant when all that tell of it are left out."""
LOW_END, EXPECTED_END, HIGH_END = 0, 1, 2
"""Of a triple."""
LOW, HIGH = 0.05, 0.95
"""The quantiles of the cases fitted to that the ends stand for."""
NUM_ROUNDS = 100
MIN_SHARE = 0.3
"""Of a peak: activations that are less of it say nothing of how well they are reckoned."""
FULL = 0.95
"""Of its capacity: a GPU that holds more is full."""
_UNIT = {"context": 1 << 30, "communication": 1 << 30}
_STEP_PERMILLE = 10
"""By how much activations are varied to see how much of a peak they are."""


@record
class Probe:
    """One case: what was reserved beyond the estimate without fitted constants, and what one unit of each would add."""

    result: Result
    measured_bytes: int
    base_bytes: Interval
    unit_bytes: tuple[int, ...]
    activation_ratio: float | None
    """What activations took at the peak, of what they are reckoned to take; None where they do not decide it."""


def probe(case: Case) -> Probe | None:
    """The case as a row of the linear system; None where it cannot be one."""
    nothing = _with(bundled_constants(), dict.fromkeys(_UNIT, (0, 0, 0)))
    result = evaluate(case, nothing)
    if not result.is_complete or result.reserved is None or case.reserved_bytes is None:
        return None
    # What was allocated is known where it was published; the allocator's blocks come on top of it, end by end.
    base, tensors = result.reserved, result.allocated
    if case.allocated_bytes is not None and tensors is not None:
        # Near the GPU's capacity what is reserved is cut off, but not what tensors take.
        low = max(0, base.low_bytes - tensors.low_bytes)
        expected = max(low, base.expected_bytes - tensors.expected_bytes)
        high = max(expected, base.high_bytes - tensors.high_bytes)
        base = Interval(low, expected, high) + exactly(case.allocated_bytes)
    units = []
    for name, unit in _UNIT.items():
        with_one = evaluate(case, _with(nothing, {name: (unit, unit, unit)})).reserved
        assert with_one is not None
        units.append(with_one.expected_bytes - result.reserved.expected_bytes)
    return Probe(result, case.reserved_bytes, base, tuple(units), _activation_ratio(case))


def _activation_ratio(case: Case) -> float | None:
    if case.allocated_bytes is None:
        return None
    peaks = []
    for permille in (1000 - _STEP_PERMILLE, 1000, 1000 + _STEP_PERMILLE):
        allocated = evaluate(
            case, _with(bundled_constants(), {"activations": (permille, permille, permille)})
        ).allocated
        assert allocated is not None
        peaks.append(allocated.expected_bytes)
    num_bytes = (peaks[2] - peaks[0]) * 1000 / (2 * _STEP_PERMILLE)
    # Where the optimizer's step is the peak, activations may vary without being seen.
    if num_bytes < MIN_SHARE * peaks[1]:
        return None
    return 1 + (case.allocated_bytes - peaks[1]) / num_bytes


def usable_probes(cases: Sequence[Case]) -> tuple[Probe, ...]:
    """Those of the cases that constants may be fitted to."""
    doubted = contradicted_ids(cases)
    found = (probe(case) for case in cases if case.id not in doubted)
    return tuple(row for row in found if row is not None and not _is_full(row))


def fit(probes: Sequence[Probe]) -> Constants:
    """The constants that fit these cases best; one that none of them tells anything about is that of `PRIOR`."""
    import numpy as np

    constants = _with(bundled_constants(), PRIOR)
    if not probes:
        return constants
    measured = np.array([row.measured_bytes for row in probes], float)
    units = np.array([row.unit_bytes for row in probes], float) / measured[:, None]

    def above(end: int, quantile: float) -> Any:
        bases = [(r.base_bytes.low_bytes, r.base_bytes.expected_bytes, r.base_bytes.high_bytes)[end] for r in probes]
        beyond = (measured - np.array(bases, float)) / measured
        # A context there is always: no fit may explain it away by what other constants stand for. And the cases come
        # from few kinds of machines: what other machines were seen to take stays inside.
        stays = [name == "context" or end == HIGH_END for name in _UNIT]
        least = np.array([PRIOR[name][end] / unit for name, unit in _UNIT.items()]) * stays
        return least + _quantile_regression(units, beyond - units @ least, quantile)

    expected = above(EXPECTED_END, 0.5)
    known = np.array([PRIOR[name][LOW_END] / unit for name, unit in _UNIT.items()])
    low, high = np.minimum(known, expected), np.maximum(above(HIGH_END, HIGH), expected)
    ratios = [row.activation_ratio for row in probes if row.activation_ratio is not None]
    ends = np.quantile(ratios, [LOW, HIGH]) if ratios else (1.0, 1.0)
    of_reserved = _with(
        constants,
        {
            name: (int(low[index] * unit), int(expected[index] * unit), int(high[index] * unit))
            for index, (name, unit) in enumerate(_UNIT.items())
            if units[:, index].any()
        },
    )
    # What is reckoned of activations is believed as it is; the cases only say how far it may be off.
    return _with(
        of_reserved, {"activations": (int(1000 * min(1.0, ends[0])), 1000, math.ceil(1000 * max(1.0, ends[1])))}
    )


def _quantile_regression(rows: Any, wanted: Any, quantile: float) -> Any:
    """Weights, none below zero, whose sum lies above that share of the wanted values; by reweighted least squares."""
    import numpy as np

    answer = _non_negative_least_squares(rows, wanted)
    for _ in range(NUM_ROUNDS):
        left = wanted - rows @ answer
        # The usual bound: an error of nothing must not weigh infinitely.
        weights = np.where(left >= 0, quantile, 1 - quantile) / np.maximum(np.abs(left), 1e-3)
        root = np.sqrt(weights)
        answer = _non_negative_least_squares(rows * root[:, None], wanted * root)
    return answer


def _non_negative_least_squares(rows: Any, wanted: Any) -> Any:
    """Least squares without negative answers: whatever comes out negative is held at zero, and the rest fitted anew."""
    import numpy as np

    free = rows.any(axis=0)
    while True:
        answer = np.zeros(rows.shape[1])
        answer[free] = np.linalg.lstsq(rows[:, free], wanted, rcond=None)[0]
        if (answer >= 0).all():
            return answer
        free &= answer > 0


def _is_full(row: Probe) -> bool:
    capacity = row.result.capacity_bytes
    return capacity is not None and row.measured_bytes > FULL * capacity


def _with(constants: Constants, values: dict[str, tuple[int, int, int]]) -> Constants:
    fields: dict[str, Any] = {
        name: (Interval if name in ("context", "communication") else Share)(*three) for name, three in values.items()
    }
    return replace(constants, **fields)


def _three(constants: Constants, name: str) -> list[int]:
    value = getattr(constants, name)
    if isinstance(value, Share):
        return [value.low, value.expected, value.high]
    return [value.low_bytes, value.expected_bytes, value.high_bytes]


def main() -> int:
    """Print the constants fitted to all cases beside the bundled ones; with --write, put them in the data file."""
    probes = usable_probes(load_cases())
    fitted, bundled = fit(probes), bundled_constants()
    for name in FITTED:
        print(f"{name:15}{_three(bundled, name)} -> {_three(fitted, name)}")
    print(f"fitted to {len(probes)} cases")
    if "--write" in sys.argv[1:]:
        content = json.loads(DATA.read_text(encoding="utf-8"))
        for name, key in FITTED.items():
            content[key] |= {"value": _three(fitted, name), "cases": len(probes)}
        lines = [f" {json.dumps(key)}: {json.dumps(row)}" for key, row in content.items()]
        DATA.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
