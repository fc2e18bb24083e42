"""What a process holds of its GPU whatever it trains: cuBLAS' workspaces, the context, NCCL, and the allocator's slack.

torch's caching allocator keeps freed blocks. How much that adds is played (`replay.py`); the context and NCCL's buffers
are measured (`constants.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ftlint.memory.estimate import ALWAYS, FROM_FIRST_STEP_ON, Interval, Place, Term, peak
from ftlint.memory.passes import LOSS_HUMP
from ftlint.memory.replay import Kept
from ftlint.memory.workload import Workload
from ftlint.run.run import ParallelKind

MEASURED = "measured; see ftlint/memory/constants.py"


def workspace_term(work: Workload) -> Term:
    """The workspaces that torch allocates for cuBLAS, one for the forward thread and one for backward's."""
    older, newer = work.constants.workspace_bytes, work.constants.workspace_bytes_sm90
    capability = work.compute_capability
    if capability is None:
        size = Interval(0, older, newer)
    else:
        expected = newer if int(capability.partition(".")[0]) >= 9 else older
        # Fused kernels call cuBLAS from fewer threads: 2 to 3 MB less were measured.
        size = Interval(expected * 3 // 4, expected, expected)
    return Term(
        "cuBLAS workspaces",
        Place.GPU,
        FROM_FIRST_STEP_ON,
        size,
        f"2 x {size.expected_bytes // 2:,} B",
        "torch aten/src/ATen/cuda/CublasHandlePool.cpp; measured on A100",
    )


def small_term() -> Term:
    """The batch, scalars, and the rounding of every block to 512 bytes: on one A100 0.4 to 1.8 MB."""
    size = Interval(0, 1_000_000, 64_000_000)
    return Term("small tensors", Place.GPU, FROM_FIRST_STEP_ON, size, "the batch, and blocks of 512 B", MEASURED)


def beside_terms(
    work: Workload, of_pass: Sequence[Term], of_states: Sequence[Term], kept: Kept | None
) -> Iterator[Term]:
    """What is held beside the tensors; `kept`: by the allocator, None where no pass could be played."""
    constants = work.constants
    yield Term("CUDA context", Place.GPU_BESIDE, ALWAYS, constants.context, "one process", MEASURED)
    if work.ranks.world_size > 1:
        yield Term(
            "communication", Place.GPU_BESIDE, ALWAYS, constants.communication, "NCCL on one of several GPUs", MEASURED
        )
    if kept is not None:
        yield _kept(work, of_pass, of_states, kept)


def _kept(work: Workload, of_pass: Sequence[Term], of_states: Sequence[Term], kept: Kept) -> Term:
    """Blocks that the allocator cannot use for what comes next. It gives them back when there is no room.

    What is played finds the same blocks in each step. One small block that stays where it did not lie before makes a
    block of each size go to the next larger one's place, until the largest one needs a new segment, which is never
    given up again: between none and one of them is expected.

    At most, one more unit of FSDP's waits for the GPU after it was freed, beside the one in use and the one gathered
    (torch 2.4 to 2.13 distributed/fsdp/_limiter_utils.py); an engine has the optimizer's temporaries in its own way;
    the pass is the largest of those that the run may mean; and where lengths vary, what the loss of a shorter batch
    took is of no use to a longer one's. At least, what building the model left is used again; nothing where the batch
    may be another than is played.
    """
    expected = kept.num_bytes + kept.largest_bytes // 2
    high = kept.num_bytes + kept.largest_bytes + kept.unit_bytes
    if work.kind is ParallelKind.ZERO:
        high += peak(term for term in of_states if term.name == "optimizer temporaries").high_bytes
    if len(work.steps) > 1:
        size = peak(of_pass)
        high = high * size.high_bytes // max(1, size.expected_bytes)
    if not work.is_filled:
        high += peak(term for term in of_pass if term.name == LOSS_HUMP).high_bytes
    is_sure = work.is_filled and len(work.steps) == 1
    low = kept.least_bytes if is_sure else 0
    return Term(
        "blocks kept by the allocator",
        Place.GPU_BESIDE,
        FROM_FIRST_STEP_ON,
        Interval(low, expected, high),
        f"{kept.num_bytes:,} B beside the tensors' peak, and up to one more block of {kept.largest_bytes:,} B",
        "torch c10/cuda/CUDACachingAllocator.cpp, played; ftlint/memory/replay.py",
        is_given_back=True,
    )
