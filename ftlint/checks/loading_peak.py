"""A model that is whole on each GPU while it is loaded, though it is sharded from then on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from ftlint.checks.amounts import billions, tenths_of_gigabytes
from ftlint.checks.estimates import are_ranks_said, facts_read
from ftlint.findings import Edit, Match, Severity
from ftlint.memory import Estimate
from ftlint.memory.estimate import Moment, Place, add_up
from ftlint.memory.facts import is_assumed
from ftlint.memory.gathering import loaded_weights
from ftlint.run.key import Key
from ftlint.run.run import ParallelKind, Run
from ftlint.run.versions import VersionView
from ftlint.spans import Location
from ftlint.syntax.document import DataDocument
from ftlint.syntax.editing import set_value
from ftlint.syntax.scalars import ScalarRules
from ftlint.syntax.walk import TooManyNodesError, plain_value

LABELS = {"model.id": "model", "hardware.gpu": "the GPU", "parallel.gpus_per_node": "GPUs per node"}


class Settings(Protocol):
    """What this check asks of the project: the setting that is written at a place."""

    def keys_at(self, location: Location) -> tuple[DataDocument, Key] | None:
        """The document and the key there; None where no data file's setting stands."""


def loading_peak(run: Run, estimate: Estimate, project: Settings, versions: VersionView) -> Iterator[Match]:
    """LLaMA-Factory under FSDP that puts the whole model on each GPU, which cannot hold it, before it is sharded.

    Silent unless `cpu_ram_efficient_loading` is written as false, and where training needs too much as well: MEM102.
    """
    loads, room = run.parallel.fsdp_cpu_ram_efficient_loading, estimate.gpu_capacity
    place = loads.location
    if loads.value is not False or is_assumed(loads) or place is None or room is None:
        return
    if run.parallel.kind.value is not ParallelKind.FSDP or not are_ranks_said(run, estimate):
        return
    weights = loaded_weights(run, versions)
    if weights is None or not _loads_onto_gpu(run, project) or estimate.gpu_needed.low_bytes > room.high_bytes:
        return
    size = weights + add_up(
        term.size
        for term in estimate.gpu_terms
        if term.place is Place.GPU_BESIDE and not term.is_given_back and Moment.LOADING in term.moments
    )
    if size.expected_bytes <= room.high_bytes:
        return
    is_certain = size.low_bytes > room.high_bytes
    needed = tenths_of_gigabytes(size.low_bytes if is_certain else size.expected_bytes)
    yield Match(
        at=place,
        values={
            "parameters": billions(estimate.num_parameters),
            "needed": f"{'at least' if is_certain else 'about'} {needed}",
            "available": tenths_of_gigabytes(room.expected_bytes),
        },
        related=tuple(facts_read(estimate, LABELS, place)),
        edits=_turned_on(place, project),
        severity=Severity.ERROR if is_certain else Severity.WARNING,
    )


def _loads_onto_gpu(run: Run, project: Settings) -> bool:
    """Whether LLaMA-Factory reads the run, and keeps its `device_map` of the rank's own GPU.

    Source: llamafactory 0.9.4 model/patcher.py and hparams/parser.py: the map is left out under ZeRO-3, under FSDP
    where transformers' `is_fsdp_enabled` asks for efficient loading, and without `low_cpu_mem_usage`.
    """
    found = project.keys_at(run.model.id.location) if run.model.id.location is not None else None
    if found is None or found[1].dialect != "llamafactory" or not found[0].roots:
        return False
    try:
        data = plain_value(found[0].roots[0], ScalarRules.PYYAML)
    except TooManyNodesError:
        return False
    return isinstance(data, dict) and data.get("low_cpu_mem_usage", True) is True


def _turned_on(place: Location, project: Settings) -> dict[str, tuple[Edit, ...]]:
    found = project.keys_at(place)
    if found is None or not found[1].path[-1].endswith("cpu_ram_efficient_loading"):
        return {}
    edits = set_value(found[0], found[1].path, True)
    return {"efficient": edits} if edits else {}
