"""The optimizer's states, and what its step allocates and frees again."""

from __future__ import annotations

from collections.abc import Iterator

from ftlint.memory.arithmetic import ceil_div, grouped
from ftlint.memory.estimate import FROM_FIRST_STEP_ON, Interval, Moment, Place, Term
from ftlint.memory.optimizers import LOW_RANK
from ftlint.memory.terms import maybe, optimizer_of, state_bytes
from ftlint.memory.workload import Workload

STEP = (Moment.OPTIMIZER_STEP,)


def optimizer_terms(
    work: Workload, num_params: int, num_ranks: int, source: str, *, at_a_time: int | None = None
) -> Iterator[Term]:
    """States and temporaries for `num_params` trained elements on this rank, one of `num_ranks`.

    `at_a_time`: elements that an engine hands to the optimizer at once; it may have put one of its own in its place,
    which needs no temporaries.
    """
    optimizer, widths = optimizer_of(work), work.widths
    name = work.optimizer or ("the releases' default" if work.optimizer is None else "unknown optimizer")
    states = state_bytes(work, num_params, num_ranks)
    if optimizer.is_low_rank and work.architecture is not None:
        # A matrix of m rows has states of LOW_RANK rows instead; m is the hidden size of most of them.
        in_layers = num_params * _share_in_layers(work) // 1000
        kept = num_params - in_layers + ceil_div(in_layers * LOW_RANK, max(LOW_RANK, work.architecture.hidden_size))
        smaller = state_bytes(work, kept, num_ranks).expected_bytes
        states = Interval(states.low_bytes, max(states.low_bytes, smaller), states.high_bytes)
    yield Term(
        "optimizer states",
        Place.GPU,
        FROM_FIRST_STEP_ON,
        maybe(work, states),
        f"{name} on {grouped(num_params)} parameters",
        source,
    )
    count = num_params if at_a_time is None else at_a_time
    temporaries = optimizer.temporary_bytes(count, widths.optimizer_states, work.parameters.largest_trained)
    if at_a_time is not None:
        temporaries = Interval(0, 0, temporaries.high_bytes)
    if not work.is_optimizer_said:
        temporaries = temporaries.at_least(0)
    if temporaries.high_bytes:
        yield Term(
            "optimizer temporaries",
            Place.GPU,
            STEP,
            maybe(work, temporaries),
            f"{name} on {grouped(count)} parameters, while it steps",
            source,
        )


def _share_in_layers(work: Workload) -> int:
    """Trained elements that stand in layers, in thousandths of all."""
    marks, trained = work.parameters.landmarks, work.parameters.num_trained
    return 1000 * max(0, trained - marks.head - marks.embedding) // max(1, trained)
