"""The caching allocator, against sequences worked out by hand from torch's rules, and against what always holds."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftlint.memory.caching import COMPUTE, GATHER, MIB, Block, CachingAllocator


@pytest.mark.parametrize(
    ("num_bytes", "reserved", "allocated"),
    [
        (1, 2 * MIB, 512),
        (513, 2 * MIB, 1024),
        (MIB, 2 * MIB, MIB),
        (MIB + 1, 20 * MIB, MIB + 512),
        (10 * MIB - 512, 20 * MIB, 10 * MIB - 512),
        (10 * MIB, 10 * MIB, 10 * MIB),
        # The rest is cut off only above 1 MiB; else it is part of the block, and counts as allocated.
        (11 * MIB, 12 * MIB, 12 * MIB),
        (11 * MIB - 512, 12 * MIB, 11 * MIB - 512),
    ],
)
def test_a_first_request(num_bytes: int, reserved: int, allocated: int) -> None:
    allocator = CachingAllocator()
    allocator.allocate(num_bytes)
    assert (allocator.reserved_bytes, allocator.allocated_bytes) == (reserved, allocated)


def test_requests_below_10_mib_share_a_segment() -> None:
    allocator = CachingAllocator()
    blocks = [allocator.allocate(6 * MIB) for _ in range(3)]
    assert allocator.reserved_bytes == 20 * MIB
    # 2 MiB are left, and a fourth one needs a segment of its own.
    blocks.append(allocator.allocate(6 * MIB))
    assert allocator.reserved_bytes == 40 * MIB
    allocator.free(blocks[1])
    allocator.allocate(2 * MIB)  # the 2 MiB at the end fit better than the 6 in the middle
    allocator.allocate(6 * MIB)
    assert allocator.reserved_bytes == 40 * MIB


def test_the_smallest_block_that_fits_is_taken_and_cut() -> None:
    allocator = CachingAllocator()
    large, small = allocator.allocate(64 * MIB), allocator.allocate(32 * MIB)
    allocator.free(large)
    allocator.free(small)
    assert allocator.allocate(24 * MIB).address == small.address
    assert allocator.allocate(30 * MIB).address == large.address
    assert allocator.allocate(30 * MIB).address == large.address + 30 * MIB
    # 8 MiB and 4 MiB are left: they do not lie together.
    assert allocator.reserved_bytes == 96 * MIB
    allocator.allocate(12 * MIB)
    assert allocator.reserved_bytes == 108 * MIB


def test_neighbours_are_joined_inside_a_segment_only() -> None:
    allocator = CachingAllocator()
    first, second = allocator.allocate(40 * MIB), allocator.allocate(40 * MIB)
    allocator.free(first)
    allocator.free(second)
    # Two segments of 40 MiB, one behind the other, hold no 80.
    allocator.allocate(80 * MIB)
    assert allocator.reserved_bytes == 160 * MIB
    a, b, c = (allocator.allocate(13 * MIB) for _ in range(3))
    for block in (a, c, b):
        allocator.free(block)
    allocator.allocate(40 * MIB)
    assert allocator.reserved_bytes == 160 * MIB


def test_a_small_block_that_stays_makes_the_largest_need_a_new_segment() -> None:
    allocator = CachingAllocator()

    def step() -> None:
        for block in [allocator.allocate(size * MIB) for size in (16, 64, 256)]:
            allocator.free(block)

    step()
    step()
    assert allocator.reserved_bytes == 336 * MIB
    allocator.allocate(12 * MIB)  # lies in the 16, whose place is taken in the 64, whose place is taken in the 256
    step()
    assert allocator.reserved_bytes == 592 * MIB
    step()
    assert allocator.reserved_bytes == 592 * MIB


def test_a_stream_keeps_its_blocks() -> None:
    allocator = CachingAllocator()
    allocator.free(allocator.allocate(64 * MIB, GATHER))
    allocator.allocate(64 * MIB, COMPUTE)
    assert allocator.reserved_bytes == 128 * MIB
    allocator.allocate(64 * MIB, GATHER)
    assert allocator.reserved_bytes == 128 * MIB


SIZES = st.one_of(st.integers(1, 2 * MIB), st.integers(MIB, 24 * MIB), st.integers(10 * MIB, 300 * MIB))
MOVES = st.lists(st.tuples(st.booleans(), SIZES, st.integers(0, 2), st.integers(0, 50)), max_size=60)


@given(MOVES)
def test_what_always_holds(moves: list[tuple[bool, int, int, int]]) -> None:
    allocator, in_use = CachingAllocator(), list[Block]()
    asked: dict[int, int] = {}
    for is_new, size, stream, index in moves:
        if is_new or not in_use:
            block = allocator.allocate(size, stream)
            in_use.append(block)
            asked[id(block)] = size
        else:
            allocator.free(in_use.pop(index % len(in_use)))
        spans = sorted((block.address, block.address + block.num_bytes) for block in in_use)
        assert all(end <= start for (_, end), (start, _) in pairwise(spans))
        assert all(block.num_bytes >= asked[id(block)] for block in in_use)
        assert allocator.allocated_bytes == sum(block.num_bytes for block in in_use)
        free = sum(block.num_bytes for pool in (*allocator.large, *allocator.small) for block in pool.blocks.values())
        assert allocator.allocated_bytes + free == allocator.reserved_bytes
        assert allocator.reserved_bytes % (2 * MIB) == 0
        assert allocator.peak_allocated_bytes >= allocator.allocated_bytes
    for block in in_use:
        allocator.free(block)
    # Everything freed: whole segments again, and the same requests find their place.
    assert all(
        block.before is None and block.after is None
        for pool in (*allocator.large, *allocator.small)
        for block in pool.blocks.values()
    )


@given(MOVES, st.lists(st.integers(MIB + 1, 300 * MIB), max_size=20))
def test_for_good_is_allocated_all_the_same(moves: list[tuple[bool, int, int, int]], sizes: list[int]) -> None:
    usual, quick = CachingAllocator(), CachingAllocator()
    for allocator in (usual, quick):
        blocks = [allocator.allocate(size) for _, size, _, _ in moves]
        for (is_kept, *_), block in zip(moves, blocks, strict=True):
            if not is_kept:
                allocator.free(block)
    for size in sizes:
        usual.allocate(size)
        usual.allocate(size)
        quick.allocate_for_good(size, 2)
    assert usual.reserved_bytes == quick.reserved_bytes
    assert usual.allocated_bytes == quick.allocated_bytes
    assert usual.peak_allocated_bytes == quick.peak_allocated_bytes
