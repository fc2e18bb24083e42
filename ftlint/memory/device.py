"""What a process holds of its GPU whatever it trains: cuBLAS' workspaces, the context, NCCL, and the allocator's slack.

torch's caching allocator keeps freed blocks. How much that adds is not computed but measured; `constants.py` has it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ftlint.memory.constants import Share
from ftlint.memory.estimate import ALWAYS, FROM_FIRST_STEP_ON, Interval, Place, Term, peak
from ftlint.memory.passes import LOSS_HUMP
from ftlint.memory.step import LossKernel
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


def beside_terms(work: Workload, of_pass: Sequence[Term], of_states: Sequence[Term]) -> Iterator[Term]:
    """What is held beside the tensors, given the terms of the pass and of model states."""
    constants = work.constants
    yield Term("CUDA context", Place.GPU_BESIDE, ALWAYS, constants.context, "one process", MEASURED)
    if work.ranks.world_size > 1:
        yield Term(
            "communication", Place.GPU_BESIDE, ALWAYS, constants.communication, "NCCL on one of several GPUs", MEASURED
        )
    yield _kept("blocks kept after a pass", constants.slack, peak(of_pass), "of activations and logits")
    if work.steps and work.steps[0].loss in (LossKernel.FULL, LossKernel.FUSED):
        loss = peak(term for term in of_pass if term.name == LOSS_HUMP)
        yield _kept("blocks of the logits", constants.overlap, loss, "of the loss, whose blocks fit nothing else")
    if work.kind in (ParallelKind.FSDP, ParallelKind.ZERO) and work.is_full_training:
        temporaries = peak(term for term in of_states if term.name == "optimizer temporaries")
        yield _kept("blocks kept after a step", constants.temporaries, temporaries, "of the optimizer's temporaries")


def _kept(name: str, share: Share, size: Interval, of_what: str) -> Term:
    """Freed blocks that the allocator keeps, and gives back when there is no room."""
    formula = f"{share.expected / 1000:g} x {of_what}"
    return Term(name, Place.GPU_BESIDE, FROM_FIRST_STEP_ON, share.of(size), formula, MEASURED, is_given_back=True)
