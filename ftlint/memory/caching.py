"""torch's caching allocator for one GPU, played with numbers: which blocks it cuts, keeps and cannot use again.

Requests are rounded up to 512 bytes. Those up to 1 MiB share segments of 2 MiB, those below 10 MiB segments of 20 MiB,
larger ones get one of their own, rounded up to 2 MiB. A free block is taken if it is large enough: the smallest one,
of equal ones the first. What is left of it becomes a free block if it is worth one: 512 bytes in a small segment,
more than 1 MiB in a large one. A freed block is joined with free neighbours in its segment, and stays with its stream:
no other stream gets it. Segments go back to the driver only when it has none left, which is not played here.
Source: torch 2.4 to 2.13 c10/cuda/CUDACachingAllocator.cpp: `round_size`, `get_allocation_size`, `get_free_block`,
`should_split`, `free_block`; with no setting in PYTORCH_CUDA_ALLOC_CONF.
"""

from __future__ import annotations

from bisect import bisect_left, insort

MIB = 1 << 20
MIN_BLOCK_BYTES = 512
SMALL_BYTES = MIB
"""The largest request that the small pool serves, and the most that is wasted at the end of a large block."""
SMALL_SEGMENT_BYTES = 2 * MIB
MEDIUM_BYTES = 10 * MIB
MEDIUM_SEGMENT_BYTES = 20 * MIB
ROUND_LARGE_BYTES = 2 * MIB

ADDRESS_BITS = 48
"""Of an address, by which blocks of one size are told apart."""

COMPUTE = 0
"""The stream that nearly everything is allocated on."""
GATHER = 1
"""FSDP's stream for the weights that it gathers."""
REDUCE = 2
"""FSDP's stream for the gradients that it scatters."""
NUM_STREAMS = 3


class Block:
    """A part of a segment, in use or free. Neighbours are those of the same segment, by address.

    `key`: of a free block, its size with its address behind it, by which its pool sorts it: one number for both, as
    thousands of them are compared. 0 while it is in use.
    """

    __slots__ = ("address", "after", "before", "key", "num_bytes", "pool")

    def __init__(self, address: int, num_bytes: int, pool: Pool) -> None:
        self.address = address
        self.num_bytes = num_bytes
        self.pool = pool
        self.before: Block | None = None
        self.after: Block | None = None
        self.key = 0


class Pool:
    """The free blocks of one stream, small or large, in the order in which they are taken."""

    __slots__ = ("blocks", "is_small", "keys")

    def __init__(self, *, is_small: bool) -> None:
        self.is_small = is_small
        self.keys: list[int] = []
        """Sorted."""
        self.blocks: dict[int, Block] = {}
        """By key."""


class CachingAllocator:
    """One GPU's blocks; owned by whoever plays. All sizes in bytes."""

    def __init__(self) -> None:
        self.large = [Pool(is_small=False) for _ in range(NUM_STREAMS)]
        self.small = [Pool(is_small=True) for _ in range(NUM_STREAMS)]
        self.reserved_bytes = 0
        """Of all segments; never falls."""
        self.allocated_bytes = 0
        """Of blocks in use, with what is wasted at their ends, as torch counts them."""
        self.peak_allocated_bytes = 0

    def allocate(self, num_bytes: int, stream: int = COMPUTE) -> Block:
        """A block of at least that size for the stream."""
        wanted = num_bytes + MIN_BLOCK_BYTES - 1 & -MIN_BLOCK_BYTES or MIN_BLOCK_BYTES
        is_small = wanted <= SMALL_BYTES
        pool = (self.small if is_small else self.large)[stream]
        keys = pool.keys
        index = bisect_left(keys, wanted << ADDRESS_BITS)
        block = pool.blocks.pop(keys.pop(index)) if index < len(keys) else self._segment(wanted, pool)
        block.key = 0
        left_bytes = block.num_bytes - wanted
        if left_bytes > SMALL_BYTES or (is_small and left_bytes >= MIN_BLOCK_BYTES):
            address = block.address + wanted
            rest = Block(address, left_bytes, pool)
            rest.before, rest.after = block, block.after
            if rest.after is not None:
                rest.after.before = rest
            block.after, block.num_bytes = rest, wanted
            rest.key = key = left_bytes << ADDRESS_BITS | address
            insort(keys, key)
            pool.blocks[key] = rest
        self.allocated_bytes += block.num_bytes
        if self.allocated_bytes > self.peak_allocated_bytes:
            self.peak_allocated_bytes = self.allocated_bytes
        return block

    def allocate_for_good(self, num_bytes: int, count: int = 1) -> None:
        """The same for the compute stream, `count` times, where the blocks are not small and will never be freed."""
        keys = self.large[COMPUTE].keys
        wanted = num_bytes + MIN_BLOCK_BYTES - 1 & -MIN_BLOCK_BYTES
        if wanted >= MEDIUM_BYTES and (not keys or keys[-1] < wanted << ADDRESS_BITS):
            # A segment of its own, whose end is too short to be cut off unless it is more than 1 MiB.
            segment = -(-wanted // ROUND_LARGE_BYTES) * ROUND_LARGE_BYTES
            if segment - wanted <= SMALL_BYTES:
                self.reserved_bytes += count * segment
                self.allocated_bytes += count * segment
                if self.allocated_bytes > self.peak_allocated_bytes:
                    self.peak_allocated_bytes = self.allocated_bytes
                return
        for _ in range(count):
            self.allocate(num_bytes)

    def free(self, block: Block) -> None:
        """Give a block back to its stream."""
        self.allocated_bytes -= block.num_bytes
        keys, blocks = block.pool.keys, block.pool.blocks
        after, before = block.after, block.before
        if after is not None and after.key:
            del keys[bisect_left(keys, after.key)], blocks[after.key]
            block.num_bytes += after.num_bytes
            block.after = after.after
            if block.after is not None:
                block.after.before = block
        if before is not None and before.key:
            del keys[bisect_left(keys, before.key)], blocks[before.key]
            before.num_bytes += block.num_bytes
            before.after = block.after
            if block.after is not None:
                block.after.before = before
            block = before
        block.key = key = block.num_bytes << ADDRESS_BITS | block.address
        insort(keys, key)
        blocks[key] = block

    def _segment(self, wanted: int, pool: Pool) -> Block:
        if pool.is_small:
            size = SMALL_SEGMENT_BYTES
        elif wanted < MEDIUM_BYTES:
            size = MEDIUM_SEGMENT_BYTES
        else:
            size = -(-wanted // ROUND_LARGE_BYTES) * ROUND_LARGE_BYTES
        # Segments lie one behind another in the order in which they are made; the driver's addresses do not matter.
        block = Block(self.reserved_bytes, size, pool)
        self.reserved_bytes += size
        return block
