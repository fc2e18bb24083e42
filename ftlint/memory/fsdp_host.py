"""What FSDP's CPU offload keeps in a node's RAM: weights, gradients and optimizer states of every unit.

Source: torch/distributed/fsdp/_flat_param.py (`_local_shard` is pinned) and fully_shard's CPUOffloadPolicy, which pins
by default. Read, not measured.
"""

from __future__ import annotations

from collections.abc import Iterator

from ftlint.memory.arithmetic import ceil_div, grouped
from ftlint.memory.estimate import ALWAYS, FROM_FIRST_STEP_ON, Interval, Place, Term
from ftlint.memory.pinned import pinned_size
from ftlint.memory.terms import maybe, quantized_bytes, state_bytes
from ftlint.memory.workload import Workload


def fsdp_terms(work: Workload) -> Iterator[Term]:
    """Host RAM of one node under FSDP with CPU offload."""
    ranks, widths, parameters = work.ranks, work.widths, work.parameters
    shard = ceil_div(parameters.num_trained, ranks.world_size)
    count = grouped(shard)
    weights = widths.trained.times(shard * ranks.per_node)
    units = [ceil_div(unit, ranks.world_size) * widths.trained.expected_bytes for unit in parameters.units]
    rounded = pinned_size(units).times(ranks.per_node).high_bytes
    size = Interval(weights.low_bytes, weights.expected_bytes, max(weights.high_bytes, rounded))
    formula = f"{ranks.in_words} x {count} x {widths.trained.expected_bytes} B"
    source = "torch/distributed/fsdp, CPUOffload and CPUOffloadPolicy"
    yield Term("trained weights", Place.HOST_PINNED, ALWAYS, maybe(work, size), formula, source)
    yield Term("gradients", Place.HOST_PINNED, FROM_FIRST_STEP_ON, maybe(work, size), formula, source)
    states = state_bytes(work, shard, ranks.world_size)
    yield Term(
        "optimizer states",
        Place.HOST_PAGEABLE,
        FROM_FIRST_STEP_ON,
        maybe(work, states.times(ranks.per_node)),
        f"{ranks.in_words}, {work.optimizer or 'adamw_torch'} on {count} parameters",
        source,
    )
    if parameters.frozen or parameters.quantized:
        frozen = ceil_div(sum(parameters.frozen), ranks.num_nodes)
        packed = ceil_div(quantized_bytes(work), ranks.num_nodes)
        size = widths.frozen.times(frozen)
        yield Term(
            "frozen weights",
            Place.HOST_PINNED,
            ALWAYS,
            Interval(size.low_bytes + packed, size.expected_bytes + packed, 2 * (size.high_bytes + packed)),
            f"{grouped(frozen)} x {widths.frozen.expected_bytes} B per node",
            source,
        )
