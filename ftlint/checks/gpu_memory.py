"""What the estimate says of one GPU, against the GPU that a run is meant for."""

from __future__ import annotations

from collections.abc import Iterator

from ftlint.checks.amounts import billions, tenths_of_gigabytes
from ftlint.findings import Match, Related, Severity
from ftlint.memory import Estimate, Term
from ftlint.memory.estimate import Interval, Moment, sums_by_moment
from ftlint.memory.passes import is_of_pass
from ftlint.run.fact import Fact
from ftlint.run.run import Run
from ftlint.spans import Location

OF_STATES = ("parallel.zero_stage", "adapter.method", "model.id")
OF_PASS = ("batch.micro_batch", "batch.sequence_length_tokens")
"""Where the finding may stand, best first: what has to change."""

MOST_TERMS = 6
LEAST_BYTES = 10**8
"""Smaller terms are left out of the related line."""


def gpu_step_peak(run: Run, estimate: Estimate) -> Iterator[Match]:
    """A run whose peak on each GPU is beyond what the GPU has.

    Silent where the GPU or the number of ranks is not said, and where a script says no kind of parallelism: it may
    spread its model by a `device_map`. Activations of sequences that may be shorter than the longest count nothing.
    """
    room = estimate.gpu_capacity
    if room is None or not estimate.is_rank_count_known or not (run.parallel.kind.known or _is_settings_file(run)):
        return
    terms = [term for term in estimate.gpu_terms if not term.is_given_back]
    sums = {moment: _believed(terms, moment) for moment in Moment}
    moment = max(sums, key=lambda each: sums[each])
    least = max(size.low_bytes for size in sums_by_moment(terms).values())
    if sums[moment] <= room.high_bytes:
        return
    is_certain = least > room.high_bytes
    place = _place(run, estimate, terms, moment)
    if place is None:
        return
    needed = tenths_of_gigabytes(least if is_certain else sums[moment])
    there = [term for term in terms if moment in term.moments]
    yield Match(
        at=place,
        values={
            "parameters": billions(estimate.num_parameters),
            "needed": f"{'at least' if is_certain else 'about'} {needed}",
            "available": tenths_of_gigabytes(room.expected_bytes),
            "moment": _in_words(moment),
        },
        related=(Related(place, f"made of {_terms(there)}"), *_related(estimate, place)),
        severity=Severity.ERROR if is_certain else Severity.WARNING,
    )


def _is_settings_file(run: Run) -> bool:
    """Whether a framework reads the run from a data file: then nothing but what is written shares out its states."""
    return run.root is None or run.root.path.suffix in (".yaml", ".yml", ".json")


def _believed(terms: list[Term], moment: Moment) -> int:
    return sum(_size(term) for term in terms if moment in term.moments)


def _size(term: Term) -> int:
    """What is expected; of a pass that may be shorter, the least."""
    may_be_short = is_of_pass(term) and term.size.low_bytes == 0
    return term.size.low_bytes if may_be_short else term.size.expected_bytes


def _place(run: Run, estimate: Estimate, terms: list[Term], moment: Moment) -> Location | None:
    """The batch where states alone would fit, else what decides the states."""
    states = sum(_size(term) for term in terms if moment in term.moments and not is_of_pass(term))
    room: Interval | None = estimate.gpu_capacity
    fits_without = room is not None and states <= room.low_bytes
    names = (*OF_PASS, *OF_STATES) if fits_without else (*OF_STATES, *OF_PASS)
    facts: list[Fact[object] | None] = [run.fact(name) for name in names]
    locations = [fact.location for fact in facts if fact is not None]
    return next((location for location in (*locations, run.root) if location is not None), None)


def _related(estimate: Estimate, place: Location) -> Iterator[Related]:
    labels = {
        "hardware.gpu": "the GPU",
        "parallel.gpus_per_node": "GPUs per node",
        "batch.micro_batch": "sequences per GPU",
        "batch.sequence_length_tokens": "tokens per sequence",
        "training.optimizer": "optimizer",
    }
    seen = {place}
    for name, label in labels.items():
        fact = estimate.facts.get(name)
        location = fact.location if fact is not None else None
        if fact is None or location is None or location in seen or not fact.known:
            continue
        seen.add(location)
        yield Related(location, f"{label} {getattr(fact.value, 'name', fact.value)}")


def _terms(terms: list[Term]) -> str:
    """Those that matter, largest first: `optimizer states 58.6 GB, …`."""
    largest = sorted((term for term in terms if _size(term) >= LEAST_BYTES), key=lambda term: -_size(term))
    return ", ".join(f"{term.name} {tenths_of_gigabytes(_size(term))}" for term in largest[:MOST_TERMS])


def _in_words(moment: Moment) -> str:
    words = {Moment.OPTIMIZER_STEP: "at the optimizer step", Moment.LOSS: "at the loss"}
    if moment in (Moment.LOADING, Moment.SAVING):
        return f"while {moment.value}"
    return words.get(moment, f"in {moment.value}")
