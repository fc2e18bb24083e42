"""A full state dict put together on GPUs that cannot hold it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from ftlint.checks.amounts import billions, gigabytes
from ftlint.checks.doubts import doubt_of
from ftlint.checks.dtypes import dtype_behind
from ftlint.checks.saving_fixes import gathered_on_cpu
from ftlint.checks.sharded import Shards, call_text, launch_related, shards_of
from ftlint.findings import Edit, Match, Related, Severity
from ftlint.knowledge.gpus import Gpu
from ftlint.memory.gathering import FullGather, full_gather
from ftlint.record import record
from ftlint.run.dtype import DType
from ftlint.run.fact import NOTHING, UNKNOWN, Fact, Truth
from ftlint.run.run import (
    AdapterFacts,
    Method,
    ModelFacts,
    OffloadDevice,
    ParallelFacts,
    ParallelKind,
    PrecisionFacts,
    Run,
)
from ftlint.run.versions import VersionView
from ftlint.spans import How, Location, Origin
from ftlint.syntax.document import Format, ScriptDocument
from ftlint.trace import Path as Way
from ftlint.trace import ScriptTrace
from ftlint.trace.events import Adapted, ModelMade
from ftlint.trace.settings import Settings
from ftlint.trace.sharding import Sharder, Sharding, StateDict, StateTaken, StateType, Written

_ADAM = re.compile(r"\bAdamW?\(")
WITH_OPTIMIZER = "beside optimizer states"


class Project(Protocol):
    """What this check asks of the project."""

    def launches(self, path: Path) -> tuple[Run, ...]:
        """What each launch file, with Accelerate's files, says of the script at that path; at least one."""

    def runs_of_script(self, document: ScriptDocument) -> tuple[Run, ...]:
        """The runs that begin in a script, or in a shell file's commands."""

    def completed(self, run: Run, path: Path, launched: Run) -> Run:
        """A run that begins in that file, with the node, a launch and the model's architecture."""


@record
class Gather:
    """A gather onto the GPU on one path: of which model, and the call."""

    event: StateTaken | Written
    sharding: Sharding
    made: ModelMade
    adapter: Settings | None
    is_asked_for: bool
    """Whether the script says that it wants all of it."""
    is_guarded: bool
    """Whether no more than rank 0 is seen to write what was gathered."""


def full_gather_on_gpu(
    trace: ScriptTrace, document: ScriptDocument, project: Project, versions: VersionView
) -> Iterator[Match]:
    """Every full gather without offload whose model does not fit on the GPU beside what it holds.

    Silent where the model, the GPU or how the weights are stored is not known.
    """
    if document.format is Format.SHELL:
        yield from _of_commands(project.runs_of_script(document), versions)
        return
    launches = project.launches(document.path)
    for story in trace.stories if trace.complete else ():
        reached: dict[Location, list[tuple[Run, Match | None]]] = {}
        for launched in launches:
            for path in story.paths:
                for gather in _gathers(path):
                    shards = shards_of(gather.sharding, launched, versions)
                    if shards is not None and shards.version != 1 and not gather.is_asked_for:
                        shards = None  # only FullyShardedDataParallel gathers by default
                    found = None if shards is None else _judge(gather, shards, document, project, launched, versions)
                    reached.setdefault(gather.event.location, []).append((launched, found))
        for judged in reached.values():
            first = next((match for _, match in judged if match is not None), None)
            if first is not None:
                doubt = doubt_of((launched, match is not None) for launched, match in judged)
                yield _doubted(first, doubt) if doubt else first


def _of_commands(runs: Iterable[Run], versions: VersionView) -> Iterator[Match]:
    """llama-recipes' own way to save an adapter under FSDP, which it changed in 0.0.4."""
    for run in runs:
        parallel, gpu = run.parallel, run.hardware.gpu.value
        place = run.saving.save_model.location or parallel.kind.location
        if not _saves_sharded_adapter(run) or not isinstance(gpu, Gpu) or place is None:
            continue
        need = full_gather(_with_ranks(run), versions)
        if need is None or not need.is_rank_count_known or need.least_bytes <= gpu.usable_high_bytes:
            continue
        if versions.behaviour("llama_recipes_gathers_adapter_on").value == "gpu":
            values = _amounts("llama-recipes", need, gpu, with_states=False)
            yield Match(at=place, values=values, related=tuple(_related_facts(run)))


def _saves_sharded_adapter(run: Run) -> bool:
    parallel = run.parallel
    is_sharded = parallel.kind.value is ParallelKind.FSDP and parallel.offload_param.value is OffloadDevice.NONE
    return is_sharded and run.saving.save_model.value is True and run.adapter.method.value is Method.LORA


def _related_facts(run: Run) -> Iterator[Related]:
    for fact, words in ((run.model.id, "the model"), (run.parallel.kind, "this shards it")):
        if fact.location is not None:
            yield Related(fact.location, words)
    if run.hardware.gpu.location is not None:
        yield Related(run.hardware.gpu.location, "the GPU")
    yield from launch_related(run)


def _doubted(match: Match, doubt: str) -> Match:
    reason = f"{match.reason}; {doubt}" if match.reason else doubt
    return Match(match.at, match.values, match.related, match.edits, Severity.WARNING, reason)


def _gathers(path: Way) -> Iterator[Gather]:
    """The gathers of a path that leave the whole model on the GPU."""
    made = {event.module_id: event for event in path.events if isinstance(event, ModelMade)}
    adapters = {event.module_id: event.settings for event in path.events if isinstance(event, Adapted)}
    written = [event for event in path.events if isinstance(event, Written) and event.state is not None]
    by_all = {event.state.location for event in written if event.guard is None and event.state is not None}
    for event in path.events:
        if not isinstance(event, (StateTaken, Written)):
            continue
        found = _of_state(event.state) if isinstance(event, StateTaken) else _of_adapter(event)
        if found is None:
            continue
        module_id, sharding = found
        if module_id in made:
            asked = isinstance(event, StateTaken) and event.state.gathering is not None
            is_guarded = event.location not in by_all
            yield Gather(event, sharding, made[module_id], adapters.get(module_id), asked, is_guarded)


def _of_state(state: StateDict) -> tuple[int, Sharding] | None:
    gathering, sharding = state.gathering, state.sharding
    if sharding is None or state.guard is not None or (state.trained_only and sharding.by is not Sharder.FSDP1):
        return None
    if gathering is None:
        # torch's default for FullyShardedDataParallel, which is also what an Accelerator prepares.
        wrapped = sharding.by is Sharder.FSDP1 or (sharding.by is Sharder.ACCELERATOR and not state.is_unwrapped)
        return (state.module_id, sharding) if state.taken_by == "state_dict" and wrapped else None
    whole = gathering.type is StateType.FULL and gathering.on_cpu is Truth.NO and not gathering.summoned
    return (state.module_id, sharding) if whole else None


def _of_adapter(event: Written) -> tuple[int, Sharding] | None:
    """PEFT's `save_pretrained` without a state dict, inside FullyShardedDataParallel with units of its own."""
    sharding, gathering = event.sharding, event.gathering
    if event.by != "save_pretrained" or not event.is_adapted or event.state is not None or sharding is None:
        return None
    if sharding.by is not Sharder.FSDP1 or sharding.has_inner_units is Truth.NO:
        return None
    if gathering is not None and (gathering.on_cpu is not Truth.NO or gathering.summoned):
        return None
    return event.module_id, sharding


def _judge(
    gather: Gather, shards: Shards, document: ScriptDocument, project: Project, launched: Run, versions: VersionView
) -> Match | None:
    """An error where the weights alone are too many, a warning where they are so with what is usual beside them."""
    if gather.made.is_quantized or gather.made.model_id is None:
        return None
    run = _with_ranks(project.completed(_run(gather, shards, versions), document.path, launched))
    gpu: Gpu | None = run.hardware.gpu.value if isinstance(run.hardware.gpu.value, Gpu) else None
    need = full_gather(run, versions) if gpu is not None else None
    if gpu is None or need is None:
        return None
    if need.least_bytes > gpu.usable_high_bytes:
        severity, reason = None, ""
    elif need.expected_bytes > gpu.usable_bytes and need.is_rank_count_known and _keeps_adam_states(gather, document):
        severity, reason = Severity.WARNING, WITH_OPTIMIZER
    else:
        return None
    event = gather.event
    return Match(
        at=event.location,
        values=_amounts(call_text(event), need, gpu, with_states=bool(reason)),
        related=tuple(_related(gather, run, launched)),
        edits=_edits(gather, document),
        severity=severity,
        reason=reason,
    )


def _amounts(call: str, need: FullGather, gpu: Gpu, *, with_states: bool) -> dict[str, str]:
    """What the message says."""
    return {
        "call": call,
        "parameters": f"{billions(need.num_params)} parameters",
        "needed": gigabytes(need.gathered.expected_bytes),
        "held": _held(need, with_states=with_states),
        "gpu": gpu.name,
        "available": gigabytes(gpu.usable_bytes),
    }


def _with_ranks(run: Run) -> Run:
    """The same run with all its ranks on one node: what one GPU holds depends on how many there are in all."""
    count = run.parallel.num_processes
    if not count.known:
        return run
    one: Fact[int] = Fact(1, count.origins)
    return replace(run, parallel=replace(run.parallel, gpus_per_node=count, num_nodes=one))


def _keeps_adam_states(gather: Gather, document: ScriptDocument) -> bool:
    """Whether the text leaves no doubt that two states are kept of what is trained, and that nothing is frozen."""
    text = "\n".join(source.text for source in document.sources)
    frozen = gather.adapter is None and "requires_grad" in text
    return _ADAM.search(text) is not None and not frozen


def _held(need: FullGather, *, with_states: bool) -> str:
    if not need.is_rank_count_known:
        return "unknown size"
    return gigabytes((need.held if with_states else need.held_weights).expected_bytes)


def _run(gather: Gather, shards: Shards, versions: VersionView) -> Run:
    """The run that the gather happens in, as far as the script says it."""
    made, here = gather.made, (Origin(How.WRITTEN, gather.made.location),)
    dtype = dtype_behind(gather.sharding.weights, versions)
    adapter = gather.adapter
    rank = adapter.get("r") if adapter is not None else None
    targets = adapter.get("target_modules") if adapter is not None else None
    return Run(
        root=gather.event.location,
        model=ModelFacts(id=Fact(made.model_id if made.model_id is not None else UNKNOWN, here)),
        precision=PrecisionFacts(weights=Fact(dtype if isinstance(dtype, DType) else UNKNOWN, here)),
        parallel=ParallelFacts(
            kind=Fact(ParallelKind.FSDP, (Origin(How.WRITTEN, shards.location),)),
            fsdp_version=Fact(shards.version, (Origin(How.WRITTEN, shards.location),)),
        ),
        adapter=AdapterFacts(
            method=Fact(Method.LORA if adapter is not None else Method.FULL, here),
            lora_rank=Fact(rank.value, here) if rank is not None and isinstance(rank.value, int) else NOTHING,
            lora_targets=_words(targets.value if targets is not None else None, here),
        ),
    )


def _words(value: object, here: tuple[Origin, ...]) -> Fact[tuple[str, ...]]:
    words = (value,) if isinstance(value, str) else value if isinstance(value, tuple) else ()
    texts = tuple(word for word in words if isinstance(word, str))
    return Fact(texts, here) if texts else NOTHING


def _related(gather: Gather, run: Run, launched: Run) -> Iterator[Related]:
    yield Related(gather.sharding.location, "this shards the model")
    yield Related(gather.made.location, f"the model, {gather.made.model_id}")
    place = run.hardware.gpu.location
    if place is not None:
        yield Related(place, "the GPU")
    yield from launch_related(launched)


def _edits(gather: Gather, document: ScriptDocument) -> Mapping[str, tuple[Edit, ...]]:
    event = gather.event
    if isinstance(event, Written) or not gather.is_guarded:
        return {}  # of an adapter: from peft 0.21 on no edit of this call writes it
    found = gathered_on_cpu(event.state, document)
    return {"offload": found} if found else {}
