"""How DeepSpeed's ZeRO-3 packs a rank's share of the parameters into sub-groups, the pieces its optimizer works on."""

from __future__ import annotations

from collections.abc import Sequence

from ftlint.memory.arithmetic import ceil_div


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
