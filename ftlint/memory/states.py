"""Model states on one GPU, and the buffers they pass through, by kind of parallelism.

Low ends are proofs: a tensor whose size or place depends on what we do not see counts with nothing there.
"""

from __future__ import annotations

from collections.abc import Iterator

from ftlint.memory.estimate import Term
from ftlint.memory.fsdp_gpu import fsdp_gpu_terms
from ftlint.memory.replicated import replicated_terms
from ftlint.memory.weights import use_terms
from ftlint.memory.workload import Workload
from ftlint.memory.zero_gpu import zero_terms
from ftlint.run.run import ParallelKind


def state_terms(work: Workload) -> Iterator[Term]:
    """All model states of one GPU."""
    if work.kind is ParallelKind.ZERO:
        yield from zero_terms(work)
    elif work.kind is ParallelKind.FSDP:
        yield from fsdp_gpu_terms(work)
    else:
        yield from replicated_terms(work)
    yield from use_terms(work)
