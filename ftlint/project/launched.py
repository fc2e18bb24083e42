"""What a launch adds to a run: of ranks it knows best, of sharding the launched file itself."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ftlint.dialects.dialect import PartialRun
from ftlint.dialects.trainer_fsdp import NEUTRAL, lower_words
from ftlint.run.fact import NOTHING, UNKNOWN, Fact, written
from ftlint.run.run import ParallelFacts, ParallelKind, Run, merge

if TYPE_CHECKING:
    from ftlint.trace import ScriptTrace
    from ftlint.trace.settings import Setting, Settings

_COUNTS = ("num_nodes", "gpus_per_node", "num_processes", "launcher")


def merge_launch(run: Run, launched: Run) -> Run:
    """The run under what its launch commands say.

    A file that chooses its own kind of parallelism replaces the launcher's, settings and all.
    Source: transformers 5.23 training_args.py (`deepspeed`, `fsdp`), which hands its own plugins to the Accelerator.
    """
    counts = {name: getattr(launched.parallel, name) for name in _COUNTS}
    beneath = Run(precision=launched.precision) if run.parallel.kind.said else launched
    merged = merge(merge(beneath, run), Run(parallel=ParallelFacts(**counts)))
    return replace(merged, inputs=tuple(dict.fromkeys((*run.inputs, *launched.inputs))))


def with_own_sharding(partial: PartialRun, trace: ScriptTrace) -> PartialRun:
    """A script with `TrainingArguments(fsdp=…)` chooses its own kind, by the words that stand there.

    Unknown where `fsdp_config` is a file, or says more than which layers are wrapped and which version is meant.
    """
    if partial.facts.parallel.kind.said:
        return partial
    from ftlint.trace.events import Trained

    for event in trace.events():
        if isinstance(event, Trained) and event.made_at == partial.facts.root and event.settings is not None:
            fsdp = event.settings.get("fsdp")
            if fsdp is not None and fsdp.value not in (None, "", False):
                return replace(partial, facts=replace(partial.facts, parallel=_own_sharding(fsdp, event.settings)))
    return partial


def _own_sharding(fsdp: Setting, settings: Settings) -> ParallelFacts:
    from ftlint.trace.settings import Settings

    unknown: Fact[ParallelKind] = written(UNKNOWN, fsdp.location, "fsdp")
    config = settings.get("fsdp_config")
    version: Fact[int] = NOTHING
    if config is not None and config.value is not None:
        if not isinstance(config.value, Settings) or config.value.open:
            return ParallelFacts(kind=unknown)
        if {name.removeprefix("fsdp_") for name, _ in config.value.entries} - {*NEUTRAL, "version"}:
            return ParallelFacts(kind=unknown)
        said = config.value.get("version") or config.value.get("fsdp_version")
        if said is not None:
            version = written(said.value if isinstance(said.value, int) else UNKNOWN, said.location, "fsdp_config")
    if not isinstance(fsdp.value, str):
        return ParallelFacts(kind=unknown)
    return lower_words(written(fsdp.value, fsdp.location, "fsdp"), version)
