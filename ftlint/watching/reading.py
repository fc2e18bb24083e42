"""One look at the memory of this process: its GPU as torch counts it, its host RAM as the kernel does."""

from __future__ import annotations

import sys
from typing import Any

import psutil

from ftlint.record import record


@record
class GpuBytes:
    """What torch's caching allocator holds on this rank's device, and the most since the last reset; in bytes."""

    allocated: int
    reserved: int
    peak_allocated: int
    peak_reserved: int


@record
class HostBytes:
    """Host RAM in bytes: this process' resident set, its pinned blocks, and what the whole node has in use.

    `pinned` counts blocks that torch's host allocator keeps, rounded up to powers of two; None where torch cannot say.
    """

    resident: int
    pinned: int | None
    node_used: int
    node_total: int


def read_gpu() -> GpuBytes | None:
    """torch's figures for the current CUDA device; None without torch, without a GPU, or before CUDA was used."""
    cuda = _cuda()
    if cuda is None:
        return None
    return GpuBytes(
        cuda.memory_allocated(), cuda.memory_reserved(), cuda.max_memory_allocated(), cuda.max_memory_reserved()
    )


def reset_gpu_peak() -> None:
    """Begin a new peak; nothing where `read_gpu` says None."""
    cuda = _cuda()
    if cuda is not None:
        cuda.reset_peak_memory_stats()


def read_host() -> HostBytes:
    """This process' and this node's RAM."""
    node = psutil.virtual_memory()
    return HostBytes(resident_bytes(), _pinned_bytes(), node.total - node.available, node.total)


def resident_bytes() -> int:
    """The resident set of this process, in bytes; shared pages (mapped weights) count."""
    return int(psutil.Process().memory_info().rss)


def gpu_name() -> str | None:
    """The device's name as its driver gives it, and None where there is none."""
    cuda = _cuda()
    return None if cuda is None else str(cuda.get_device_name())


def gpu_total_bytes() -> int | None:
    """All memory of the device, in bytes."""
    cuda = _cuda()
    return None if cuda is None else int(cuda.get_device_properties(cuda.current_device()).total_memory)


def rank_and_world_size() -> tuple[int, int]:
    """This process among all of the launch; (0, 1) where torch.distributed was not initialised."""
    torch = sys.modules.get("torch")
    distributed = getattr(torch, "distributed", None)
    if distributed is None or not distributed.is_available() or not distributed.is_initialized():
        return 0, 1
    return int(distributed.get_rank()), int(distributed.get_world_size())


def _cuda() -> Any | None:  # Any: torch is not installed where types are checked
    """torch's CUDA module, if the process has used it: looking must not create a context of half a gigabyte."""
    torch = sys.modules.get("torch")
    cuda = getattr(torch, "cuda", None)
    return cuda if cuda is not None and cuda.is_initialized() else None


def _pinned_bytes() -> int | None:
    cuda = _cuda()
    statistics = getattr(cuda, "host_memory_stats", None)  # torch 2.6 has none
    if statistics is None:
        return None
    found = statistics().get("allocated_bytes.current")
    return None if found is None else int(found)
