"""Pinned blocks and sub-groups, the two things that make host RAM larger than the parameters suggest."""

from __future__ import annotations

import random
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftlint.memory.pinned import kept_after_reuse, next_power_of_two, pinned_size
from ftlint.memory.subgroups import pack, partition
from ftlint.run.fact import Truth

GIB = 2**30


# Measured by others with torch 2.13 on an L4: GiB asked for, GiB taken.
@pytest.mark.parametrize(("asked", "taken"), [(2.25, 4), (10, 16), (33, 64), (1, 1), (64, 64)])
def test_pinned_blocks_as_measured(asked: float, taken: int) -> None:
    assert next_power_of_two(int(asked * GIB)) == taken * GIB


def test_smallest_blocks() -> None:
    assert [next_power_of_two(size) for size in (0, 1, 2, 3, 4, 5)] == [0, 1, 2, 4, 4, 8]


def test_unknown_pinning_is_expected_not_to_round() -> None:
    for pinned, expected, high in ((Truth.NO, 3, 3), (Truth.UNKNOWN, 3, 4), (Truth.YES, 4, 4)):
        size = pinned_size([3], pinned)
        assert (size.low_bytes, size.expected_bytes, size.high_bytes) == (3, expected, high)


def test_freed_blocks_serve_later_requests_of_their_size_only() -> None:
    assert kept_after_reuse(freed=[3, 4, 100], later=[]) == 4 + 4 + 128
    assert kept_after_reuse(freed=[3, 4, 100], later=[4]) == 4 + 128
    assert kept_after_reuse(freed=[3, 4, 100], later=[64, 1000]) == 4 + 4 + 128


def test_a_sub_group_closes_with_the_tensor_that_reaches_the_limit() -> None:
    assert pack([6, 6, 6, 1], 10) == (12, 7)
    assert pack([6, 4, 6, 4], 10) == (10, 10)
    assert pack([6, 4, 6], 10) == (10, 6)
    assert pack([6, 4], 10) == (10,)
    assert pack([], 10) == ()


@given(st.lists(st.integers(1, 10**9), max_size=60), st.integers(1, 2 * 10**9))
def test_packing_loses_nothing(partitions: list[int], limit: int) -> None:
    sub_groups = pack(partitions, limit)
    assert sum(sub_groups) == sum(partitions)
    assert all(size >= limit for size in sub_groups[:-1])


@given(st.integers(1, 10**12), st.integers(1, 4096))
def test_partitions_cover_the_tensor(num_params: int, ranks: int) -> None:
    share = partition(num_params, ranks)
    assert share * ranks >= num_params > (share - 1) * ranks


@pytest.mark.referee
def test_packing_is_deepspeeds() -> None:
    pytest.importorskip("deepspeed", reason="deepspeed is not installed")
    from deepspeed.runtime.zero.stage3 import DeepSpeedZeroOptimizer_Stage3

    numbers = random.Random(5)
    for _ in range(200):
        sizes = [int(10 ** numbers.uniform(0, 10)) for _ in range(numbers.randint(1, 40))]
        limit = int(10 ** numbers.uniform(3, 10))
        tensors = [SimpleNamespace(partition_numel=lambda size=size: size) for size in sizes]
        optimizer = SimpleNamespace(sub_group_size=limit)
        packed = DeepSpeedZeroOptimizer_Stage3._create_fp16_sub_groups(optimizer, tensors)
        assert pack(sizes, limit) == tuple(sum(t.partition_numel() for t in group) for group in packed)
