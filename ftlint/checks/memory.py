"""What the estimate says against the hardware that a run is meant for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from ftlint.checks.amounts import billions, gigabytes
from ftlint.checks.estimates import facts_read
from ftlint.findings import Edit, Match, Related, Severity
from ftlint.memory import Estimate, Interval
from ftlint.memory import estimate as estimate_run
from ftlint.record import record
from ftlint.run.fact import Fact
from ftlint.run.key import Key
from ftlint.run.run import Method, OffloadDevice, ParallelKind, Run
from ftlint.run.versions import VersionView
from ftlint.spans import How, Location, Origin
from ftlint.syntax.document import DataDocument
from ftlint.syntax.editing import set_value
from ftlint.syntax.scalars import ScalarRules
from ftlint.syntax.walk import plain_value

PLAUSIBLE_GPUS_PER_NODE = (1, 2, 4, 8)
"""Where nobody says how many GPUs a node has, a finding must hold for each of these."""

NVME_PATH = "/local_nvme"
"""The folder that DeepSpeed's documentation uses."""

OFFLOADS = ("parallel.offload_optimizer", "parallel.offload_param")
PLACES = (*OFFLOADS, "parallel.zero_stage", "model.id", "adapter.method")
"""Where the finding may stand, best first: what has to change."""

LABELS = {
    "model.id": "model",
    "adapter.method": "method",
    "parallel.zero_stage": "ZeRO stage",
    "parallel.offload_param": "weights offloaded to",
    "parallel.offload_optimizer": "optimizer offloaded to",
    "parallel.pin_param": "weights pinned",
    "parallel.pin_optimizer": "optimizer's buffers pinned",
    "parallel.sub_group_size": "sub_group_size",
    "parallel.gpus_per_node": "GPUs per node",
    "parallel.num_nodes": "nodes",
    "precision.compute": "computed in",
    "training.optimizer": "optimizer",
    "hardware.host_ram_bytes": "host RAM",
}
"""What takes part in host RAM, and what a related line calls it."""


class Settings(Protocol):
    """What this check asks of the project: the setting that is written at a place."""

    def keys_at(self, location: Location) -> tuple[DataDocument, Key] | None:
        """The document and the key there; None where no data file's setting stands."""


@record
class _Judgement:
    """How bad it is, by which figure, and on what condition."""

    severity: Severity
    needed: str
    available: str
    reason: str = ""


def offload_host_ram(run: Run, estimate: Estimate, project: Settings, versions: VersionView) -> Iterator[Match]:
    """ZeRO's CPU offload that needs more RAM than the node has, or an unknown amount of RAM.

    Silent where nothing is offloaded to the CPU, and where the expected need fits.
    """
    place = _place(run)
    if place is None or not _offloads(run):
        return
    judgement = _judge(run, estimate, versions)
    if judgement is None:
        return
    yield Match(
        at=place,
        values={
            "stage": str(run.parallel.zero_stage.value),
            "parameters": _parameters(estimate),
            "needed": judgement.needed,
            "available": judgement.available,
        },
        related=tuple(_related(run, estimate, place)),
        edits=_edits(run, project) if judgement.severity is not Severity.INFO else {},
        severity=judgement.severity,
        reason=judgement.reason,
    )


def _offloads(run: Run) -> bool:
    parallel = run.parallel
    if parallel.kind.value is not ParallelKind.ZERO or parallel.zero_stage.value == 0:
        return False  # without ZeRO's own optimizer nothing reads the offload settings
    devices = [parallel.offload_optimizer.value]
    if parallel.zero_stage.value == 3:
        devices.append(parallel.offload_param.value)
    # NVMe leaves the 16-bit gradients and its swap buffers in RAM.
    return OffloadDevice.CPU in devices or OffloadDevice.NVME in devices


def _place(run: Run) -> Location | None:
    """The offload setting, else the line that names DeepSpeed's file, the model or the method."""
    facts = [run.fact(name) for name in PLACES]
    offloads = [
        fact.location
        for device in (OffloadDevice.CPU, OffloadDevice.NVME)
        for fact in facts[:2]
        if fact is not None and fact.value is device
    ]
    others = [fact.location for fact in facts[2:] if fact is not None]
    return next((location for location in (*offloads, *others, run.root) if location is not None), None)


def _judge(run: Run, estimate: Estimate, versions: VersionView) -> _Judgement | None:
    """An error is a proof: the low end of every plausible number of GPUs, on nodes whose number is known.

    A number of nodes that nobody mentions is one, as for every launcher, but that is no proof; one that is said and
    cannot be seen (`--nnodes $N`) may be any, so the figure is all there is to say.
    """
    need, ram_bytes = estimate.host_training, estimate.host_capacity_bytes
    nodes = run.parallel.num_nodes
    if ram_bytes is None:
        return _Judgement(Severity.INFO, _about(need), "how much there is, is not known", "say hardware.host-ram")
    there = f"the node has {gigabytes(ram_bytes)}"
    totals = [found.host_training for found in _plausible(run, estimate, versions)]
    # An optimizer that we do not know may keep nothing at all: then nothing but the least can be held against the run.
    guessed = run.training.optimizer.said and not run.training.optimizer.known
    if not all((total.low_bytes if guessed else total.expected_bytes) > ram_bytes for total in totals):
        return None
    if nodes.said and not nodes.known:
        return _Judgement(Severity.INFO, _about(need), there, "on one node; how many there are cannot be seen")
    condition = "" if nodes.known else "if it runs on one node"
    if not all(total.low_bytes > ram_bytes for total in totals):
        return _Judgement(Severity.WARNING, _about(need), there, condition)
    low = gigabytes(min(total.low_bytes for total in totals))
    severity = Severity.ERROR if nodes.known else Severity.WARNING
    return _Judgement(severity, f"at least {low}", there, condition)


def _plausible(run: Run, estimate: Estimate, versions: VersionView) -> Iterator[Estimate]:
    """The estimate; where the number of GPUs is not known, one for each number it may be."""
    if run.parallel.gpus_per_node.known:
        yield estimate
        return
    for count in PLAUSIBLE_GPUS_PER_NODE:
        assumed: Fact[int] = Fact(count, (Origin(How.DERIVED, None, "assumed"),))
        found = estimate_run(replace(run, parallel=replace(run.parallel, gpus_per_node=assumed)), versions=versions)
        yield found if found is not None else estimate


def _related(run: Run, estimate: Estimate, place: Location) -> Iterator[Related]:
    """The terms, every written fact that took part, and the line that refers to the file with the finding."""
    yield Related(place, f"made of {_terms(estimate)}")
    read = tuple(facts_read(estimate, LABELS, place))
    yield from read
    seen = {place, *(line.location for line in read)}
    for found in run.inputs:
        if found.found and found.referrer is not None and found.path == place.path and found.referrer not in seen:
            seen.add(found.referrer)
            yield Related(found.referrer, f"refers to {found.path.name}")


# Fixes --------------------------------------------------------------------------------------------------------------


def _edits(run: Run, project: Settings) -> Mapping[str, tuple[Edit, ...]]:
    """By name; never for advice, or `--unsafe-fixes` would rewrite what may well fit."""
    edits = {"nvme": _to_nvme(run, project), "lora": _to_lora(run, project)}
    return {name: found for name, found in edits.items() if found}


def _to_nvme(run: Run, project: Settings) -> tuple[Edit, ...]:
    """Every `device: cpu` becomes nvme, with a folder; nothing unless all of them can be changed, under ZeRO-3 only."""
    if run.parallel.zero_stage.value != 3:
        return ()
    edits: list[Edit] = []
    for name in OFFLOADS:
        fact = run.fact(name)
        if fact is None or fact.value is not OffloadDevice.CPU:
            continue
        found = project.keys_at(fact.location) if fact.location is not None else None
        if found is None or found[1].path[-1:] != ("device",):
            return ()
        document, key = found
        section = key.path[:-1]
        edits.extend(set_value(document, key.path, "nvme"))
        if not _has(document, (*section, "nvme_path")):
            edits.extend(set_value(document, (*section, "nvme_path"), NVME_PATH))
    return _joined(edits)


def _joined(edits: Sequence[Edit]) -> tuple[Edit, ...]:
    """The edits with what goes in at one point made one insertion: then no order among them can be got wrong."""
    contents: dict[Location, str] = {}
    for edit in edits:
        contents[edit.location] = contents.get(edit.location, "") + edit.content
    return tuple(Edit(location, content) for location, content in contents.items())


def _to_lora(run: Run, project: Settings) -> tuple[Edit, ...]:
    """`finetuning_type: lora`, LLaMA-Factory's word; other frameworks need a block of settings that is not ours."""
    method = run.adapter.method
    if method.value not in (Method.FULL, Method.FREEZE) or method.location is None:
        return ()
    found = project.keys_at(method.location)
    if found is None or found[1].path != ("finetuning_type",):
        return ()
    return set_value(found[0], found[1].path, "lora")


def _has(document: DataDocument, path: Sequence[str]) -> bool:
    data = plain_value(document.roots[0], ScalarRules.JSON) if document.roots else None
    for name in path:
        if not isinstance(data, dict) or name not in data:
            return False
        data = data[name]
    return True


# Words --------------------------------------------------------------------------------------------------------------


def _parameters(estimate: Estimate) -> str:
    """`32.8 billion parameters`, or how many of them are trained."""
    total, trained = billions(estimate.num_parameters), billions(estimate.num_trainable_parameters)
    if estimate.num_parameters == estimate.num_trainable_parameters:
        return f"{total} parameters"
    return f"{total} parameters, {trained} of them trained,"


def _terms(estimate: Estimate) -> str:
    """The terms of host RAM that matter, largest first: `optimizer states 262 GB, …`."""
    terms = [term for term in estimate.host_training_terms if term.size.expected_bytes >= 10**8]
    largest = sorted(terms, key=lambda term: -term.size.expected_bytes)
    return ", ".join(f"{term.name} {gigabytes(term.size.expected_bytes)}" for term in largest)


def _about(need: Interval) -> str:
    return f"about {gigabytes(need.expected_bytes)} ({need.low_bytes / 1e9:.0f} to {gigabytes(need.high_bytes)})"
