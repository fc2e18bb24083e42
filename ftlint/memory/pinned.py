"""How torch's pinned allocator turns requests into blocks.

It rounds every request up to a power of two, never splits a block, and keeps what is freed for requests of the same
power of two. `pinned_max_round_threshold_mb` in PYTORCH_ALLOC_CONF turns the rounding off; DeepSpeed 0.19's
DS_PIN_MEMORY_BACKEND=native goes around it. Both are in the environment, where we do not look: low ends are unrounded.

Source: torch 2.13 ATen/core/CachingHostAllocator.h (`allocate`, `maybe_cache_block`), c10/core/AllocatorConfig.h (no
threshold by default); measured by others on torch 2.13: 2.25 GiB take 4, 10 take 16, 33 take 64 (vllm issue 50094).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from ftlint.memory.estimate import Interval
from ftlint.run.fact import Truth


def next_power_of_two(num_bytes: int) -> int:
    """The block a pinned request of that many bytes takes."""
    return 0 if num_bytes <= 0 else 1 << (num_bytes - 1).bit_length()


def pinned_size(requests: Sequence[int], pinned: Truth = Truth.YES) -> Interval:
    """The bytes that host buffers take, given whether they are pinned.

    Where we do not know, they may be rounded up, and we do not expect it.
    """
    needed_bytes = sum(requests)
    rounded_bytes = sum(next_power_of_two(request) for request in requests)
    if pinned is Truth.NO:
        return Interval(needed_bytes, needed_bytes, needed_bytes)
    if pinned is Truth.UNKNOWN:
        return Interval(needed_bytes, needed_bytes, rounded_bytes)
    return Interval(needed_bytes, rounded_bytes, rounded_bytes)


def kept_after_reuse(freed: Sequence[int], later: Sequence[int]) -> int:
    """Bytes of freed pinned blocks that stay with the process because no later request has their power of two."""
    kept = _blocks(freed) - _blocks(later)
    return sum(size * count for size, count in kept.items())


def _blocks(requests: Sequence[int]) -> Counter[int]:
    """How many blocks of each size; a model's thousand tensors have a dozen sizes."""
    blocks: Counter[int] = Counter()
    for request, count in Counter(requests).items():
        blocks[next_power_of_two(request)] += count
    return blocks
