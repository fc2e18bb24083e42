"""From a run to its estimate: reads the facts, asks each module for its terms, and adds DeepSpeed's own answer."""

from __future__ import annotations

from collections.abc import Iterator

from ftlint.knowledge.gpus import Gpu
from ftlint.memory.constants import Constants
from ftlint.memory.deepspeed_cold import zero2_needs, zero3_needs
from ftlint.memory.device import beside_terms, small_term, workspace_term
from ftlint.memory.estimate import (
    IMAGES_MISSING,
    PASS_MISSING,
    Assumption,
    DeepSpeedAnswer,
    Estimate,
    Interval,
    Missing,
    Term,
)
from ftlint.memory.facts import FactReader
from ftlint.memory.fsdp_host import fsdp_terms
from ftlint.memory.host import zero2_terms, zero3_terms
from ftlint.memory.nvme import nvme_terms
from ftlint.memory.passes import pass_terms, play_passes
from ftlint.memory.process import process_terms
from ftlint.memory.reading import read_workload
from ftlint.memory.replay import replay
from ftlint.memory.states import state_terms
from ftlint.memory.workload import Workload
from ftlint.run.run import OffloadDevice, ParallelKind, Run
from ftlint.run.versions import VersionView


def estimate(run: Run, *, versions: VersionView | None = None, constants: Constants | None = None) -> Estimate | None:
    """What the run needs per GPU and per node; None where the model, or how it is trained, cannot be seen.

    Pure: the same run and releases give the same figures. A release that decides is asked of `versions`, which notes
    the question where the admissible ones disagree. `constants`: other measured numbers than the bundled ones.
    """
    reader = FactReader(run)
    work = read_workload(reader, versions, constants)
    if work is None:
        return None
    host_capacity_bytes: int | None = reader.known("hardware.host_ram_bytes")
    gpu: Gpu | None = reader.known("hardware.gpu")
    counts = ("parallel.gpus_per_node", "parallel.num_nodes")
    passes = play_passes(work)
    of_pass = pass_terms(work, passes)
    missing = tuple(_missing(work, is_played=bool(of_pass)))
    of_states = tuple(state_terms(work))
    terms = (
        *of_states,
        *of_pass,
        workspace_term(work),
        small_term(),
        *beside_terms(work, of_pass, of_states, replay(work, passes[0].played) if passes else None),
        *_host_terms(work, host_capacity_bytes),
    )
    return Estimate(
        run_name=run.name,
        terms=tuple(term for term in terms if term.size.high_bytes > 0),
        gpu_capacity=None if gpu is None else _capacity(gpu),
        host_capacity_bytes=host_capacity_bytes,
        deepspeed=_deepspeed_answer(work),
        assumptions=(*reader.assumptions, *_lower_bound(missing)),
        facts=dict(reader.facts),
        num_parameters=work.parameters.num_params,
        num_trainable_parameters=work.parameters.num_trained,
        is_rank_count_known=work.kind is ParallelKind.SINGLE or all(reader.look(name).known for name in counts),
        gpu_missing=tuple(part for each in missing for part in each.parts),
    )


def _missing(work: Workload, *, is_played: bool) -> Iterator[Missing]:
    if not is_played:
        yield PASS_MISSING
    if work.table is not None and work.table.reads_images:
        yield IMAGES_MISSING


def _lower_bound(missing: tuple[Missing, ...]) -> Iterator[Assumption]:
    for each in missing:
        yield Assumption("gpu", "without " + ", ".join(each.parts), f"{each.why}: GPU figures are lower bounds")


def _capacity(gpu: Gpu) -> Interval:
    return Interval(gpu.usable_low_bytes, gpu.usable_bytes, gpu.usable_high_bytes)


def _host_terms(work: Workload, host_capacity_bytes: int | None) -> Iterator[Term]:
    offload = work.offload
    if work.kind is ParallelKind.ZERO and work.zero_stage == 3:
        yield from zero3_terms(work)
        yield from nvme_terms(work)
    elif work.kind is ParallelKind.ZERO and work.zero_stage in (1, 2) and offload.optimizer is not OffloadDevice.NONE:
        yield from zero2_terms(work)
    elif work.kind is ParallelKind.FSDP and offload.param is not OffloadDevice.NONE:
        yield from fsdp_terms(work)
    yield from process_terms(work, host_capacity_bytes)


def _deepspeed_answer(work: Workload) -> DeepSpeedAnswer | None:
    """DeepSpeed's figures, which know neither LoRA, nor NVMe, nor stages below 2."""
    if work.kind is not ParallelKind.ZERO or not work.is_full_training:
        return None
    if OffloadDevice.NVME in (work.offload.param, work.offload.optimizer):
        return None
    offload_optimizer = work.offload.optimizer is OffloadDevice.CPU
    gpus_per_node, num_nodes = work.ranks.per_node, work.ranks.num_nodes
    num_params = work.parameters.num_params
    if work.zero_stage == 3:
        return zero3_needs(
            num_params,
            work.parameters.largest_layer,
            gpus_per_node=gpus_per_node,
            num_nodes=num_nodes,
            offload_optimizer=offload_optimizer,
            offload_param=work.offload.param is OffloadDevice.CPU,
            zero_init=work.zero_init,
        )
    if work.zero_stage == 2:
        return zero2_needs(
            num_params, gpus_per_node=gpus_per_node, num_nodes=num_nodes, offload_optimizer=offload_optimizer
        )
    return None
