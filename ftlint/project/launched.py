"""What a launch adds to a run: of ranks it knows best, of sharding the launched file itself."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ftlint.dialects.dialect import PartialRun
from ftlint.run.fact import UNKNOWN, Fact, written
from ftlint.run.run import ParallelFacts, ParallelKind, Run, merge

if TYPE_CHECKING:
    from ftlint.trace import ScriptTrace

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
    """A script with `TrainingArguments(fsdp=…)` chooses its own kind, defaults included, which is not read yet."""
    if partial.facts.parallel.kind.said:
        return partial
    from ftlint.trace.events import Trained

    for event in trace.events():
        if isinstance(event, Trained) and event.made_at == partial.facts.root and event.settings is not None:
            fsdp = event.settings.get("fsdp")
            if fsdp is not None and fsdp.value not in (None, "", False):
                kind: Fact[ParallelKind] = written(UNKNOWN, fsdp.location, "fsdp")
                return replace(partial, facts=replace(partial.facts, parallel=ParallelFacts(kind=kind)))
    return partial
