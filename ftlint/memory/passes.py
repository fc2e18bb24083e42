"""Activations, logits and loss as terms: the points of a pass that `activations.py` plays, put at the moments of a run.

The points between the last layer and the first are not given up: of each half of the layers the highest one stands for
its end of backward.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ftlint.knowledge.architectures import ParameterTensor, Role
from ftlint.memory.activations import AUTOGRAD, Activations, Point, activations
from ftlint.memory.arithmetic import grouped
from ftlint.memory.estimate import Interval, Moment, Place, Term
from ftlint.memory.step import Checkpointing, Step
from ftlint.memory.workload import Workload
from ftlint.record import record

LOSS_HUMP = "logits and loss"


@record
class _Played:
    """The four points of one pass that can be its highest."""

    loss: Point
    start: Point
    end: Point
    embedding: Point


def pass_terms(work: Workload) -> tuple[Term, ...]:
    """The terms; none where a pass, or how this model type computes one, is not known."""
    if work.table is None or not any(tensor.role is Role.HEAD for tensor in _outside(work)):
        return ()
    played = [_points(found) for step in work.steps if (found := activations(step)) is not None]
    if not played or len(played) < len(work.steps):
        return ()
    return tuple(_terms(work.steps[0], played, is_filled=work.is_filled))


def _outside(work: Workload) -> Iterator[ParameterTensor]:
    assert work.table is not None
    for section in work.table.sections:
        if section.first_index is None:
            yield from section.tensors
    yield from (tied.tensor for tied in work.table.tied)


def _points(found: Activations) -> _Played:
    middle = max(1, len(found.layers) // 2)
    later, earlier = found.layers[:middle], found.layers[middle:] or found.layers[-1:]
    return _Played(
        loss=found.loss,
        start=max(later, key=lambda point: point.activation_bytes, default=found.loss),
        end=max(earlier, key=lambda point: point.activation_bytes, default=found.stem),
        embedding=found.stem,
    )


def _terms(step: Step, played: Sequence[_Played], *, is_filled: bool) -> Iterator[Term]:
    kept = "layer inputs" if step.checkpointing is not Checkpointing.NONE else "activations"
    rows = (
        (Moment.LOSS, LOSS_HUMP, [each.loss for each in played]),
        (Moment.BACKWARD_START, "backward of the last layer", [each.start for each in played]),
        (Moment.BACKWARD_END, "backward of the first layer", [each.end for each in played]),
        (Moment.BACKWARD_EMBEDDING, "backward of the embedding", [each.embedding for each in played]),
    )
    for moment, hump, points in rows:
        yield _term(f"{kept} kept for backward", moment, [point.kept_bytes for point in points], step, is_filled)
        yield _term(hump, moment, [point.hump_bytes for point in points], step, is_filled)


def _term(name: str, moment: Moment, sizes: Sequence[int], step: Step, is_filled: bool) -> Term:
    # Sequences that are not filled up may all be short.
    low = min(sizes) if is_filled else 0
    detail = f"{step.loss.value} loss" if moment is Moment.LOSS else f"{step.attention.value} attention"
    formula = f"{step.micro_batch} x {grouped(step.sequence_length_tokens)} tokens, {detail}"
    return Term(name, Place.GPU, (moment,), Interval(low, sizes[0], max(sizes)), formula, AUTOGRAD)
