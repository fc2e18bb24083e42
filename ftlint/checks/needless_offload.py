"""Offload of a run that has room on its GPUs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ftlint.checks.amounts import tenths_of_gigabytes
from ftlint.checks.estimates import OF_GPU, are_ranks_said, facts_read, first_place, terms_in_words
from ftlint.findings import Match, Related
from ftlint.memory import Estimate
from ftlint.memory import estimate as estimate_run
from ftlint.memory.estimate import peak, sums_by_moment
from ftlint.memory.facts import is_assumed
from ftlint.run.fact import Fact
from ftlint.run.run import OffloadDevice, ParallelFacts, ParallelKind, Run
from ftlint.run.versions import VersionView
from ftlint.spans import How, Origin

OFFLOADS = ("parallel.offload_optimizer", "parallel.offload_param")
AWAY = (OffloadDevice.CPU, OffloadDevice.NVME)
WRITTEN = ("batch.micro_batch", "batch.sequence_length_tokens", "model.id")
"""What somebody must have said: a default that another launch overrules is no ground to call an offload needless."""

ROOM_SHARE = (3, 4)
"""As much of the GPU the run may take at most: a quarter is left for what no estimate sees."""


def offload_not_needed(run: Run, estimate: Estimate, versions: VersionView) -> Iterator[Match]:
    """Offload to CPU or NVMe although the most that the run can take without it leaves a quarter of each GPU free.

    Silent where batch, length, model, the GPU or the number of ranks is not said, or a pass cannot be reckoned.
    """
    room = estimate.gpu_capacity
    devices = [fact.value for name in OFFLOADS if (fact := _offload(run, name)) is not None]
    if room is None or not devices or not are_ranks_said(run, estimate):
        return
    if any(is_assumed(run.fact(name) or Fact(None)) for name in WRITTEN) or not run.adapter.method.known:
        return
    without = estimate_run(replace(run, parallel=_kept(run)), versions=versions)
    if without is None or without.gpu_missing:
        return
    most = peak(without.gpu_terms).high_bytes
    share, whole = ROOM_SHARE
    place = first_place(run, [name for name in OFFLOADS if _offload(run, name) is not None])
    if most * whole > room.low_bytes * share or place is None:
        return
    sums = sums_by_moment(without.gpu_terms)
    moment = max(sums, key=lambda each: sums[each].expected_bytes)
    there = [term for term in without.gpu_terms if moment in term.moments]
    yield Match(
        at=place,
        values={
            "device": "NVMe" if OffloadDevice.NVME in devices else "CPU",
            "needed": tenths_of_gigabytes(most),
            "available": tenths_of_gigabytes(room.expected_bytes),
        },
        related=(Related(place, f"without it: {terms_in_words(there)}"), *facts_read(estimate, OF_GPU, place)),
    )


def _offload(run: Run, name: str) -> Fact[OffloadDevice] | None:
    """The fact where something is offloaded by it: below stage 3 DeepSpeed does not read `offload_param`."""
    fact: Fact[OffloadDevice] | None = run.fact(name)
    kind, stage = run.parallel.kind.value, run.parallel.zero_stage.value
    if fact is None or fact.value not in AWAY or fact.location is None:
        return None
    if kind is ParallelKind.FSDP or (kind is ParallelKind.ZERO and stage == 3):
        return fact
    return fact if kind is ParallelKind.ZERO and stage in (1, 2) and name == OFFLOADS[0] else None


def _kept(run: Run) -> ParallelFacts:
    nothing: Fact[OffloadDevice] = Fact(OffloadDevice.NONE, (Origin(How.DERIVED, None, "nothing offloaded"),))
    return replace(run.parallel, offload_param=nothing, offload_optimizer=nothing)
