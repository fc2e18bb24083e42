"""Weights that every GPU holds whole, and that are more than it has."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Protocol

from ftlint.checks.amounts import billions, tenths_of_gigabytes
from ftlint.checks.estimates import OF_GPU, are_ranks_said, facts_read, first_place
from ftlint.findings import Edit, Match
from ftlint.memory import Estimate
from ftlint.memory import estimate as estimate_run
from ftlint.memory.estimate import Moment, Place
from ftlint.memory.facts import is_assumed
from ftlint.run.fact import Fact
from ftlint.run.key import Key
from ftlint.run.run import Method, ParallelKind, Run
from ftlint.run.versions import VersionView
from ftlint.spans import How, Location, Origin
from ftlint.syntax.document import DataDocument
from ftlint.syntax.editing import set_value

WEIGHTS = ("frozen weights", "trained weights")
PLACES = ("parallel.zero_stage", "parallel.kind", "model.id", "adapter.method")
"""Where the finding may stand, best first."""


class Settings(Protocol):
    """What this check asks of the project: the setting that is written at a place."""

    def keys_at(self, location: Location) -> tuple[DataDocument, Key] | None:
        """The document and the key there; None where no data file's setting stands."""


def weights_do_not_fit(run: Run, estimate: Estimate, project: Settings, versions: VersionView) -> Iterator[Match]:
    """DDP or ZeRO below stage 3 whose weights alone are beyond the GPU.

    Silent where there is one rank, which has nobody to share with, and where it takes more than the weights.
    """
    least, room = weights_alone(run, estimate), estimate.gpu_capacity
    place = first_place(run, PLACES)
    if least is None or room is None or place is None:
        return
    sharding, is_enough = _sharded(run, versions)
    yield Match(
        at=place,
        values={
            "kind": _in_words(run),
            "parameters": billions(estimate.num_parameters),
            "needed": f"at least {tenths_of_gigabytes(least)}",
            "available": tenths_of_gigabytes(room.expected_bytes),
            "sharding": sharding,
        },
        related=tuple(facts_read(estimate, OF_GPU, place)),
        edits={"stage": _to_stage_3(run, project)} if is_enough else {},
    )


def weights_alone(run: Run, estimate: Estimate) -> int | None:
    """The least that whole weights and the process take of each GPU, where that is beyond it: in bytes, else None."""
    room, parallel = estimate.gpu_capacity, run.parallel
    ranks = parallel.gpus_per_node.or_default(1) * parallel.num_nodes.or_default(1)
    if room is None or ranks < 2 or not are_ranks_said(run, estimate) or not _keeps_all(run):
        return None
    least = sum(
        term.size.low_bytes
        for term in estimate.gpu_terms
        if Moment.LOADING in term.moments
        and not term.is_given_back
        and (term.name in WEIGHTS or term.place is Place.GPU_BESIDE)
    )
    return least if least > room.high_bytes else None


def _keeps_all(run: Run) -> bool:
    parallel = run.parallel
    if parallel.kind.value is ParallelKind.ZERO:
        return parallel.zero_stage.value in (0, 1, 2) and not is_assumed(parallel.zero_stage)
    return parallel.kind.value is ParallelKind.DDP


def _in_words(run: Run) -> str:
    if run.parallel.kind.value is ParallelKind.ZERO:
        return f"ZeRO-{run.parallel.zero_stage.value}"
    return "DDP"


def _sharded(run: Run, versions: VersionView) -> tuple[str, bool]:
    """What sharded weights would come to on the same GPUs, and whether that is expected to be within them."""
    is_quantized = run.adapter.method.value is Method.QLORA or run.adapter.quantization_bits.known
    # bitsandbytes' weights are sharded by FSDP alone, as numbers of a dtype that it can flatten.
    name, kind, stage = ("FSDP", ParallelKind.FSDP, 0) if is_quantized else ("ZeRO-3 or FSDP", ParallelKind.ZERO, 3)
    advised = (Origin(How.DERIVED, None, "weights sharded"),)
    parallel = replace(run.parallel, kind=Fact(kind, advised), zero_stage=Fact(stage, advised))
    found = estimate_run(replace(run, parallel=parallel), versions=versions)
    if found is None or found.gpu_capacity is None:
        return f"{name} shares the weights among the GPUs", False
    amount = tenths_of_gigabytes(found.gpu_needed.expected_bytes)
    if found.gpu_needed.expected_bytes <= found.gpu_capacity.low_bytes:
        return f"with {name} the run takes about {amount} of each GPU", not is_quantized
    return f"even with {name} the run takes about {amount} of each of these GPUs", False


def _to_stage_3(run: Run, project: Settings) -> tuple[Edit, ...]:
    """`stage: 3` where a DeepSpeed file writes another one."""
    location = run.parallel.zero_stage.location
    found = project.keys_at(location) if location is not None else None
    if found is None or found[1].path != ("zero_optimization", "stage"):
        return ()
    return set_value(found[0], found[1].path, 3)
