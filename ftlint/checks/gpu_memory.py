"""What the estimate says of one GPU, against the GPU that a run is meant for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ftlint.checks.amounts import billions, tenths_of_gigabytes
from ftlint.checks.estimates import OF_GPU, are_ranks_said, facts_read, first_place, may_be_sharded, terms_in_words
from ftlint.checks.replicated_weights import weights_alone
from ftlint.findings import Match, Related, Severity
from ftlint.memory import Estimate, Term
from ftlint.memory.estimate import Interval, Moment, sums_by_moment
from ftlint.memory.passes import is_of_pass
from ftlint.run.run import Run
from ftlint.spans import Location

OF_STATES = ("parallel.zero_stage", "adapter.method", "model.id")
OF_PASS = ("batch.micro_batch", "batch.sequence_length_tokens")
"""Where the finding may stand, best first: what has to change."""


def gpu_step_peak(run: Run, estimate: Estimate) -> Iterator[Match]:
    """A run whose peak on each GPU is beyond what the GPU has.

    Silent where the GPU or the number of ranks is not said, and where a script says no kind of parallelism: it may
    spread its model by a `device_map`. Activations of sequences that may be shorter than the longest count nothing.
    Silent as well where the weights alone, whole on every GPU, are too much: MEM105 says that.
    """
    room = estimate.gpu_capacity
    if room is None or not are_ranks_said(run, estimate) or weights_alone(run, estimate) is not None:
        return
    terms = [term for term in estimate.gpu_terms if not term.is_given_back]
    terms = list(_without_guesses(terms, estimate))
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
        related=(Related(place, f"made of {terms_in_words(there, _size)}"), *facts_read(estimate, OF_GPU, place)),
        severity=Severity.ERROR if is_certain and not may_be_sharded(run) else Severity.WARNING,
    )


def _without_guesses(terms: list[Term], estimate: Estimate) -> Iterator[Term]:
    """The terms; of an optimizer that cannot be seen, those of its states with the least, for nobody knows how many."""
    optimizer = estimate.facts.get("training.optimizer")
    is_seen = optimizer is None or optimizer.known
    for term in terms:
        if is_seen or not term.name.startswith("optimizer"):
            yield term
            continue
        low = term.size.low_bytes
        yield replace(term, size=Interval(low, low, term.size.high_bytes))


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
    return first_place(run, (*OF_PASS, *OF_STATES) if fits_without else (*OF_STATES, *OF_PASS))


def _in_words(moment: Moment) -> str:
    words = {Moment.OPTIMIZER_STEP: "at the optimizer step", Moment.LOSS: "at the loss"}
    if moment in (Moment.LOADING, Moment.SAVING):
        return f"while {moment.value}"
    return words.get(moment, f"in {moment.value}")
