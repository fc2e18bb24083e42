"""Asks the estimator about every published case, and says how far off it was."""

from __future__ import annotations

from collections.abc import Iterable

from ftlint.errors import SpecError
from ftlint.memory import Estimate, Interval, Verdict, estimate
from ftlint.memory.constants import Constants, bundled_constants
from ftlint.project.spec import parse_spec
from ftlint.record import record
from tools.accuracy.cases import Case
from tools.accuracy.specs import NotSaidError, spec_of

CONTEXT = "cuda context"
NEEDED = ("micro_batch", "seq_len", "gradient_checkpointing", "attention", "weights", "optimizer")
"""What decides a step's memory; a case that leaves one of them open is asked about, but not compared."""


@record
class Result:
    """One case and what the estimator says of it; without an estimate, why there is none."""

    case: Case
    allocated: Interval | None
    reserved: Interval | None
    """With the CUDA context only where the case's counter counted it."""
    capacity_bytes: int | None
    gpu_verdict: Verdict
    why_not: str = ""
    is_lower_bound: bool = False
    """Terms are missing: the model type's activations are not known."""

    @property
    def is_complete(self) -> bool:
        """Whether the case says everything that decides its peak, without doubt, and we reckon all of it."""
        doubtful = set(self.case.said.get("doubtful", ()))
        return not self.is_lower_bound and all(key in self.case.said and key not in doubtful for key in NEEDED)


@record
class Comparison:
    """One measured figure beside its estimate, in bytes."""

    case: Case
    measured_bytes: int
    estimated: Interval

    @property
    def error(self) -> float:
        """Signed and relative to the measurement: 0.1, ten per cent too high."""
        return self.estimated.expected_bytes / self.measured_bytes - 1

    @property
    def is_inside(self) -> bool:
        """Whether the measurement lies in the interval."""
        return self.estimated.low_bytes <= self.measured_bytes <= self.estimated.high_bytes

    @property
    def width(self) -> float:
        """Of the interval, relative to the measurement."""
        return (self.estimated.high_bytes - self.estimated.low_bytes) / self.measured_bytes


def evaluate(case: Case, constants: Constants | None = None) -> Result:
    """One case through the estimator, as a run spec; without constants, with those that come with ftlint."""
    try:
        described = parse_spec(spec_of(case), case.id)
    except NotSaidError as reason:
        return _without(case, str(reason))
    except SpecError as error:
        return _without(case, str(error))
    found = estimate(described.run, versions=described.versions, constants=constants or bundled_constants())
    if found is None:
        return _without(case, "no estimate")
    return Result(
        case=case,
        allocated=found.gpu_allocated,
        reserved=_as_counted(case, found),
        capacity_bytes=None if found.gpu_capacity is None else found.gpu_capacity.expected_bytes,
        gpu_verdict=found.gpu_verdict,
        is_lower_bound=bool(found.gpu_missing),
    )


def evaluate_all(cases: Iterable[Case]) -> tuple[Result, ...]:
    """Each of them, in order."""
    return tuple(evaluate(case) for case in cases)


def _as_counted(case: Case, found: Estimate) -> Interval:
    """What is reserved, without the context where torch counted, which does not see it."""
    reserved = found.gpu_reserved
    if case.reserved_by != "torch":
        return reserved
    for term in found.terms:
        if term.name.lower().startswith(CONTEXT):
            # What is reserved is cut off at the GPU's capacity, and then less may be left of its high end.
            low = max(0, reserved.low_bytes - term.size.low_bytes)
            expected = max(low, reserved.expected_bytes - term.size.expected_bytes)
            reserved = Interval(low, expected, max(expected, reserved.high_bytes - term.size.high_bytes))
    return reserved


def _without(case: Case, why: str) -> Result:
    return Result(case, None, None, None, Verdict.UNKNOWN, why)


def allocated(results: Iterable[Result]) -> tuple[Comparison, ...]:
    """The complete cases whose peak of allocated bytes was published."""
    return tuple(
        Comparison(result.case, result.case.allocated_bytes, result.allocated)
        for result in results
        if result.is_complete and result.allocated is not None and result.case.allocated_bytes is not None
    )


def reserved(results: Iterable[Result]) -> tuple[Comparison, ...]:
    """The complete cases of which it was published what the driver or torch had reserved."""
    return tuple(
        Comparison(result.case, result.case.reserved_bytes, result.reserved)
        for result in results
        if result.is_complete and result.reserved is not None and result.case.reserved_bytes is not None
    )
