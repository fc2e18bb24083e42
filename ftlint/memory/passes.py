"""Activations, logits and loss as terms: the points of a pass that `activations.py` plays, put at the moments of a run.

Points between the last layer and the first are not given up: the highest hump of each half stands for its end.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ftlint.knowledge.architectures import ParameterTensor, Role
from ftlint.memory.activations import AUTOGRAD, activations
from ftlint.memory.arithmetic import grouped
from ftlint.memory.constants import Share
from ftlint.memory.estimate import Interval, Moment, Place, Term
from ftlint.memory.points import Activations, Point
from ftlint.memory.reference import SECOND_PASS
from ftlint.memory.releases import since
from ftlint.memory.step import Checkpointing, Step
from ftlint.memory.workload import Workload
from ftlint.record import record
from ftlint.run.fact import Truth
from ftlint.run.run import ParallelKind

HELD = "torch/distributed/fsdp/_runtime_utils.py; measured with torch 2.4.1"
LOSS_HUMP = "logits and loss"


@record
class _Played:
    """The four points of one pass that can be its highest."""

    loss: Point
    start: Point
    end: Point
    embedding: Point


def is_of_pass(term: Term) -> bool:
    """Whether the term is one of a pass: it grows with the batch."""
    return term.source in (AUTOGRAD, HELD, SECOND_PASS)


def play_passes(work: Workload) -> tuple[Activations, ...]:
    """Each pass that the run may mean; none where one of them, or how this model type computes it, is not known."""
    if work.table is None or not any(tensor.role is Role.HEAD for tensor in _outside(work)):
        return ()
    found = tuple(activations(step) for step in work.steps)
    return tuple(each for each in found if each is not None) if None not in found else ()


def pass_terms(work: Workload, passes: Sequence[Activations]) -> tuple[Term, ...]:
    """The terms of passes that were played."""
    if not passes:
        return ()
    played = [_points(found) for found in passes]
    terms = tuple(_terms(work.steps[0], played, work.constants.activations, is_filled=work.is_filled))
    return (*terms, *_held_by_fsdp(work, played))


def _outside(work: Workload) -> Iterator[ParameterTensor]:
    assert work.table is not None
    for section in work.table.sections:
        if section.first_index is None:
            yield from section.tensors
    yield from (tied.tensor for tied in work.table.tied)


def _points(found: Activations) -> _Played:
    """The layers at both ends; each with the highest hump of its half, for layers need not be equal."""
    descent = found.descent
    humps = descent.hump_bytes
    middle = max(1, len(humps) // 2)
    return _Played(
        loss=max(found.forward, found.loss, key=lambda point: point.activation_bytes),
        start=_highest(descent.point(0), humps[:middle]),
        end=_highest(descent.point(-1), humps[middle:] or humps[-1:]),
        embedding=found.stem,
    )


def _highest(point: Point, humps: Sequence[int]) -> Point:
    return Point(point.name, point.kept_bytes, max(humps), point.gradient_bytes)


def _terms(step: Step, played: Sequence[_Played], doubt: Share, *, is_filled: bool) -> Iterator[Term]:
    kept = "layer inputs" if step.checkpointing is not Checkpointing.NONE else "activations"
    rows = (
        (Moment.LOSS, LOSS_HUMP, [each.loss for each in played]),
        (Moment.BACKWARD_START, "backward of the last layer", [each.start for each in played]),
        (Moment.BACKWARD_END, "backward of the first layer", [each.end for each in played]),
        (Moment.BACKWARD_EMBEDDING, "backward of the embedding", [each.embedding for each in played]),
    )
    for moment, hump, points in rows:
        for name, sizes in (
            (f"{kept} kept for backward", [point.kept_bytes for point in points]),
            (hump, [point.hump_bytes for point in points]),
        ):
            size = doubt.of(Interval(min(sizes), sizes[0], max(sizes)))
            # Sequences that are not filled up may all be short.
            yield Term(
                name, Place.GPU, (moment,), size if is_filled else size.at_least(0), _formula(step, moment), AUTOGRAD
            )


def _formula(step: Step, moment: Moment) -> str:
    detail = f"{step.loss.value} loss" if moment is Moment.LOSS else f"{step.attention.value} attention"
    return f"{step.micro_batch} x {grouped(step.sequence_length_tokens)} tokens, {detail}"


def _held_by_fsdp(work: Workload, played: Sequence[_Played]) -> Iterator[Term]:
    """What the first FSDP holds on to over layers whose own weights are frozen, until backward is through.

    Such a layer is told of its backward by a hook on the gradients of its inputs, and torch keeps what it handed to the
    hook: one gradient of the hidden states per layer, and with it the layer's input.
    Source: torch 2.4 to 2.13 distributed/fsdp/_runtime_utils.py, `_register_post_backward_reshard_only_hook`, and
    utils/hooks, `register_multi_grad_hook`; measured with torch 2.4.1 on 2 and 4 A100s, LoRA and QLoRA: twice the layer
    inputs, to the byte. The low end leaves it out under other releases of torch, which nobody measured.
    """
    holds = work.steps[0].has_frozen_in_backward
    is_recomputed = all(step.checkpointing is not Checkpointing.NONE for step in work.steps)
    if work.kind is not ParallelKind.FSDP or work.fsdp_version != 1 or not holds or not is_recomputed:
        return
    sizes = [max(0, 2 * each.start.kept_bytes - each.end.kept_bytes) for each in played]
    is_measured = work.is_filled and since(work.versions, "torch", (2, 5)) is Truth.NO
    yield Term(
        "layer inputs and gradients that FSDP holds",
        Place.GPU,
        (Moment.BACKWARD_END,),
        Interval(min(sizes) if is_measured else 0, sizes[0], max(sizes)),
        f"{_formula(work.steps[0], Moment.BACKWARD_END)}: two for each layer",
        HELD,
    )
