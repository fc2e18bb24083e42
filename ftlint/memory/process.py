"""What the training processes and the loading of weights take of a node's RAM, whatever is offloaded."""

from __future__ import annotations

from collections.abc import Iterator

from ftlint.memory.arithmetic import grouped
from ftlint.memory.estimate import ALWAYS, Interval, Moment, Place, Term
from ftlint.memory.terms import quantized_bytes, state_bytes
from ftlint.memory.workload import Workload
from ftlint.run.fact import Truth
from ftlint.run.run import ParallelKind

PROCESS = Interval(320_000_000, 2_500_000_000, 4_000_000_000)
"""One rank: Python, torch, transformers, the CUDA context's host side, data.

Low: private dirty pages after importing torch 2.13 (CPU), transformers 5.23 and deepspeed 0.19.8, measured here. High:
peaks of 3.0 and 3.8 GB that PEFT's README reports (psutil, LoRA of T0_3B and bloomz-7b1 with all weights on the GPU).
Expected: between those and the 1.5 GB that Hugging Face measured for an FSDP rank which loads nothing."""

KERNEL_SHARE = 64
"""Linux keeps a 64-byte `struct page` for each 4096-byte page; a machine's sold RAM includes them, `free` does not."""

KERNEL = Interval(0, 500_000_000, 4_000_000_000)
"""Kernel, services and page tables: an ordinary idle server; judgement, not measurement."""

SHARD_BYTES = 5_000_000_000
"""A file of a sharded checkpoint, 5 GB by default. Source: transformers 4.x and 5.23 `save_pretrained`."""


def process_terms(work: Workload, host_capacity_bytes: int | None) -> Iterator[Term]:
    """Processes, the system, loading, and the copy of the weights that saving gathers."""
    per_node = work.ranks.per_node
    yield Term(
        "processes",
        Place.HOST_PAGEABLE,
        ALWAYS,
        PROCESS.times(per_node),
        f"{work.ranks.in_words} x {PROCESS.expected_bytes / 1e9:g} GB",
        "measured and published resident sizes",
    )
    reserved = (host_capacity_bytes or 0) // KERNEL_SHARE
    yield Term(
        "system",
        Place.HOST_PAGEABLE,
        ALWAYS,
        Interval(KERNEL.low_bytes, KERNEL.expected_bytes, KERNEL.high_bytes + reserved),
        "kernel and services; at most 1/64 of RAM more for the kernel's page table",
        "Linux include/linux/mm_types.h",
    )
    yield _loading(work)
    yield from _saving(work)


def _saving(work: Workload) -> Iterator[Term]:
    """What rank 0 gathers to write one whole state dict.

    FSDP's is in the format of its pieces, float32 under mixed precision, and the Trainer writes the optimizer's states
    beside it. Only a state dict type that is said is expected; others write each rank's pieces.
    """
    if work.kind is ParallelKind.FSDP:
        trained, width = work.parameters.num_trained, work.widths.trained
        weights = width.times(trained) + work.widths.frozen.times(sum(work.parameters.frozen))
        states = state_bytes(work, trained)
        expected = weights.expected_bytes if work.saves_whole is Truth.YES else 0
        high = 0 if work.saves_whole is Truth.NO else weights.high_bytes + states.high_bytes
        yield Term(
            "state dict gathered to save",
            Place.HOST_PAGEABLE,
            (Moment.SAVING,),
            Interval(0, min(expected, high), high),
            f"{grouped(trained)} x {width.expected_bytes} B on rank 0, at most with the optimizer's states",
            "torch 2.13 distributed/fsdp/_state_dict_utils.py; accelerate 1.15 utils/fsdp_utils.py",
        )
        return
    whole = _weight_bytes(work)
    yield Term(
        "weights gathered to save",
        Place.HOST_PAGEABLE,
        (Moment.SAVING,),
        Interval(0, 0, whole.high_bytes),
        f"{grouped(work.parameters.num_params)} x {work.widths.frozen.expected_bytes} B on rank 0, where asked for",
        "deepspeed 0.19.8 runtime/engine.py, `_zero3_consolidated_16bit_state_dict`",
    )


def _loading(work: Workload) -> Term:
    """Every rank builds the whole model in RAM, unless zero.Init shards it at birth or it goes straight to the GPU."""
    moments, whole, per_node = (Moment.LOADING,), _weight_bytes(work), work.ranks.per_node
    source = (
        "transformers modeling_utils.py, `from_pretrained`; pages of mapped safetensors are reclaimable and not counted"
    )
    if work.zero_init:
        shard = min(whole.expected_bytes, SHARD_BYTES)
        return Term(
            "checkpoint file being read",
            Place.HOST_PAGEABLE,
            moments,
            Interval(0, shard, 2 * shard * per_node),
            "one file of the checkpoint, on rank 0",
            source,
        )
    # cpu_ram_efficient_loading: rank 0 alone reads; the others build empty weights, which transformers 5 fills with
    # zeros under FSDP2 (ms-swift 9982), so at most all of them take as much.
    readers = 1 if work.kind is ParallelKind.FSDP and work.loads_on_first_rank is Truth.YES else per_node
    size = Interval(0, whole.expected_bytes * readers, whole.high_bytes * per_node)
    return Term(
        "model loaded by each rank",
        Place.HOST_PAGEABLE,
        moments,
        size,
        f"{readers} of {work.ranks.in_words} x {grouped(work.parameters.num_params)} parameters",
        source,
    )


def _weight_bytes(work: Workload) -> Interval:
    plain = sum(work.parameters.frozen) + work.parameters.num_trained
    packed = quantized_bytes(work)
    size = work.widths.frozen.times(plain)
    return Interval(size.low_bytes + packed, size.expected_bytes + packed, size.high_bytes + packed)
