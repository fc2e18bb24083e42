"""Weights put together in the RAM of one node to be saved, where they do not fit beside what training keeps there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from ftlint.checks.amounts import billions, gigabytes
from ftlint.checks.estimates import are_ranks_said, facts_read, first_place, terms_in_words
from ftlint.dialects.dialect import Dialect
from ftlint.findings import Edit, Match, Related, Severity
from ftlint.memory import Estimate
from ftlint.memory.estimate import FROM_FIRST_STEP_ON, Moment, add_up, largest, sums_by_moment
from ftlint.memory.gathering import gathered_weights
from ftlint.run.key import Key, KeySet
from ftlint.run.run import Method, ParallelKind, Run, StateDictType
from ftlint.run.versions import VersionView
from ftlint.spans import Location
from ftlint.syntax.document import DataDocument
from ftlint.syntax.editing import set_value

GATHERED = ("state dict gathered to save", "weights gathered to save")
"""The estimate's terms of what this check judges by itself, knowing what the files say of saving."""

GATHERS = ("zero_optimization", "stage3_gather_16bit_weights_on_model_save")
PLACES = ("saving.state_dict_type", "parallel.kind", "model.id")
LABELS = {
    "model.id": "model",
    "hardware.host_ram_bytes": "host RAM",
    "parallel.gpus_per_node": "processes per node",
    "parallel.offload_optimizer": "optimizer offloaded to",
    "parallel.offload_param": "weights offloaded to",
}


class Settings(Protocol):
    """What this check asks of the project: the setting that is written at a place."""

    def keys_at(self, location: Location) -> tuple[DataDocument, Key] | None:
        """The document and the key there; None where no data file's setting stands."""

    def dialect_of(self, document: DataDocument) -> Dialect | None:
        """The dialect of a document."""

    def keys_of(self, document: DataDocument, dialect: Dialect) -> KeySet:
        """The keys of a document as that dialect's loader reads them."""


def saving_peak(run: Run, estimate: Estimate, project: Settings, versions: VersionView) -> Iterator[Match]:
    """A whole state dict in rank 0's RAM that is beyond it, where training fits.

    Silent unless the files ask for it: FSDP's FULL_STATE_DICT with all weights trained, or ZeRO-3's gathering switch.
    """
    ram_bytes, weights = estimate.host_capacity_bytes, gathered_weights(run, versions)
    if ram_bytes is None or weights is None or not are_ranks_said(run, estimate):
        return
    switch = _switch(run, project)
    place = switch[1] if switch is not None else first_place(run, PLACES)
    if place is None or (switch is None and not _gathers_under_fsdp(run)):
        return
    kept = [term for term in estimate.host_terms if term.name not in GATHERED]
    sums = sums_by_moment(kept)
    training = largest(sums[moment] for moment in FROM_FIRST_STEP_ON)
    saving = add_up((sums[Moment.SAVING], weights))
    if training.expected_bytes > ram_bytes or saving.expected_bytes <= ram_bytes:
        return
    # llamafactory 0.9.4 train/sft/workflow.py saves at the end of every run; a script may never come to save.
    is_certain = saving.low_bytes > ram_bytes and switch is not None and _is_llamafactory(run, project)
    needed = gigabytes(saving.low_bytes if is_certain else saving.expected_bytes)
    there = [term for term in kept if Moment.SAVING in term.moments]
    yield Match(
        at=place,
        values={
            "parameters": billions(estimate.num_parameters),
            "needed": f"{'at least' if is_certain else 'about'} {needed}",
            "available": gigabytes(ram_bytes),
        },
        related=(
            Related(place, f"gathered weights {gigabytes(weights.expected_bytes)}, beside {terms_in_words(there)}"),
            *facts_read(estimate, LABELS, place),
        ),
        edits=_left_apart(switch),
        severity=Severity.ERROR if is_certain else Severity.WARNING,
    )


def _gathers_under_fsdp(run: Run) -> bool:
    is_full = run.saving.state_dict_type.value is StateDictType.FULL and run.saving.state_dict_type.location is not None
    return run.parallel.kind.value is ParallelKind.FSDP and is_full and run.adapter.method.value is Method.FULL


def _switch(run: Run, project: Settings) -> tuple[DataDocument, Location] | None:
    """DeepSpeed's file and the place in it that asks for 16-bit weights to be gathered under ZeRO-3."""
    stage = run.parallel.zero_stage
    if run.parallel.kind.value is not ParallelKind.ZERO or stage.value != 3 or stage.location is None:
        return None
    found = project.keys_at(stage.location)
    dialect = None if found is None else project.dialect_of(found[0])
    if found is None or dialect is None or dialect.name != "deepspeed":
        return None
    key = project.keys_of(found[0], dialect).keys.get(GATHERS)
    return (found[0], key.location) if key is not None and key.fact.value is True else None


def _is_llamafactory(run: Run, project: Settings) -> bool:
    found = project.keys_at(run.model.id.location) if run.model.id.location is not None else None
    return found is not None and found[1].dialect == "llamafactory"


def _left_apart(switch: tuple[DataDocument, Location] | None) -> dict[str, tuple[Edit, ...]]:
    edits = set_value(switch[0], GATHERS, False) if switch is not None else ()
    return {"apart": edits} if edits else {}
