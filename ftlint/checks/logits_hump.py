"""Logits that are more than everything else a pass holds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from ftlint.checks.amounts import tenths_of_gigabytes
from ftlint.checks.estimates import OF_GPU, are_ranks_said, facts_read, first_place, terms_in_words
from ftlint.findings import Edit, Match, Related, Severity
from ftlint.memory import Estimate, Verdict
from ftlint.memory.estimate import Interval, Moment, add_up, sums_by_moment
from ftlint.memory.facts import is_assumed
from ftlint.memory.passes import LOSS_HUMP, is_of_pass
from ftlint.run.fact import Fact
from ftlint.run.key import Key
from ftlint.run.run import Run
from ftlint.spans import Location
from ftlint.syntax.document import DataDocument
from ftlint.syntax.editing import set_value

WHOLE_LOGITS = ("full", "fused")
"""Kernels that make the logits of all tokens at once."""

PLACES = ("training.loss", "batch.micro_batch", "batch.sequence_length_tokens", "model.id")
"""Where the finding may stand, best first."""

MODEL_KEY, LIGER_KEY = ("model_name_or_path",), ("enable_liger_kernel",)
"""LLaMA-Factory's words."""


class Settings(Protocol):
    """What this check asks of the project: the setting that is written at a place, and who reads its file."""

    def keys_at(self, location: Location) -> tuple[DataDocument, Key] | None:
        """The document and the key there; None where no data file's setting stands."""


def logits_hump(run: Run, estimate: Estimate, project: Settings) -> Iterator[Match]:
    """A run without room whose highest moment is the loss, and most of a pass there the logits.

    Silent where the run surely fits, where it would not fit without logits either, where nobody wrote batch and length,
    where the GPU or the ranks are not said, where the loss' kernel is not known, and in preference training, whose
    losses need the logits.
    """
    room, verdict = estimate.gpu_capacity, estimate.gpu_verdict
    if room is None or not are_ranks_said(run, estimate) or run.training.loss.value not in WHOLE_LOGITS:
        return
    if run.batch.sequences_per_example.said or run.training.reference.said:
        return
    if verdict in (Verdict.FITS, Verdict.UNKNOWN) or any(is_assumed(count) for count in _counts(run)):
        return
    needed = [term for term in estimate.gpu_terms if not term.is_given_back]
    of_pass = [term for term in needed if is_of_pass(term) and Moment.LOSS in term.moments]
    hump = add_up(term.size for term in of_pass if term.name == LOSS_HUMP)
    rest = add_up(term.size for term in of_pass if term.name != LOSS_HUMP)
    sums = sums_by_moment(needed)
    total = sums[Moment.LOSS]
    others = max(size.expected_bytes for moment, size in sums.items() if moment is not Moment.LOSS)
    place = first_place(run, PLACES)
    if total.expected_bytes < others or hump.expected_bytes <= rest.expected_bytes or place is None:
        return
    if max(others, total.expected_bytes - hump.expected_bytes) > room.low_bytes:
        return  # without logits it would not fit either
    is_sure = hump.low_bytes > rest.expected_bytes and total.expected_bytes > _little_room(room)
    yield Match(
        at=place,
        values={
            "logits": tenths_of_gigabytes(hump.expected_bytes),
            "rest": tenths_of_gigabytes(rest.expected_bytes),
            "needed": tenths_of_gigabytes(total.expected_bytes),
            "available": tenths_of_gigabytes(room.expected_bytes),
        },
        related=(
            Related(place, f"made of {terms_in_words([t for t in needed if Moment.LOSS in t.moments])}"),
            *facts_read(estimate, OF_GPU, place),
        ),
        edits=_with_liger(run, project) if is_sure else {},
        severity=Severity.WARNING if is_sure else Severity.INFO,
    )


def _counts(run: Run) -> tuple[Fact[int], Fact[int]]:
    return run.batch.micro_batch, run.batch.sequence_length_tokens


def _little_room(room: Interval) -> int:
    """Nine tenths of the GPU: what is above leaves the allocator too little to keep blocks of."""
    return room.expected_bytes * 9 // 10


def _with_liger(run: Run, project: Settings) -> dict[str, tuple[Edit, ...]]:
    """LLaMA-Factory's switch, in the file that names the model."""
    location = run.model.id.location
    found = project.keys_at(location) if location is not None else None
    if found is None or found[1].dialect != "llamafactory" or found[1].path != MODEL_KEY:
        return {}
    edits = set_value(found[0], LIGER_KEY, True)
    return {"liger": edits} if edits else {}
