"""Model states where every GPU holds all of them: one GPU, or DDP."""

from __future__ import annotations

from collections.abc import Iterator

from ftlint.memory.arithmetic import grouped
from ftlint.memory.estimate import ALWAYS, Interval, Moment, Place, Term
from ftlint.memory.gradients import gradient_terms, projection_term
from ftlint.memory.optimizer_terms import optimizer_terms
from ftlint.memory.step import Checkpointing
from ftlint.memory.terms import elements, maybe
from ftlint.memory.weights import frozen_weights
from ftlint.memory.workload import Workload
from ftlint.run.run import ParallelKind

WEIGHTS = "torch nn.Parameter, one copy on each GPU; the optimizer updates it in place"
GRADIENTS = "torch csrc/autograd/functions/accumulate_grad.h; when each is there: ftlint/memory/gradients.py"
STATES = "the optimizer's source: torch 2.13 optim/, bitsandbytes optim/, transformers 5.23 trainer_optimizer.py"


def replicated_terms(work: Workload) -> Iterator[Term]:
    """Weights, gradients, optimizer states, and DDP's buckets."""
    trained, widths = work.parameters.num_trained, work.widths
    yield frozen_weights(work, num_ranks=1)
    yield elements(
        "trained weights", ALWAYS, maybe(work, widths.trained.times(trained)), trained, widths.trained, WEIGHTS
    )
    yield from gradient_terms(work, widths.trained, GRADIENTS)
    yield projection_term(work, widths.trained, GRADIENTS)
    yield from optimizer_terms(work, trained, 1, STATES)
    yield from _cast_weights(work)
    if work.kind is ParallelKind.DDP:
        yield Term(
            "DDP gradient buckets",
            Place.GPU,
            ALWAYS,
            maybe(work, widths.trained.times(trained)).at_least(0),
            f"{grouped(trained)} x {widths.trained.expected_bytes} B, a copy beside the gradients",
            "torch csrc/distributed/c10d/reducer.cpp, which keeps its buckets; gradient_as_bucket_view=False",
        )


def _cast_weights(work: Workload) -> Iterator[Term]:
    """Autocast remembers each trained weight's 16-bit copy to the end of the forward pass.

    What layers keep for backward is counted with their activations; so this is for layers that are recomputed, whose
    copies outlive them all the same. They are gone when the loss goes backward.
    Source: torch 2.13 ATen/autocast_mode.cpp, `cached_cast`: leaves that require a gradient.
    """
    marks = work.parameters.landmarks
    recomputed = [step for step in work.steps if step.checkpointing is not Checkpointing.NONE and step.is_autocast]
    if not recomputed or not work.is_full_training:
        return
    yield Term(
        "weights cast by autocast",
        Place.GPU,
        (Moment.LOSS,),
        Interval(0, 0, 2 * marks.matrices),
        f"{grouped(marks.matrices)} x 2 B",
        "torch 2.13 ATen/autocast_mode.cpp, cached_cast",
    )
