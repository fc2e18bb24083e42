"""What FSDP keeps on each GPU: its part of every unit, the units that are whole, and gradients on their way.

Measured on 2 and 4 A100s, Llama-3-8B and Mistral-7B, float32 masters: 20 bytes per parameter and rank at the optimizer
step to within 0.05 %; where backward starts, the rank's weights and states, the root unit, one layer, the output
layer's gradient and one projection's, to within 20 MB.
Source: torch 2.13 distributed/fsdp/_runtime_utils.py, _flat_param.py; accelerate 1.x upcasts trained parameters.
"""

from __future__ import annotations

from collections.abc import Iterator

from ftlint.memory.arithmetic import ceil_div, grouped
from ftlint.memory.estimate import ALWAYS, BACKWARD, PASS, Interval, Moment, Place, Term
from ftlint.memory.gradients import finished, projection_term
from ftlint.memory.optimizer_terms import optimizer_terms
from ftlint.memory.terms import elements, maybe, optimizer_of, packed_bytes
from ftlint.memory.weights import frozen_weights
from ftlint.memory.workload import Workload
from ftlint.run.fact import Truth
from ftlint.run.run import OffloadDevice

FSDP = "torch/distributed/fsdp; accelerate 1.x upcasts trained parameters under mixed precision"
RESHARD = "torch 2.13 distributed/fsdp/_runtime_utils.py, RESHARD_AFTER_FORWARD_HANDLE_STRATEGIES"
STEP = (Moment.OPTIMIZER_STEP,)


def fsdp_gpu_terms(work: Workload) -> Iterator[Term]:
    """Model states, whole units, and gradients."""
    shard, widths = ceil_div(work.parameters.num_trained, work.shard_ranks), work.widths
    yield from _whole_units(work)
    if work.keeps_units is not Truth.NO:
        yield _kept_units(work)
    yield from _whole_gradients(work)
    if work.offload.param is not OffloadDevice.NONE:
        return
    yield frozen_weights(work, work.shard_ranks)
    yield elements("trained weights", ALWAYS, maybe(work, widths.trained.times(shard)), shard, widths.trained, FSDP)
    if not optimizer_of(work).steps_in_backward:
        yield elements("gradients", STEP, maybe(work, widths.trained.times(shard)), shard, widths.trained, FSDP)
        # What the root unit holds, output layer and embedding, is sharded when backward is through.
        root = work.parameters.landmarks.head
        for moment, num_params in finished(work):
            count = ceil_div(max(0, num_params - root), work.shard_ranks)
            yield elements(
                "gradients so far", (moment,), maybe(work, widths.trained.times(count)), count, widths.trained, FSDP
            )
    yield from optimizer_terms(work, shard, work.shard_ranks, FSDP)


def _whole_units(work: Workload) -> Iterator[Term]:
    """The root unit from forward to backward, one layer while backward works on it, and the next one fetched ahead."""
    *layers, root = work.parameters.units
    layer = max(layers, default=0)
    is_packed = bool(work.parameters.quantized)
    layer_bytes = packed_bytes(work, layer) if is_packed else _in_use(work, layer).expected_bytes
    yield elements("root unit", PASS, _in_use(work, root).at_least(0), root, _in_use(work, 1), FSDP)
    yield Term(
        "layer in use",
        Place.GPU,
        BACKWARD,
        # The first FSDP has the next one gathered while one is in use; the second copies each out of a buffer besides.
        # One that was freed and waits for the GPU is no tensor any more, and counts in `device.py`.
        Interval(
            0 if is_packed else _in_use(work, layer).low_bytes,
            layer_bytes,
            (2 if work.fsdp_version == 1 else 3) * layer_bytes,
        ),
        f"{grouped(layer)} parameters; at most the next one as well, and a buffer",
        "torch 2.13 distributed/fsdp/_runtime_utils.py, BACKWARD_PRE prefetch",
    )
    yield Term(
        "units gathered to be saved",
        Place.GPU,
        (Moment.SAVING,),
        # A full state dict gathers the root unit and one layer at a time, in the format of the pieces; others nothing.
        Interval(0, 0, work.widths.trained.high_bytes * (root + layer)),
        f"{grouped(root + layer)} x {work.widths.trained.expected_bytes} B",
        "torch 2.13 distributed/fsdp/_state_dict_utils.py",
    )


def _kept_units(work: Workload) -> Term:
    """The layers that are not given up after forward, but the one that is in use anyway; backward gives up each."""
    *layers, _ = work.parameters.units
    count = sum(layers) - max(layers, default=0)
    if work.parameters.quantized:
        packed = packed_bytes(work, count)
        size = Interval(0, packed, packed)
    else:
        size = _in_use(work, count)
    if work.keeps_units is Truth.UNKNOWN:
        size = Interval(0, 0, size.high_bytes)
    moments = (Moment.LOSS, Moment.BACKWARD_START)
    formula = f"{grouped(count)} parameters, not sharded again before backward"
    return Term("layers kept whole", Place.GPU, moments, size, formula, RESHARD)


def _in_use(work: Workload, num_params: int) -> Interval:
    """Bytes of so many gathered parameters: in the format of the arithmetic where mixed precision casts them."""
    if work.steps:
        return Interval(*(3 * (work.steps[0].compute_bytes * num_params,)))
    widest = max(2, work.widths.frozen.expected_bytes)
    return Interval(2 * num_params, 2 * num_params, widest * num_params)


def _whole_gradients(work: Workload) -> Iterator[Term]:
    """Gradients before they are reduced: the output layer's until the root unit is through, one matrix's, a layer's.

    Between passes of one update accelerate does not reduce them (`no_sync`): then each GPU holds all of them.
    """
    marks, width = work.parameters.landmarks, _in_use(work, 1)
    yield elements("output layer's gradient", BACKWARD, maybe(work, width.times(marks.head)), marks.head, width, FSDP)
    yield projection_term(work, width, FSDP)
    yield Term(
        "layer's gradient on its way",
        Place.GPU,
        (Moment.BACKWARD_END,),
        Interval(0, width.expected_bytes * marks.layer, 2 * work.widths.trained.high_bytes * marks.layer),
        f"{grouped(marks.layer)} x {width.expected_bytes} B",
        FSDP,
    )
    passes, trained = work.num_accumulation_steps, work.parameters.num_trained
    if passes == 1:
        return
    whole = work.widths.trained.high_bytes * trained
    yield Term(
        "gradients not yet reduced",
        Place.GPU,
        PASS,
        Interval(0, 0 if passes is None else width.expected_bytes * trained, whole),
        f"{grouped(trained)} x {width.expected_bytes} B, whole until the last pass of an update",
        "accelerate 1.15 accelerator.py, no_sync; torch/distributed/fsdp",
    )
