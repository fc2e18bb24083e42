"""What DeepSpeed keeps on each GPU.

    stage 1   optimizer states and masters are sharded               deepspeed 0.19.8 runtime/zero/stage_1_and_2.py
    stage 2   gradients too
    stage 3   weights too                                            deepspeed 0.19.8 runtime/zero/stage3.py

Offloaded states are in host RAM (`host.py`); the buffers that gradients and weights pass through stay here.
"""

from __future__ import annotations

from collections.abc import Iterator

from ftlint.memory.arithmetic import ceil_div, grouped
from ftlint.memory.estimate import ALWAYS, BACKWARD, PASS, Interval, Moment, Place, Term
from ftlint.memory.gradients import gradient_terms, projection_term
from ftlint.memory.optimizer_terms import optimizer_terms
from ftlint.memory.subgroups import shards_of
from ftlint.memory.terms import elements, maybe
from ftlint.memory.weights import frozen_weights
from ftlint.memory.workload import Workload
from ftlint.run.fact import Truth
from ftlint.run.run import OffloadDevice

ENGINE = "deepspeed 0.19.8 runtime/zero/stage_1_and_2.py, stage3.py"
STAGE2 = "deepspeed 0.19.8 runtime/zero/stage_1_and_2.py"
STAGE3 = "deepspeed 0.19.8 runtime/zero/stage3.py"
STEP = (Moment.OPTIMIZER_STEP,)


def zero_terms(work: Workload) -> Iterator[Term]:
    """Model states and buffers under DeepSpeed."""
    yield from _weights(work)
    yield from _buffers(work)
    yield projection_term(work, work.widths.trained, ENGINE)
    if work.offload.optimizer is OffloadDevice.NONE or work.zero_stage == 0:
        yield from _states(work)


def _weights(work: Workload) -> Iterator[Term]:
    trained, widths, ranks = work.parameters.num_trained, work.widths, work.ranks.world_size
    is_sharded = work.zero_stage == 3
    if not (is_sharded and work.offload.param is not OffloadDevice.NONE):
        yield frozen_weights(work, ranks if is_sharded else 1)
        held = ceil_div(trained, ranks) if is_sharded else trained
        yield elements("trained weights", ALWAYS, maybe(work, widths.trained.times(held)), held, widths.trained, ENGINE)
    if is_sharded:
        yield from _gathered(work)


def _states(work: Workload) -> Iterator[Term]:
    trained, widths, ranks = work.parameters.num_trained, work.widths, work.ranks.world_size
    shard = ceil_div(trained, ranks)
    if work.zero_stage == 3:
        # One flat buffer for the rank's part of all gradients, made with the engine.
        size = maybe(work, widths.accumulated_gradient.times(shard))
        yield elements("gradients", ALWAYS, size, shard, widths.accumulated_gradient, STAGE3)
    else:
        yield from gradient_terms(work, widths.accumulated_gradient, STAGE2, ranks if work.zero_stage == 2 else 1)
    master = shard if work.zero_stage >= 1 else trained
    size = maybe(work, widths.master.times(master))
    if widths.trained.high_bytes >= widths.master.expected_bytes:
        size = size.at_least(0)  # weights that may be float32 themselves are updated in place
    yield elements("master weights", ALWAYS, size, master, widths.master, ENGINE)
    at_a_time = min(master, largest_sub_group(work)) if work.zero_stage == 3 else master
    yield from optimizer_terms(work, master, ranks if work.zero_stage else 1, ENGINE, at_a_time=at_a_time)
    size = widths.master.times(at_a_time).at_least(0)
    yield elements("gradient in the master's format", STEP, size, at_a_time, widths.master, ENGINE)


def largest_sub_group(work: Workload) -> int:
    """Elements of the largest piece that ZeRO-3's optimizer works on."""
    return max(shards_of(work).sub_groups, default=0)


def _buffers(work: Workload) -> Iterator[Term]:
    """Gradients are reduced bucket by bucket: stage 3 keeps its bucket, the stages below make one for each backward.

    With `overlap_comm` stages 1 and 2 have two of them. Without a gradient there is nothing to reduce.
    """
    if not work.parameters.num_trained or work.zero_stage == 0:
        return
    width, size = work.widths.trained, work.buckets.reduce
    counts = {Truth.YES: (2, 2, 2), Truth.NO: (1, 1, 1), Truth.UNKNOWN: (1, 1, 2)}[work.buckets.overlap]
    low, expected, high = (1, 1, 1) if work.zero_stage == 3 else counts
    yield Term(
        "reduce bucket",
        Place.GPU,
        ALWAYS if work.zero_stage == 3 else BACKWARD,
        Interval(
            low * size.low_bytes * width.low_bytes,
            expected * size.expected_bytes * width.expected_bytes,
            high * size.high_bytes * width.high_bytes,
        ),
        f"{expected} x {grouped(size.expected_bytes)} x {width.expected_bytes} B",
        f"{STAGE3}, __ipg_bucket_flat_buffer" if work.zero_stage == 3 else f"{STAGE2}, ipg_buffer",
    )


def _gathered(work: Workload) -> Iterator[Term]:
    """Whole weights: those in use, those that stay because they are used again soon, and those too small to shard.

    A layer is whole while it is used. At both ends of backward DeepSpeed keeps what comes again within
    `max_reuse_distance` parameters, which is as large as `max_live_parameters` unless somebody changes one of them:
    half of that many, there and back.
    """
    marks, width, buckets = work.parameters, work.widths.trained, work.buckets
    total = marks.num_params
    used = min(marks.largest_layer, max(marks.units[:-1], default=marks.largest_layer))
    low = width.low_bytes * used if not marks.quantized else 0
    expected = min(total, max(marks.largest_layer, buckets.max_live // 2) + buckets.prefetch.expected_bytes)
    high = min(total, buckets.max_live + buckets.prefetch.high_bytes + marks.largest_layer)
    yield Term(
        "gathered weights",
        Place.GPU,
        PASS,
        Interval(low, max(low, width.expected_bytes * expected), max(low, width.high_bytes * max(expected, high))),
        f"{grouped(expected)} x {width.expected_bytes} B: in use, used again soon, or fetched ahead",
        "deepspeed 0.19.8 runtime/zero/partitioned_param_coordinator.py",
    )
    threshold = buckets.persistence_threshold
    sizes = [*marks.trained, *marks.frozen]
    small = [sum(size for size in sizes if size < limit) for limit in (threshold.low_bytes, threshold.high_bytes)]
    yield Term(
        "weights too small to shard",
        Place.GPU,
        ALWAYS,
        Interval(0, width.expected_bytes * small[0], width.high_bytes * small[1]),
        f"{grouped(small[0])} x {width.expected_bytes} B",
        "deepspeed 0.19.8 runtime/zero/parameter_offload.py, mark_persistent_parameters",
    )
    yield Term(
        "layer gathered to be saved",
        Place.GPU,
        (Moment.SAVING,),
        Interval(0, width.expected_bytes * marks.largest_layer, width.high_bytes * marks.largest_layer),
        f"{grouped(marks.largest_layer)} x {width.expected_bytes} B",
        "deepspeed 0.19.8 runtime/engine.py, _zero3_consolidated_16bit_state_dict",
    )
