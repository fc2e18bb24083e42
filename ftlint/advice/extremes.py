"""How far the run as it is can go: the largest micro batch and the longest sequence that still fit."""

from __future__ import annotations

from collections.abc import Callable

from ftlint.advice.change import Change, Effect, Pace
from ftlint.advice.room import can_be_judged, fits
from ftlint.memory.estimate import Estimate
from ftlint.run.run import Run

MOST_SEQUENCES = 4096
MOST_TOKENS = 2**20
TOKENS_STEP = 64
"""Sequences are counted in steps of so many tokens: kernels work in blocks, and nobody sets a length of 4,391."""


def largest_micro_batch(run: Run, estimate: Callable[[Run], Estimate | None]) -> int | None:
    """The largest micro batch that fits for certain, everything else as it is; 0 where not even one sequence does.

    None where the run cannot be judged.
    """
    return _largest(run, "batch.micro_batch", 1, MOST_SEQUENCES, estimate)


def longest_sequence(run: Run, estimate: Callable[[Run], Estimate | None]) -> int | None:
    """The longest sequence, in tokens, that fits for certain, everything else as it is; 0 and None as above."""
    return _largest(run, "batch.sequence_length_tokens", TOKENS_STEP, MOST_TOKENS, estimate)


def _largest(run: Run, fact: str, step: int, most: int, estimate: Callable[[Run], Estimate | None]) -> int | None:
    """By halving, since memory only grows with either."""

    def has_room(value: int) -> bool | None:
        answer = estimate(Change("size", f"{fact} = {value}", Effect.NONE, Pace.NONE, {fact: value}, "").applied(run))
        return fits(answer) if answer is not None and can_be_judged(answer) else None

    smallest = has_room(step)
    if not smallest:
        return None if smallest is None else 0
    low, high = 1, most // step
    while low < high:
        middle = (low + high + 1) // 2
        if has_room(middle * step):
            low = middle
        else:
            high = middle - 1
    return low * step
