"""Model states on one GPU: weights, gradients, masters, optimizer states, and the layer that is gathered to be used.

    single, DDP   every rank holds everything                            (facts of the plain torch optimizers)
    ZeRO-1        optimizer states and masters are sharded               deepspeed 0.19.8 runtime/zero/stage_1_and_2.py
    ZeRO-2        gradients too
    ZeRO-3        weights too                                            deepspeed 0.19.8 runtime/zero/stage3.py
    FSDP          weights, gradients and optimizer states are sharded    torch/distributed/fsdp

Low ends are proofs: a tensor whose size or place depends on what we do not see counts with nothing there.
"""

from __future__ import annotations

from collections.abc import Iterator

from ftlint.memory.arithmetic import ceil_div, grouped
from ftlint.memory.estimate import (
    ALWAYS,
    FROM_FIRST_STEP_ON, PASS,
    Interval,
    Moment,
    Place,
    Term,
)
from ftlint.memory.optimizers import ADAM_FOREACH, Optimizer, find_optimizer
from ftlint.memory.subgroups import pack, partition
from ftlint.memory.workload import Workload
from ftlint.run.run import OffloadDevice, ParallelKind

STEP = (Moment.OPTIMIZER_STEP,)

GRADIENTS = (Moment.BACKWARD_END, Moment.OPTIMIZER_STEP)

ENGINE = "deepspeed 0.19.8 runtime/zero/stage_1_and_2.py, stage3.py"
TORCH = "torch 2.13 optim/, measured: pure bf16 with foreach AdamW peaks at 10 bytes per parameter"
FSDP = "torch/distributed/fsdp; accelerate 1.x upcasts trained parameters under mixed precision"


def state_terms(work: Workload) -> Iterator[Term]:
    """All model states of one GPU."""
    if work.kind is ParallelKind.ZERO:
        yield from _zero_terms(work)
    elif work.kind is ParallelKind.FSDP:
        yield from _fsdp_terms(work)
    else:
        yield from _replicated_terms(work)


def optimizer_of(work: Workload) -> Optimizer:
    """The optimizer that runs on the GPU; foreach AdamW where nothing is said, which not every release takes."""
    return ADAM_FOREACH if work.optimizer is None else find_optimizer(work.optimizer)


def quantized_bytes(work: Workload) -> int:
    """Bytes of the quantized base model."""
    return ceil_div(sum(work.parameters.quantized) * work.widths.quantized_bytes_per_4096, 4096)


def maybe(work: Workload, size: Interval) -> Interval:
    """The size with nothing at its low end where it is an assumption which parameters are trained."""
    return size if work.parameters.is_exact else size.at_least(0)


# One whole copy per GPU ---------------------------------------------------------------------------------------------


def _replicated_terms(work: Workload) -> Iterator[Term]:
    trained, widths = work.parameters.num_trained, work.widths
    yield _frozen_weights(work, num_ranks=1)
    yield _term("trained weights", ALWAYS, maybe(work, widths.trained.times(trained)), trained, widths.trained, TORCH)
    # The last gradient exists only when backward has ended; `zero_grad` sets them to None, so the peak is at the step.
    gradients = maybe(work, widths.trained.times(trained))
    yield _term("gradients", STEP, gradients, trained, widths.trained, TORCH)
    yield from _optimizer_terms(work, trained, 1, TORCH)
    if work.kind is ParallelKind.DDP:
        yield Term(
            "DDP gradient buckets",
            Place.GPU,
            GRADIENTS,
            maybe(work, widths.trained.times(trained)).at_least(0),
            f"{grouped(trained)} x {widths.trained.expected_bytes} B, a copy beside the gradients",
            "torch/nn/parallel/distributed.py, gradient_as_bucket_view=False",
        )


def _optimizer_terms(work: Workload, num_params: int, num_ranks: int, source: str) -> Iterator[Term]:
    optimizer, widths = optimizer_of(work), work.widths
    name = work.optimizer or ("adamw_torch" if work.optimizer is None else "unknown optimizer")
    states = optimizer.state_bytes(
        num_params, widths.optimizer_states, ceil_div(work.parameters.num_factored, num_ranks)
    )
    yield Term(
        "optimizer states",
        Place.GPU,
        FROM_FIRST_STEP_ON,
        maybe(work, states),
        f"{name} on {grouped(num_params)} parameters",
        source,
    )
    if optimizer.num_temporaries:
        size = widths.trained.times(num_params * optimizer.num_temporaries).at_least(0)
        yield Term(
            "optimizer temporaries",
            Place.GPU,
            STEP,
            size,
            f"{optimizer.num_temporaries} x {grouped(num_params)} x {widths.trained.expected_bytes} B",
            TORCH,
        )


def _frozen_weights(work: Workload, num_ranks: int) -> Term:
    plain = ceil_div(sum(work.parameters.frozen), num_ranks)
    size = work.widths.frozen.times(plain)
    formula = f"{grouped(plain)} x {work.widths.frozen.expected_bytes} B"
    if work.parameters.quantized:
        packed = ceil_div(quantized_bytes(work), num_ranks)
        # prepare_model_for_kbit_training makes what is not quantized float32: the high end.
        size = Interval(size.low_bytes + packed, size.expected_bytes + packed, 4 * plain + packed)
        formula += f" + {grouped(sum(work.parameters.quantized))} quantized"
    return Term("frozen weights", Place.GPU, ALWAYS, size, formula, "peft 0.18 utils/other.py; bitsandbytes")


# DeepSpeed ----------------------------------------------------------------------------------------------------------


def _zero_terms(work: Workload) -> Iterator[Term]:
    trained, widths, offload = work.parameters.num_trained, work.widths, work.offload
    ranks = work.ranks.world_size
    shard = ceil_div(trained, ranks)
    is_sharded = work.zero_stage == 3
    keeps_weights = not (is_sharded and offload.param is not OffloadDevice.NONE)
    if keeps_weights:
        yield _frozen_weights(work, ranks if is_sharded else 1)
        weights = shard if is_sharded else trained
        size = maybe(work, widths.trained.times(weights))
        yield _term("trained weights", ALWAYS, size, weights, widths.trained, ENGINE)
    if is_sharded:
        yield _gathered_layer(work)
    if offload.optimizer is not OffloadDevice.NONE and work.zero_stage > 0:
        return
    held = shard if work.zero_stage >= 2 else trained
    gradients = widths.accumulated_gradient.times(held)
    yield _term("gradients", GRADIENTS, maybe(work, gradients), held, widths.accumulated_gradient, ENGINE)
    master = shard if work.zero_stage >= 1 else trained
    size = maybe(work, widths.master.times(master))
    if widths.trained.high_bytes >= widths.master.expected_bytes:
        size = size.at_least(0)  # weights that may be float32 themselves are updated in place
    yield _term("master weights", ALWAYS, size, master, widths.master, ENGINE)
    yield from _optimizer_terms(work, master, ranks if work.zero_stage else 1, ENGINE)
    at_a_time = min(master, _largest_sub_group(work)) if is_sharded else master
    size = widths.master.times(at_a_time).at_least(0)
    yield _term("gradient in the master's format", STEP, size, at_a_time, widths.master, ENGINE)


def _largest_sub_group(work: Workload) -> int:
    ranks = work.ranks.world_size
    packed = (pack([partition(n, ranks) for n in group], work.sub_group_size) for group in work.parameters.groups)
    return max((size for sub_groups in packed for size in sub_groups), default=0)


def _gathered_layer(work: Workload) -> Term:
    """The layer in use is whole on every GPU: surely its weights, for DeepSpeed's estimator its gradient as well."""
    largest, width = work.parameters.largest_layer, work.widths.trained
    low = width.low_bytes * largest if not work.parameters.quantized else 0
    expected = max(low, 2 * width.expected_bytes * largest)
    live = 2 * 10**9  # stage3_max_live_parameters, 1e9 by default, in 16 bits
    return Term(
        "gathered layer",
        Place.GPU,
        PASS,
        Interval(low, expected, expected + live),
        f"2 x {grouped(largest)} x {width.expected_bytes} B",
        "deepspeed 0.19.8 runtime/zero/stage3.py, 4 x largest layer",
    )


# FSDP ---------------------------------------------------------------------------------------------------------------


def _fsdp_terms(work: Workload) -> Iterator[Term]:
    ranks, widths = work.ranks.world_size, work.widths
    shard = ceil_div(work.parameters.num_trained, ranks)
    yield _gathered_units(work)
    if work.offload.param is not OffloadDevice.NONE:
        return
    yield _frozen_weights(work, ranks)
    yield _term("trained weights", ALWAYS, maybe(work, widths.trained.times(shard)), shard, widths.trained, FSDP)
    yield _term("gradients", STEP, maybe(work, widths.trained.times(shard)), shard, widths.trained, FSDP)
    yield from _optimizer_terms(work, shard, ranks, FSDP)


def _gathered_units(work: Workload) -> Term:
    """Two units are whole at a time, the one in use and the next, and what no layer holds; in the compute format."""
    *layers, rest = work.parameters.units
    layer = max(layers, default=0)
    low = 2 * layer if not work.parameters.quantized else 0
    expected = max(low, 2 * (2 * layer + rest))
    return Term(
        "gathered units",
        Place.GPU,
        PASS,
        Interval(low, expected, 2 * expected),
        f"2 B x (2 x {grouped(layer)} + {grouped(rest)})",
        "torch/distributed/fsdp, BACKWARD_PRE prefetch",
    )


def _term(
    name: str, moments: tuple[Moment, ...], size: Interval, num_params: int, width: Interval, source: str
) -> Term:
    formula = f"{grouped(num_params)} x {width.expected_bytes} B"
    return Term(name, Place.GPU, moments, size, formula, source)
