"""What stays in host RAM of states that ZeRO-3 swaps to NVMe: the buffers they pass through.

Source: deepspeed 0.19.8 runtime/swap_tensor/optimizer_utils.py, partitioned_param_swapper.py, utils.py. Up to 0.18 the
buffers were pinned by torch, which rounds up; later by the aio library, which does not: hence the interval.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ftlint.memory.arithmetic import grouped
from ftlint.memory.estimate import ALWAYS, Interval, Place, Term
from ftlint.memory.pinned import next_power_of_two
from ftlint.memory.subgroups import shards_of
from ftlint.memory.terms import maybe
from ftlint.memory.workload import Workload
from ftlint.run.run import OffloadDevice


def nvme_terms(work: Workload) -> Iterator[Term]:
    """Swap buffers of one node."""
    shards, offload, ranks = shards_of(work), work.offload, work.ranks
    largest = max(shards.sub_groups, default=0)
    if offload.optimizer is OffloadDevice.NVME:
        width = work.widths.master.expected_bytes
        # One more of that size stands in for the gradients of sub-groups that are on disk.
        yield Term(
            "NVMe buffers of the optimizer",
            Place.HOST_PINNED,
            ALWAYS,
            maybe(work, _buffers(work, [largest * width] * offload.optimizer_buffer_count, largest * width)),
            f"{ranks.in_words} x {offload.optimizer_buffer_count} x sub-group {grouped(largest)} x {width} B",
            "deepspeed 0.19.8 runtime/swap_tensor/optimizer_utils.py",
        )
    if offload.param is OffloadDevice.NVME:
        width = work.widths.trained.expected_bytes
        pool = offload.param_buffer_count * offload.param_buffer_size * width
        in_ram = min(shards.num_params, offload.param_max_in_cpu) * width
        yield Term(
            "NVMe buffers of the weights",
            Place.HOST_PINNED,
            ALWAYS,
            _buffers(work, [pool, in_ram], largest * width).at_least(0),
            f"{ranks.in_words} x ({offload.param_buffer_count} x {grouped(offload.param_buffer_size)}"
            f" + max_in_cpu {grouped(offload.param_max_in_cpu)}) x {width} B",
            "deepspeed 0.19.8 runtime/swap_tensor/partitioned_param_swapper.py",
        )


def _buffers(work: Workload, buffers: Sequence[int], one_more: int) -> Interval:
    exact = sum(buffers)
    rounded = sum(next_power_of_two(size) for size in buffers)
    return Interval(exact, exact, max(exact, rounded) + 2 * next_power_of_two(one_more)).times(work.ranks.per_node)
