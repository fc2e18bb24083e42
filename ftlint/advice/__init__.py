"""What to change so that a run fits: changes in run facts, a search over them, and their words in the user's files."""

from __future__ import annotations

from ftlint.advice.change import Change, Effect, Pace, all_applied
from ftlint.advice.edits import Patch, Spelled, spell
from ftlint.advice.extremes import largest_micro_batch, longest_sequence
from ftlint.advice.search import Advice, find_advice

__all__ = [
    "Advice",
    "Change",
    "Effect",
    "Pace",
    "Patch",
    "Spelled",
    "all_applied",
    "find_advice",
    "largest_micro_batch",
    "longest_sequence",
    "spell",
]
