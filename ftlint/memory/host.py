"""What DeepSpeed's optimizer and parameter offload keeps in a node's RAM, buffer by buffer.

ZeRO-3, both offloaded, per rank and parameter it holds:

    4 B  master weights            pageable   one buffer per sub-group
    8 B  momentum and variance     pageable   made by the first optimizer step
    4 B  gradients for the master  pinned     one buffer per sub-group
    2 B  gradients as accumulated  pinned     one flat buffer
    2 B  weights                   pinned     one flat buffer per parameter group, whatever pin_memory says
    --
   20 B, and torch rounds each pinned buffer up to a power of two (`pinned.py`).

Source: deepspeed 0.19.8 runtime/zero/stage3.py (`_create_fp32_partitions`, `initialize_optimizer_states`,
`_setup_for_real_optimizer`, `_create_param_groups_fp16_flat_cpu_memory`) and runtime/zero/stage_1_and_2.py; the same
buffers stand in 0.12.6, 0.14.4, 0.16.3, 0.17.0 and 0.18.0, with the differences noted below. Read, not measured.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ftlint.memory.arithmetic import ceil_div, grouped
from ftlint.memory.estimate import ALWAYS, FROM_FIRST_STEP_ON, Interval, Moment, Place, Term, exactly
from ftlint.memory.optimizers import cpu_optimizer_states
from ftlint.memory.pinned import kept_after_reuse, next_power_of_two, pinned_size
from ftlint.memory.subgroups import Shards, partition, shards_of
from ftlint.memory.terms import maybe, quantized_bytes
from ftlint.memory.workload import Workload
from ftlint.run.fact import Truth
from ftlint.run.run import OffloadDevice

LOADING = (Moment.LOADING,)
STAGE3 = "deepspeed 0.19.8 runtime/zero/stage3.py"
STAGE2 = "deepspeed 0.19.8 runtime/zero/stage_1_and_2.py"


def zero3_terms(work: Workload) -> Iterator[Term]:
    """Host RAM of ZeRO-3 with `offload_optimizer` or `offload_param` on the CPU."""
    shards = shards_of(work)
    if work.offload.optimizer is OffloadDevice.CPU:
        yield from _zero3_optimizer(work, shards)
    if work.offload.optimizer is not OffloadDevice.NONE:
        yield _accumulated_gradients(work, shards)
    if work.offload.param is OffloadDevice.CPU:
        yield from _zero3_weights(work, shards)


def _zero3_optimizer(work: Workload, shards: Shards) -> Iterator[Term]:
    sub_groups, low_share = _on_cpu(work, shards.sub_groups)
    yield from _master_and_states(work, sum(sub_groups), low_share, STAGE3, Truth.NO)
    width = work.widths.master
    buffers = pinned_size([size * width.expected_bytes for size in sub_groups], work.offload.pin_optimizer)
    size = _scaled_low(buffers.times(work.ranks.per_node), low_share * width.low_bytes / max(1, width.expected_bytes))
    yield Term(
        "gradients for the master",
        _place(work.offload.pin_optimizer),
        ALWAYS,
        maybe(work, size),
        f"{work.ranks.in_words} x {len(sub_groups)} sub-groups, {grouped(sum(sub_groups))} in all,"
        f" x {width.expected_bytes} B{_rounding(work.offload.pin_optimizer)}",
        STAGE3,
    )
    largest = max(shards.sub_groups, default=0)
    # A zeroed buffer for the largest sub-group lives while all are built; each pinned buffer is copied from a pageable
    # one, the last being the flat 16-bit gradients.
    copied = max(largest * width.expected_bytes, shards.num_params * work.widths.accumulated_gradient.expected_bytes)
    transient = work.ranks.per_node * (largest * width.expected_bytes + copied)
    yield Term(
        "buffers while the engine is built",
        Place.HOST_PAGEABLE,
        LOADING,
        Interval(0, transient, transient),
        f"{work.ranks.in_words} x (sub-group {grouped(largest)} x {width.expected_bytes} B + the last copy)",
        STAGE3,
    )


def _on_cpu(work: Workload, sub_groups: Sequence[int]) -> tuple[Sequence[int], float]:
    """The sub-groups that the CPU updates, and the share of them that surely is (`offload_optimizer.ratio`)."""
    ratio = work.offload.optimizer_ratio
    chosen = sub_groups[int((1 - ratio) * len(sub_groups)) :]
    return chosen, 1.0 if work.offload.optimizer_ratio_low == ratio else 0.0


def _accumulated_gradients(work: Workload, shards: Shards) -> Term:
    """The flat buffer of gradients as they are reduced: host RAM even where the optimizer's states go to NVMe."""
    width = work.widths.accumulated_gradient
    buffers = pinned_size([shards.num_params * width.expected_bytes], work.offload.pin_optimizer).times(
        work.ranks.per_node
    )
    size = maybe(work, buffers.at_least(work.ranks.per_node * shards.num_params * width.low_bytes))
    return Term(
        "gradients as accumulated",
        _place(work.offload.pin_optimizer),
        ALWAYS,
        size,
        f"{work.ranks.in_words} x {grouped(shards.num_params)} x {width.expected_bytes} B"
        f"{_rounding(work.offload.pin_optimizer)}",
        STAGE3,
    )


def _zero3_weights(work: Workload, shards: Shards) -> Iterator[Term]:
    width, ranks, offload = work.widths.trained, work.ranks, work.offload
    flat = pinned_size([size * width.expected_bytes for size in shards.groups])
    flat = flat.at_least(shards.num_params * width.low_bytes).times(ranks.per_node)
    yield Term(
        "weights",
        Place.HOST_PINNED,
        ALWAYS,
        maybe(work, flat),
        f"{ranks.in_words} x {grouped(shards.num_params)} x {width.expected_bytes} B{_rounding(Truth.YES)}",
        STAGE3,
    )
    frozen = [partition(size, ranks.world_size) * work.widths.frozen.expected_bytes for size in work.parameters.frozen]
    if frozen or work.parameters.quantized:
        packed = ranks.per_node * ceil_div(quantized_bytes(work), ranks.world_size)
        kept = pinned_size(frozen, offload.pin_param).times(ranks.per_node)
        low = ranks.per_node * sum(frozen) * work.widths.frozen.low_bytes // work.widths.frozen.expected_bytes
        yield Term(
            "frozen weights",
            _place(offload.pin_param),
            ALWAYS,
            kept.at_least(low) + exactly(packed),
            f"{grouped(sum(work.parameters.frozen))} / {ranks.num_nodes} nodes x {width.expected_bytes} B by tensor"
            f"{_rounding(offload.pin_param)}",
            "deepspeed 0.19.8 runtime/zero/partition_parameters.py, `_partition_param`",
        )
    if offload.pin_param is not Truth.NO:
        yield _freed_partitions(work, shards)


def _freed_partitions(work: Workload, shards: Shards) -> Term:
    """Each weight is first pinned by itself, then moved to the flat buffer, and torch keeps the freed blocks.

    That follows from the two sources named, not from a measurement, so the low end leaves it out. With it the
    published 750 to 800 GB of LLaMA-33B on 8 GPUs (DeepSpeed issue 3448) are met; without it a tenth is missing.
    """
    width = work.widths.trained.expected_bytes
    later = [size * work.widths.master.expected_bytes for size in shards.sub_groups]
    later.append(shards.num_params * work.widths.accumulated_gradient.expected_bytes)
    kept = work.ranks.per_node * kept_after_reuse([size * width for size in shards.tensors], later)
    return Term(
        "freed blocks that torch keeps",
        Place.HOST_PINNED,
        ALWAYS,
        Interval(0, kept if work.offload.pin_param is Truth.YES else 0, kept),
        f"{work.ranks.in_words} x weights pinned one by one while loading, each rounded up to a power of two",
        "deepspeed 0.19.8 runtime/zero/partition_parameters.py; torch 2.13 ATen/core/CachingHostAllocator.h",
    )


# ZeRO-1 and ZeRO-2 --------------------------------------------------------------------------------------------------


def zero2_terms(work: Workload) -> Iterator[Term]:
    """Host RAM of ZeRO-1 and ZeRO-2 with `offload_optimizer`; a device of `nvme` stays in RAM there too."""
    ranks, offload, widths = work.ranks, work.offload, work.widths
    groups = [ceil_div(sum(group), ranks.world_size) for group in work.parameters.groups]
    shard = sum(groups)
    yield from _master_and_states(work, shard, 1.0, STAGE2, offload.pin_optimizer, groups)
    width = widths.master.expected_bytes
    gradients = pinned_size([size * width for size in groups], offload.pin_optimizer)
    gradients = gradients.at_least(shard * widths.master.low_bytes).times(ranks.per_node)
    yield Term(
        "gradients for the master",
        _place(offload.pin_optimizer),
        ALWAYS,
        maybe(work, gradients),
        f"{ranks.in_words} x {grouped(shard)} x {width} B{_rounding(offload.pin_optimizer)}",
        STAGE2,
    )
    if work.has_bf16_offload_buffer is not Truth.NO:
        copies = pinned_size([size * widths.trained.expected_bytes for size in groups], offload.pin_optimizer)
        copies = copies.times(ranks.per_node)
        surely = work.has_bf16_offload_buffer is Truth.YES
        yield Term(
            "16-bit copy of the master",
            _place(offload.pin_optimizer),
            ALWAYS,
            copies if surely else copies.at_least(0),
            f"{ranks.in_words} x {grouped(shard)} x {widths.trained.expected_bytes} B",
            f"{STAGE2}, since 0.17",
        )
    if work.num_accumulation_steps is None or work.num_accumulation_steps > 1:
        yield _gradients_between_passes(work)


def _gradients_between_passes(work: Workload) -> Term:
    """With gradient accumulation, each tensor that touches a rank's share waits in RAM whole, pinned by itself.

    Where the number of passes is known to be more than one, every tensor is held by some rank between them.
    """
    width, ranks = work.widths.trained.expected_bytes, work.ranks
    tensors = [size * width for size in work.parameters.trained]
    one_copy = pinned_size(tensors, work.offload.pin_optimizer)
    # Tensors that straddle two ranks' shares are held by both: at most one more per rank.
    straddling = ranks.per_node * next_power_of_two(max(tensors, default=0))
    size = Interval(
        sum(tensors) // ranks.num_nodes if work.num_accumulation_steps else 0,
        ceil_div(one_copy.expected_bytes, ranks.num_nodes) if work.num_accumulation_steps else 0,
        ceil_div(one_copy.high_bytes, ranks.num_nodes) + straddling,
    )
    return Term(
        "gradients between passes",
        _place(work.offload.pin_optimizer),
        FROM_FIRST_STEP_ON,
        size,
        f"{grouped(work.parameters.num_trained)} / {ranks.num_nodes} nodes x {width} B, tensor by tensor",
        f"{STAGE2}, `async_accumulate_grad_in_cpu_via_gpu`",
    )


def _master_and_states(
    work: Workload, num_params: int, low_share: float, source: str, pinned: Truth, buffers: Sequence[int] = ()
) -> Iterator[Term]:
    ranks, widths = work.ranks, work.widths
    master = widths.master.times(num_params * ranks.per_node)
    if pinned is Truth.YES:  # ZeRO-2 since 0.14; pageable in 0.12
        rounded = sum(next_power_of_two(size * widths.master.expected_bytes) for size in buffers) * ranks.per_node
        master = Interval(master.low_bytes, max(rounded, master.expected_bytes), max(rounded, master.high_bytes))
    yield Term(
        "master weights",
        _place(pinned),
        ALWAYS,
        maybe(work, _scaled_low(master, low_share)),
        f"{ranks.in_words} x {grouped(num_params)} x {widths.master.expected_bytes} B{_rounding(pinned)}",
        source,
    )
    copies, element = cpu_optimizer_states(work.optimizer), widths.optimizer_states
    count = num_params * ranks.per_node
    states = Interval(
        count * copies.low_bytes * element.low_bytes,
        count * copies.expected_bytes * element.expected_bytes,
        count * copies.high_bytes * element.high_bytes,
    )
    yield Term(
        "optimizer states",
        Place.HOST_PAGEABLE,
        FROM_FIRST_STEP_ON,
        maybe(work, _scaled_low(states, low_share)),
        f"{ranks.in_words} x {grouped(num_params)} x {copies.expected_bytes} x {element.expected_bytes} B",
        "deepspeed 0.19.8 ops/adam/cpu_adam.py; accelerate 1.x utils/deepspeed.py",
    )


def _scaled_low(size: Interval, share: float) -> Interval:
    return size if share == 1.0 else size.at_least(int(size.low_bytes * share))


def _place(pinned: Truth) -> Place:
    return Place.HOST_PINNED if pinned is Truth.YES else Place.HOST_PAGEABLE


def _rounding(pinned: Truth) -> str:
    return ", each rounded up to a power of two" if pinned is Truth.YES else ""
