"""Models that a `device_map` spreads or offloads, and that are then trained, moved or launched in several processes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path as FilePath
from typing import Protocol

from ftlint.checks.device_maps import Judged, judge_offload, num_params_of, spread
from ftlint.checks.doubts import SOME_LAUNCHES, SOME_PATHS
from ftlint.checks.placement_edits import load_whole, without_device_map
from ftlint.findings import Edit, Match, Related, Severity
from ftlint.knowledge.architectures import Architecture
from ftlint.memory.dispatch import Offload
from ftlint.record import record
from ftlint.run.fact import Truth
from ftlint.run.run import ParallelKind, Run
from ftlint.run.versions import VersionView
from ftlint.spans import Location
from ftlint.syntax.document import ScriptDocument
from ftlint.trace import Path, ScriptTrace, Story
from ftlint.trace.events import Trained
from ftlint.trace.placement_events import Differentiated, Dispatched, Entrusted, Moved

ADAPTED = "where what is trained belongs to an offloaded layer"
FROZEN = "unless the offloaded weights are frozen"
OWN_LOOP = "unless the offloaded weights are frozen or left alone"
BYPASS = "ACCELERATE_BYPASS_DEVICE_MAP"
PREPARE, INITIALIZE = "Accelerator.prepare", "deepspeed.initialize"
ONE_BILLION = 10**9
"""A model of that many parameters never lands on one of several GPUs as a whole."""


class Project(Protocol):
    """What these checks ask of the project."""

    def node(self) -> Run:
        """The hardware that the settings name."""

    def launches(self, path: FilePath) -> tuple[Run, ...]:
        """What each launch file says of the script at that path; at least one."""

    def architecture_of(self, model_id: str, referrer: FilePath) -> Architecture | None:
        """The numbers of a model."""


@record
class _Failure:
    """What cannot work with a dispatched model, where, and why it may still work."""

    event: Dispatched
    place: Location
    what: str
    outcome: str
    reason: str = ""
    judged: Judged | None = None


# Offloaded ----------------------------------------------------------------------------------------------------------


def offloaded_model_trained(trace: ScriptTrace, project: Project, versions: VersionView) -> Iterator[Match]:
    """A model that is partly on the CPU or the disk and is moved, or trained.

    Silent where offload is impossible or cannot be reckoned, and where a function of another file had the model.
    """
    judge = _Judge(trace, project, versions)
    for story in trace.stories:
        for place, failures in _by_place(story, judge.failures):
            yield _offload_match(place, failures, project)


class _Judge:
    """Judges each dispatched model once."""

    def __init__(self, trace: ScriptTrace, project: Project, versions: VersionView) -> None:
        self._project = project
        self._versions = versions
        self._may_freeze = "requires_grad" in trace.mentions
        self._known: dict[Dispatched, Judged | None] = {}

    def failures(self, path: Path) -> Iterator[_Failure]:
        """The first thing on a path that fails, for each model."""
        dispatched: dict[int, Dispatched] = {}
        done: set[int] = set()
        for number, event in enumerate(path.events):
            if isinstance(event, Dispatched):
                dispatched[event.module_id] = event
                continue
            if not isinstance(event, (Moved, Entrusted)):
                continue
            ids = event.subjects if isinstance(event, Moved) else {event.module_id}
            for id, source in dispatched.items():
                if id in ids and id not in done:
                    failure = self._failure(source, event, path, number)
                    if failure is not None:
                        done.add(id)
                        yield failure

    def _judged(self, event: Dispatched) -> Judged | None:
        if event not in self._known:
            self._known[event] = judge_offload(event, self._project, self._versions)
        return self._known[event]

    def _failure(self, source: Dispatched, event: Moved | Entrusted, path: Path, number: int) -> _Failure | None:
        if isinstance(event, Moved) and event.by not in ("to", "cuda"):
            return None
        if event.handed_away:
            return None
        judged = self._judged(source)
        if judged is None or judged.offload is Offload.NEVER:
            return None
        if isinstance(event, Moved):
            what = f".{event.by}()"
            return _Failure(source, event.location, what, f"`{what}` raises a RuntimeError", judged=judged)
        name = event.by.rpartition(".")[2] if event.by not in (PREPARE, INITIALIZE) else event.by
        outcome, reason = self._outcome(judged, event, path, number, name)
        return _Failure(source, event.location, name, outcome, reason, judged) if outcome else None

    def _outcome(self, judged: Judged, event: Entrusted, path: Path, number: int, name: str) -> tuple[str, str]:
        """What becomes of it, and why perhaps not; an empty text where nothing does."""
        later = path.events[number + 1 :]
        if event.by == INITIALIZE:
            return f"{name} moves it, which raises a RuntimeError", ""
        if event.by == PREPARE:
            if not any(isinstance(each, Differentiated) for each in later):
                return "", ""
            return "the offloaded weights get no gradient and stay as they are", OWN_LOOP
        trained = any(isinstance(each, Trained) and each.made_at == event.location for each in later)
        if judged.is_quantized:
            if judged.keeps_on_cpu:
                return (
                    (f"{name} cannot train it", "unless bitsandbytes can compute on the CPU") if trained else ("", "")
                )
            return "loading it in fewer bits raises a ValueError", ""
        reason = ADAPTED if event.adapted else FROZEN if self._may_freeze else ""
        if trained and not reason:
            return self._trained_fully(judged, name), ""
        if judged.num_gpus == 1:
            moves = self._versions.behaviour("trainer_device_map_offload").value
            if moves == "RuntimeError":
                return f"{name} moves it, which raises an error", ""
        if not trained:
            return "", ""
        return (
            (f"{name} fails in the backward pass", reason)
            if event.adapted
            else (f"{name} leaves the offloaded weights as they are", reason)
        )

    def _trained_fully(self, judged: Judged, name: str) -> str:
        """It goes wrong under every release, so the question is asked for the words alone."""
        skips = self._versions.window("transformers", ">=4.57", remember=False)
        if skips is Truth.YES or judged.num_gpus not in (None, 1):
            return f"{name} trains, and leaves the offloaded weights as they are"
        if skips is Truth.NO and judged.num_gpus == 1:
            return f"{name} moves it when it is made, which raises a RuntimeError"
        return f"{name} raises an error, or leaves the offloaded weights as they are (transformers 4.57 and later)"


def _offload_match(place: Location, failures: Sequence[_Failure | None], project: Project) -> Match:
    found = [failure for failure in failures if failure is not None]
    first = found[0]
    judged = first.judged
    assert judged is not None
    reasons = [failure.reason for failure in found if failure.reason]
    reasons += [judged.reason] if judged.reason else []
    if len(found) < len(failures):
        reasons.append(SOME_PATHS)
    reasons = list(dict.fromkeys(reasons))
    related = [Related(first.place, f"{first.what} gets the model here")] if first.place != place else []
    if not judged.explicit:
        node = project.node()
        for fact, label in ((node.hardware.gpu, "GPU"), (node.parallel.gpus_per_node, "GPUs per node")):
            value = fact.value
            if fact.location is not None and not judged.by_hand:
                related.append(Related(fact.location, f"{label} {getattr(value, 'name', value)}"))
    edits = without_device_map(first.event)
    return Match(
        at=place,
        values={"device_map": judged.shown, "why": judged.why, "outcome": first.outcome},
        related=tuple(related),
        edits={"remove": edits} if edits else {},
        severity=Severity.WARNING if reasons else None,
        reason="; ".join(reasons),
    )


# Several processes --------------------------------------------------------------------------------------------------


def spread_model_distributed(trace: ScriptTrace, document: ScriptDocument, project: Project) -> Iterator[Match]:
    """A model that a `device_map` spreads over several GPUs, trained in each of several processes.

    Silent without a launch command, under FSDP, and where a function of another file had the model.
    """
    if trace.mentions & {BYPASS, "fsdp_plugin"}:
        return
    for story in trace.stories:
        for place, failures in _by_place(story, _spread_failures):
            found = next(failure for failure in failures if failure is not None)
            match = _spread_match(place, found, None not in failures, document, project)
            if match is not None:
                yield match


def _spread_failures(path: Path) -> Iterator[_Failure]:
    dispatched: dict[int, Dispatched] = {}
    done: set[int] = set()
    made: dict[Location, _Failure] = {}
    for event in path.events:
        if isinstance(event, Dispatched) and event.device_map is not None and spread(event.device_map):
            dispatched[event.module_id] = event
        elif isinstance(event, Entrusted) and event.module_id in dispatched and not event.handed_away:
            failure = _Failure(dispatched[event.module_id], event.location, event.by, "")
            if event.by == PREPARE and event.module_id not in done:
                done.add(event.module_id)
                yield failure
            elif event.by not in (PREPARE, INITIALIZE):
                made[event.location] = failure
        elif isinstance(event, Trained) and event.made_at in made and not _shards(event):
            failure = made[event.made_at]
            if failure.event.module_id not in done:
                done.add(failure.event.module_id)
                yield failure


def _shards(event: Trained) -> bool:
    """Whether the Trainer's settings turn FSDP on, under which the model may be loaded without being spread."""
    chosen = event.settings.get("fsdp") if event.settings is not None else None
    return chosen is not None and chosen.value not in (None, "", False)


def _has_several(launched: Run) -> bool:
    """Whether a launch starts several processes on a node, each of which spreads the model.

    Not under FSDP with `fsdp_cpu_ram_efficient_loading`: from_pretrained leaves the spreading out there (transformers
    5.23 integrations/accelerate.py).
    """
    said = launched.parallel
    count, nodes = said.num_processes.value, said.num_nodes
    if not isinstance(count, int) or count < 2 or said.num_processes.location is None:
        return False
    spreads = said.kind.value is not ParallelKind.FSDP or said.fsdp_cpu_ram_efficient_loading.value is False
    if not spreads or said.checks_device_map.said:
        return False
    # One process on each node has the node's GPUs to itself.
    return not nodes.said or (isinstance(nodes.value, int) and count > nodes.value)


def _spread_match(
    place: Location, failure: _Failure, always: bool, document: ScriptDocument, project: Project
) -> Match | None:
    launches = project.launches(place.path)
    harmful = [launched for launched in launches if _has_several(launched)]
    if not harmful:
        return None
    processes = harmful[0].parallel.num_processes
    assert processes.location is not None
    event = failure.event
    device_map = event.device_map
    assert device_map is not None
    reasons: list[str] = [] if always else [SOME_PATHS]
    if len(harmful) < len(launches):
        reasons.append(SOME_LAUNCHES)
    num_params = num_params_of(event, project)
    if device_map.word == "sequential":
        reasons.append("unless the first GPU holds all of it")
    elif device_map.word is not None and (num_params is None or num_params < ONE_BILLION):
        reasons.append("unless one GPU gets all of it, as happens with small models")
    whole, removed = load_whole(event, document), without_device_map(event)
    name = failure.what.rpartition(".")[2] if failure.what != PREPARE else failure.what
    return Match(
        at=place,
        values={"device_map": _shown(device_map.word), "processes": f"{processes.value} processes"},
        related=(
            Related(failure.place, f"{name} gets the model here"),
            Related(processes.location, f"{processes.value} processes"),
        ),
        edits=_named(whole=whole, remove=removed),
        severity=Severity.WARNING if reasons else None,
        reason="; ".join(reasons),
    )


def _shown(word: str | None) -> str:
    return f'device_map="{word}"' if word is not None else "device_map"


def _named(**edits: tuple[Edit, ...]) -> Mapping[str, tuple[Edit, ...]]:
    return {name: found for name, found in edits.items() if found}


# Paths --------------------------------------------------------------------------------------------------------------


class _Find(Protocol):
    def __call__(self, path: Path) -> Iterator[_Failure]: ...


def _by_place(story: Story, find: _Find) -> Iterator[tuple[Location, list[_Failure | None]]]:
    """By the place of the `device_map` argument: what fails on each path of the story, None where nothing does."""
    found: dict[Location, list[_Failure | None]] = {}
    for number, path in enumerate(story.paths):
        for failure in find(path):
            failures = found.setdefault(failure.event.at, [None] * len(story.paths))
            failures[number] = failures[number] or failure
    yield from sorted(found.items(), key=lambda item: item[0].sort_key())
