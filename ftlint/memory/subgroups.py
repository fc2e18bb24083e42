"""How DeepSpeed's ZeRO-3 packs a rank's share of the parameters into sub-groups, the pieces its optimizer works on."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from ftlint.memory.arithmetic import ceil_div
from ftlint.memory.workload import Workload
from ftlint.record import record


@record
class Shards:
    """One rank's share of the trained parameters under ZeRO-3, in elements."""

    tensors: tuple[int, ...]
    groups: tuple[int, ...]
    sub_groups: tuple[int, ...]

    @property
    def num_params(self) -> int:
        """All of it."""
        return sum(self.groups)


def shards_of(work: Workload) -> Shards:
    """How one rank's share is cut up."""
    return _cut_up(work.parameters.groups, work.ranks.world_size, work.sub_group_size)


@lru_cache(maxsize=64)  # terms of both the GPU and the host ask, and a model has a thousand tensors
def _cut_up(groups: tuple[tuple[int, ...], ...], num_ranks: int, sub_group_size: int) -> Shards:
    shards = [[partition(size, num_ranks) for size in group] for group in groups]
    return Shards(
        tensors=tuple(size for group in shards for size in group),
        groups=tuple(sum(group) for group in shards),
        sub_groups=tuple(size for group in shards for size in pack(group, sub_group_size)),
    )


def partition(num_params: int, num_ranks: int) -> int:
    """Elements of one tensor that one rank holds, padding included.

    Source: deepspeed 0.19.8 runtime/zero/partition_parameters.py, `_aligned_size`.
    """
    return ceil_div(num_params, num_ranks)


def pack(partitions: Sequence[int], sub_group_size: int) -> tuple[int, ...]:
    """Elements of each sub-group of one parameter group.

    A sub-group is closed by the tensor that reaches the limit, so it overshoots it: with the usual 1e9 some pass 2**30,
    and their float32 buffer takes 8 GiB of pinned memory instead of 4.
    Source: deepspeed 0.19.8 runtime/zero/stage3.py, `_create_fp16_sub_groups`; the same in 0.12.6 to 0.18.0.
    """
    if not partitions:
        return ()
    if sub_group_size >= sum(partitions):
        return (sum(partitions),)
    sub_groups: list[int] = []
    open_elements = 0
    for elements in partitions:
        open_elements += elements
        if open_elements >= sub_group_size:
            sub_groups.append(open_elements)
            open_elements = 0
    if open_elements:
        sub_groups.append(open_elements)
    return tuple(sub_groups)
