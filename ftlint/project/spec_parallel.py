"""The `parallel` section of a run spec: how states are spread over ranks, and what is offloaded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TypeAlias

from ftlint.project.spec_reader import Blanks, ObjectReader
from ftlint.run.fact import NOTHING, Fact, default
from ftlint.run.run import OffloadDevice, ParallelFacts, ParallelKind
from ftlint.run.versions import VersionView
from ftlint.spans import How, Origin

OFFLOAD_ALIASES = {"disk": "nvme"}
KIND_ALIASES = {"deepspeed": "zero", "none": "single"}
STRATEGIES = ("FULL_SHARD", "SHARD_GRAD_OP", "NO_SHARD", "HYBRID_SHARD", "HYBRID_SHARD_ZERO2")
BUCKETS = ("reduce_bucket_size", "prefetch_bucket_size", "param_persistence_threshold", "max_live_parameters")
NOT_OFFLOADED = (None, OffloadDevice.NONE)

Devices: TypeAlias = "Mapping[str, OffloadDevice | None]"
"""Where `param` and `optimizer` go; None where the spec does not say."""


def read_parallel(reader: ObjectReader, blanks: Blanks, versions: VersionView) -> ParallelFacts:
    """Ranks, sharding and offload; raises SpecError where they contradict each other."""
    devices = {what: _device(reader, f"offload_{what}") for what in ("param", "optimizer")}
    gpus_per_node, num_nodes = reader.integer("gpus_per_node", 1, 1024), reader.integer("nodes", 1, 100_000)
    kind = _kind(reader, blanks, devices, num_gpus=(gpus_per_node or 1) * (num_nodes or 1))
    zero_stage = _zero_stage(reader, blanks, devices, kind)
    _check_offload(reader, devices, kind.value, zero_stage.value)
    fsdp_version = reader.integer("fsdp_version", 1, 2)
    strategy = reader.choice("strategy", STRATEGIES)
    if strategy is not None and kind.value is not ParallelKind.FSDP:
        raise reader.complaint("strategy", "nothing where kind is not fsdp")
    buckets = {name: reader.integer(name, 0) for name in BUCKETS}
    overlap = reader.flag("overlap_comm")
    zero_init, pin = reader.flag("zero_init"), reader.flag("pin_memory")
    reader.finish()
    facts = ParallelFacts(
        kind=kind,
        zero_stage=zero_stage,
        gpus_per_node=blanks.fill(reader, "gpus_per_node", gpus_per_node, 1, "the least"),
        num_nodes=blanks.fill(reader, "nodes", num_nodes, 1, "the least"),
    )
    if kind.value not in (ParallelKind.ZERO, ParallelKind.FSDP):
        return facts
    is_zero = kind.value is ParallelKind.ZERO
    has_pins = is_zero and any(device not in NOT_OFFLOADED for device in devices.values())
    pinned: Fact[bool] = _pinned(reader, blanks, pin, versions) if has_pins else NOTHING
    offloaded = {
        what: blanks.fill(reader, f"offload_{what}", device, OffloadDevice.NONE, "off unless it is asked for")
        for what, device in devices.items()
    }
    if not is_zero:
        version = blanks.fill(reader, "fsdp_version", fsdp_version, 1, "accelerate's default")
        sharding = (
            default("FULL_SHARD", "accelerate's default")
            if strategy is None
            else Fact(strategy, (_said(reader, "strategy"),))
        )
        return replace(facts, fsdp_version=version, offload_param=offloaded["param"], fsdp_sharding_strategy=sharding)
    return replace(
        facts,
        zero_init=blanks.fill(reader, "zero_init", zero_init, True, "transformers does so")
        if zero_stage.value == 3
        else NOTHING,
        offload_param=offloaded["param"],
        offload_optimizer=offloaded["optimizer"],
        pin_param=pinned,
        pin_optimizer=pinned,
        reduce_bucket_size=_written(reader, "reduce_bucket_size", buckets),
        prefetch_bucket_size=_written(reader, "prefetch_bucket_size", buckets),
        param_persistence_threshold=_written(reader, "param_persistence_threshold", buckets),
        max_live_parameters=_written(reader, "max_live_parameters", buckets),
        overlap_comm=NOTHING if overlap is None else Fact(overlap, (_said(reader, "overlap_comm"),)),
    )


def _written(reader: ObjectReader, name: str, values: Mapping[str, int | None]) -> Fact[int]:
    value = values[name]
    return NOTHING if value is None else Fact(value, (_said(reader, name),))


def _said(reader: ObjectReader, name: str) -> Origin:
    return Origin(How.WRITTEN, None, f"{reader.name(name)} in the run spec")


def _device(reader: ObjectReader, key: str) -> OffloadDevice | None:
    text = reader.choice(key, [device.value for device in OffloadDevice], OFFLOAD_ALIASES)
    return None if text is None else OffloadDevice(text)


def _kind(reader: ObjectReader, blanks: Blanks, devices: Devices, *, num_gpus: int) -> Fact[ParallelKind]:
    """As written; else what the other keys are made for."""
    text = reader.choice("kind", [kind.value for kind in ParallelKind], KIND_ALIASES)
    if text is not None:
        kind = ParallelKind(text)
        if kind is ParallelKind.SINGLE and num_gpus > 1:
            raise reader.complaint("kind", f"ddp, zero or fsdp for {num_gpus} GPUs")
        return blanks.fill(reader, "kind", kind, kind, "")
    implied = ParallelKind.SINGLE if num_gpus == 1 else ParallelKind.DDP
    if reader.has("fsdp_version"):
        implied = ParallelKind.FSDP
    if reader.has("stage") or any(device not in NOT_OFFLOADED for device in devices.values()):
        implied = ParallelKind.ZERO
    return blanks.fill(reader, "kind", None, implied, "as the other keys say")


def _zero_stage(reader: ObjectReader, blanks: Blanks, devices: Devices, kind: Fact[ParallelKind]) -> Fact[int]:
    stage = reader.integer("stage", 0, 3)
    if kind.value is not ParallelKind.ZERO:
        if stage is not None:
            raise reader.complaint("stage", "nothing where kind is not zero")
        return NOTHING
    if devices["param"] not in NOT_OFFLOADED:
        return blanks.fill(reader, "stage", stage, 3, "offloading weights takes it")
    return blanks.fill(reader, "stage", stage, 2, "accelerate's default")


def _check_offload(reader: ObjectReader, devices: Devices, kind: object, zero_stage: object) -> None:
    """Refuse what the frameworks would ignore: an estimate of something else would be believed."""
    if devices["param"] not in NOT_OFFLOADED and not (kind is ParallelKind.FSDP or zero_stage == 3):
        raise reader.complaint("offload_param", "none: weights are offloaded by ZeRO stage 3 and by FSDP only")
    if devices["param"] is OffloadDevice.NVME and kind is ParallelKind.FSDP:
        raise reader.complaint("offload_param", "cpu or none: FSDP knows no NVMe")
    if devices["optimizer"] in NOT_OFFLOADED:
        return
    if kind is ParallelKind.FSDP:
        raise reader.complaint("offload_optimizer", "none: FSDP offloads all states or none, say offload_param")
    if kind is not ParallelKind.ZERO or zero_stage == 0:
        raise reader.complaint("offload_optimizer", "none: only ZeRO stages 1 to 3 offload optimizer states")
    if devices["optimizer"] is OffloadDevice.NVME and zero_stage != 3:
        raise reader.complaint("offload_optimizer", "cpu or none: NVMe takes ZeRO stage 3")


def _pinned(reader: ObjectReader, blanks: Blanks, written: bool | None, versions: VersionView) -> Fact[bool]:
    """As written; else as the DeepSpeed release has it, whose default changed; without a release as the newest."""
    if written is None and versions.admissible.get("deepspeed") is not None:
        by_release = versions.behaviour("offload_optimizer_pin_memory_default")
        if by_release.known:
            is_pinned = by_release.value == "true"
            return blanks.fill(reader, "pin_memory", None, is_pinned, "the default of that DeepSpeed release")
    return blanks.fill(reader, "pin_memory", written, True, "the default since DeepSpeed 0.19.5")
