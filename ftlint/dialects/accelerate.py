"""Accelerate's launch configuration, as `accelerate config` writes it and `accelerate launch` reads it.

Source: accelerate 1.15 commands/config/config_args.py (`load_config_from_file`), commands/launch.py
(`_validate_launch_command`), utils/launch.py, utils/dataclasses.py (`FullyShardedDataParallelPlugin`,
`DeepSpeedPlugin`).
"""

from __future__ import annotations

from dataclasses import replace

from ftlint.dialects.dialect import Dialect, Markers, PartialRun, Recognition, Reference
from ftlint.dialects.lowering import KeyReader
from ftlint.dialects.outline import Outline
from ftlint.run.dtype import DType
from ftlint.run.fact import NOTHING, UNKNOWN, Fact, Unknown, default, derive
from ftlint.run.key import KeySet
from ftlint.run.run import (
    OffloadDevice,
    ParallelFacts,
    ParallelKind,
    PrecisionFacts,
    Run,
    SavingFacts,
    StateDictType,
)
from ftlint.run.versions import VersionView
from ftlint.spans import How, Origin
from ftlint.syntax.document import Format

_MARKERS = Markers(
    anchors=(
        frozenset({"compute_environment"}),
        frozenset({"distributed_type"}),
        frozenset({"fsdp_config", "mixed_precision"}),
        frozenset({"deepspeed_config", "num_processes"}),
    ),
    typical=frozenset(
        (
            "num_processes num_machines mixed_precision machine_rank rdzv_backend same_network "
            "main_training_function downcast_bf16 debug use_cpu tpu_env fsdp_config deepspeed_config gpu_ids "
            "main_process_ip main_process_port enable_cpu_affinity"
        ).split()
    ),
    foreign=frozenset({"model_name_or_path", "base_model"}),
)

_KINDS = {
    "NO": ParallelKind.SINGLE,
    "FSDP": ParallelKind.FSDP,
    "DEEPSPEED": ParallelKind.ZERO,
    **{f"MULTI_{device}": ParallelKind.DDP for device in ("GPU", "XPU", "NPU", "MLU", "SDAA", "MUSA", "HPU", "NEURON")},
}
_DTYPES = {"bf16": DType.BFLOAT16, "fp16": DType.FLOAT16}
_DEVICES = {"none": OffloadDevice.NONE, "cpu": OffloadDevice.CPU, "nvme": OffloadDevice.NVME}
# FSDP's enumerations may be written as their numbers too; each is turned into a text before it is read.
_STATE_DICTS = {
    **{kind.value: kind for kind in StateDictType},
    "1": StateDictType.FULL,
    "2": StateDictType.LOCAL,
    "3": StateDictType.SHARDED,
}
_STRATEGIES = ("FULL_SHARD", "SHARD_GRAD_OP", "NO_SHARD", "HYBRID_SHARD", "HYBRID_SHARD_ZERO2")
_TRUE = frozenset("y yes t true on 1".split())
_FALSE = frozenset("n no f false off 0".split())


def _recognise(outline: Outline) -> Recognition | None:
    return _MARKERS.recognise("accelerate", outline)


def lower(keys: KeySet, versions: VersionView) -> PartialRun:
    """Say in `Run`'s words what one file, or a file under the flags of a command, says of how a script is launched.

    No run begins here: somebody launches a script with it.
    """
    read = KeyReader(keys, "accelerate")
    where = read.text("compute_environment", "LOCAL_MACHINE")
    if where.said and where.value != "LOCAL_MACHINE":
        return PartialRun(Run(parallel=ParallelFacts(kind=Fact(UNKNOWN, where.origins))))  # SageMaker launches it
    kind = _kind(read)
    num_nodes = read.integer("num_machines", 1)
    num_processes = _num_processes(read, kind, num_nodes)
    parallel = ParallelFacts(
        kind=kind,
        num_nodes=num_nodes,
        num_processes=num_processes,
        gpus_per_node=derive(_per_node, num_processes, num_nodes),
    )
    precision = PrecisionFacts(compute=_compute_dtype(read))
    if kind.value is ParallelKind.ZERO:
        return _zero(read, parallel, precision)
    if kind.value is ParallelKind.FSDP:
        return PartialRun(_fsdp(read, parallel, precision, versions))
    return PartialRun(Run(parallel=parallel, precision=precision))


def _kind(read: KeyReader) -> Fact[ParallelKind]:
    found = read.raw("distributed_type")
    if found.value is False:  # PyYAML's reading of a NO without quotes: no launcher takes it for its own
        return Fact(ParallelKind.SINGLE, found.origins)
    for name in ("tp_size", "cp_size", "sp_size"):
        key = f"parallelism_config.parallelism_config_{name}"
        ranks = read.raw(key)
        if ranks.said and ranks.value not in (0, 1):
            return Fact(UNKNOWN, ranks.origins)  # these share a layer's weights, or one sequence
    return read.choice("distributed_type", _KINDS)


def _num_processes(read: KeyReader, kind: Fact[ParallelKind], num_nodes: Fact[int]) -> Fact[int]:
    """Ranks over all machines; one where no launcher of several is chosen, whatever `num_processes` says."""
    if kind.value is ParallelKind.SINGLE:
        return Fact(1 if num_nodes.value == 1 else UNKNOWN, kind.origins)
    written = read.integer("num_processes")
    # -1 waits for `--num_processes`.
    return written if not isinstance(written.value, int) or written.value > 0 else Fact(UNKNOWN, written.origins)


def _per_node(num_processes: int, num_nodes: int) -> int | Unknown:
    is_even = num_nodes > 0 and num_processes % num_nodes == 0
    return num_processes // num_nodes if is_even else UNKNOWN


def _compute_dtype(read: KeyReader) -> Fact[DType]:
    """What autocast or the engine computes in; nothing where the file leaves it to the script."""
    precision = read.raw("mixed_precision")
    if precision.said:
        if precision.value in (None, False, "no"):
            return NOTHING
        word = precision.value.lower() if isinstance(precision.value, str) else ""
        return Fact(_DTYPES.get(word, UNKNOWN), precision.origins)
    legacy = read.flag("fp16")  # what `mixed_precision` was called before
    return Fact(DType.FLOAT16, legacy.origins) if legacy.value is True else NOTHING


# DeepSpeed ----------------------------------------------------------------------------------------------------------


def _zero(read: KeyReader, parallel: ParallelFacts, precision: PrecisionFacts) -> PartialRun:
    """DeepSpeed's settings, from the block itself or from the file it names, which then says them all."""
    parallel = replace(parallel, zero_init=_switch(read, "deepspeed_config.zero3_init_flag"))
    named = read.text("deepspeed_config.deepspeed_config_file")
    if named.said and named.value not in ("none", ""):
        return PartialRun(Run(parallel=parallel, precision=precision), (Reference("deepspeed", named),))
    facts = replace(
        parallel,
        zero_stage=_whole(read, "deepspeed_config.zero_stage", 2),
        offload_param=_device(read, "deepspeed_config.offload_param_device"),
        offload_optimizer=_device(read, "deepspeed_config.offload_optimizer_device"),
    )
    return PartialRun(Run(parallel=facts, precision=precision))


def _device(read: KeyReader, key: str) -> Fact[OffloadDevice]:
    found = read.raw(key)
    if found.said and found.value is None:
        return Fact(OffloadDevice.NONE, found.origins)
    return read.choice(key, _DEVICES, OffloadDevice.NONE)


# FSDP ---------------------------------------------------------------------------------------------------------------


def _fsdp(read: KeyReader, parallel: ParallelFacts, precision: PrecisionFacts, versions: VersionView) -> Run:
    version = _fsdp_version(read, versions)
    offloads = _switch(read, _fsdp_key(read, "fsdp_offload_params"), False)
    facts = replace(
        parallel,
        fsdp_version=version,
        fsdp_sharding_strategy=_strategy(read, version),
        fsdp_cpu_ram_efficient_loading=_switch(read, _fsdp_key(read, "fsdp_cpu_ram_efficient_loading")),
        offload_param=derive(lambda on: OffloadDevice.CPU if on else OffloadDevice.NONE, offloads),
    )
    return Run(parallel=facts, precision=precision, saving=SavingFacts(state_dict_type=_state_dict(read, version)))


def _fsdp_key(read: KeyReader, name: str) -> str:
    """Keys of the block may be written with or without `fsdp_` in front."""
    short = f"fsdp_config.{name.removeprefix('fsdp_')}"
    return short if read.written(short) else f"fsdp_config.{name}"


def _fsdp_version(read: KeyReader, versions: VersionView) -> Fact[int]:
    """1 unless 2 is written, and where the release knows of no other."""
    written = _whole(read, _fsdp_key(read, "fsdp_version"), 1)
    if written.value != 2:
        return written if written.value == 1 or not written.known else Fact(UNKNOWN, written.origins)
    is_read = versions.behaviour("accelerate_fsdp_version")
    if not is_read.known:
        return Fact(UNKNOWN, (*written.origins, *is_read.origins))
    return written if is_read.value == "read" else Fact(1, (*written.origins, *is_read.origins))


def _strategy(read: KeyReader, version: Fact[int]) -> Fact[str]:
    """FSDP2 has a switch where FSDP1 has a word; each ignores the other's key when accelerate launches it."""
    if version.value == 2:
        reshards = _switch(read, _fsdp_key(read, "fsdp_reshard_after_forward"), True)
        return derive(lambda on: "FULL_SHARD" if on else "SHARD_GRAD_OP", reshards)
    if version.value != 1:
        return Fact(UNKNOWN, version.origins) if version.said else NOTHING
    key = _fsdp_key(read, "fsdp_sharding_strategy")
    found = read.raw(key)
    if not found.said:
        return read.text(key, "FULL_SHARD")
    word = str(found.value).upper()
    number = int(word) - 1 if word.isdecimal() else -1
    named = _STRATEGIES[number] if 0 <= number < len(_STRATEGIES) else word
    return Fact(named if named in _STRATEGIES else UNKNOWN, found.origins)


def _state_dict(read: KeyReader, version: Fact[int]) -> Fact[StateDictType]:
    """As written; else full under FSDP1 and sharded under FSDP2."""
    found = read.raw(_fsdp_key(read, "fsdp_state_dict_type"))
    if found.said and found.value is not None:
        is_word = isinstance(found.value, str | int) and not isinstance(found.value, bool)
        return Fact(_STATE_DICTS.get(str(found.value).upper(), UNKNOWN) if is_word else UNKNOWN, found.origins)
    if not read.keys.complete:
        return NOTHING
    if version.value not in (1, 2):
        return Fact(UNKNOWN, version.origins)
    preset = StateDictType.FULL if version.value == 1 else StateDictType.SHARDED
    note = Origin(How.DEFAULT, None, f"accelerate's default for fsdp_state_dict_type under FSDP{version.value}")
    return Fact(preset, (note, *version.origins))


# Values that travel through the environment -------------------------------------------------------------------------


def _switch(read: KeyReader, key: str, preset: bool | None = None) -> Fact[bool]:
    """A boolean, or one of the words that accelerate takes for one; nothing for null where there is no preset."""
    found = read.raw(key)
    if preset is None and found.value is None:
        return NOTHING
    if not isinstance(found.value, str | int) or isinstance(found.value, bool):
        return read.flag(key, preset)
    word = str(found.value).lower()
    return Fact(True if word in _TRUE else False if word in _FALSE else UNKNOWN, found.origins)


def _whole(read: KeyReader, key: str, preset: int) -> Fact[int]:
    """A whole number, also one that is written as a text."""
    found = read.raw(key)
    if isinstance(found.value, str) and found.value.isdecimal():
        return Fact(int(found.value), found.origins)
    if found.said and found.value is None:  # what is null is not handed on
        return default(preset, f"accelerate's default for {key}")
    return read.integer(key, preset)


DIALECT = Dialect(
    name="accelerate",
    title="Accelerate config",
    formats=frozenset({Format.YAML, Format.JSON}),
    recognise=_recognise,
    lower=lower,
    is_referable=True,
    schemas=("accelerate",),
)
