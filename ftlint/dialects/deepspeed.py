"""DeepSpeed's JSON (`ds_config.json`): ZeRO stage, offload, precision of the engine.

Source: deepspeed 0.19.8 runtime/config.py, runtime/zero/config.py, runtime/zero/offload_config.py.
"""

from __future__ import annotations

from ftlint.dialects.dialect import Dialect, Markers, PartialRun, Recognition, as_json
from ftlint.dialects.lowering import KeyReader
from ftlint.dialects.outline import Outline
from ftlint.run.dtype import DType
from ftlint.run.fact import NOTHING, UNKNOWN, Fact
from ftlint.run.key import KeySet, Section
from ftlint.run.run import BatchFacts, OffloadDevice, ParallelFacts, ParallelKind, PrecisionFacts, Run, TrainingFacts
from ftlint.run.versions import VersionView
from ftlint.syntax.document import Format

_MARKERS = Markers(
    anchors=(
        frozenset({"zero_optimization"}),
        frozenset({"train_micro_batch_size_per_gpu"}),
        frozenset({"train_batch_size", "steps_per_print"}),
        frozenset({"train_batch_size", "optimizer.params"}),
        frozenset({"train_batch_size", "fp16.enabled"}),
        frozenset({"train_batch_size", "bf16.enabled"}),
        frozenset({"compression_training"}),
        frozenset({"autotuning", "fp16"}),
        frozenset({"fp16.loss_scale_window"}),
        frozenset({"fp16.initial_scale_power"}),
        frozenset({"optimizer.type", "optimizer.params"}),
    ),
    typical=frozenset(
        "train_batch_size train_micro_batch_size_per_gpu gradient_accumulation_steps gradient_clipping steps_per_print "
        "fp16 bf16 optimizer scheduler zero_optimization wall_clock_breakdown zero_allow_untested_optimizer "
        "activation_checkpointing prescale_gradients compression_training autotuning data_efficiency "
        "flops_profiler aio checkpoint comms_logger tensorboard wandb csv_monitor".split()
    ),
    # GPT-NeoX and Megatron mix DeepSpeed's words into files of their own.
    foreign=frozenset(
        "pipe-parallel-size pipe_parallel_size model-parallel-size model_parallel_size num-layers num_layers "
        "hidden_size train_iters lr_decay_iters model_type architectures base_model model_name_or_path "
        "compute_environment distributed_type defaults".split()
    ),
)

_DEVICES = {"none": OffloadDevice.NONE, "cpu": OffloadDevice.CPU, "nvme": OffloadDevice.NVME}
_OPTIMIZERS = {
    "adam": "adamw_torch",
    "adamw": "adamw_torch",
    "adagrad": "adagrad",
}  # what it takes from torch.optim instead keeps states of its own
_GRAD_DTYPES = {"fp32": DType.FLOAT32, "bf16": DType.BFLOAT16, "fp16": DType.FLOAT16}


def _recognise(outline: Outline) -> Recognition | None:
    return _MARKERS.recognise("deepspeed", outline)


def lower(keys: KeySet, versions: VersionView) -> PartialRun:
    """Say in `Run`'s words what one DeepSpeed config says. "auto" says nothing: the integration fills it."""
    read = KeyReader(keys, "DeepSpeed", unsaid=frozenset({"auto"}))
    stage = _stage(read)
    offload_param = _offload(read, "offload_param", "cpu_offload_params")
    offload_optimizer = _offload(read, "offload_optimizer", "cpu_offload")
    return PartialRun(
        facts=Run(
            parallel=ParallelFacts(
                kind=_kind(read, stage),
                zero_stage=stage,
                offload_param=offload_param,
                offload_optimizer=offload_optimizer,
                pin_param=_pinned(read, versions, "offload_param", offload_param),
                pin_optimizer=_pinned(read, versions, "offload_optimizer", offload_optimizer),
                offload_optimizer_ratio=read.number("zero_optimization.offload_optimizer.ratio"),
                offload_optimizer_buffer_count=read.integer("zero_optimization.offload_optimizer.buffer_count"),
                offload_param_buffer_count=read.integer("zero_optimization.offload_param.buffer_count"),
                offload_param_buffer_size=read.integer("zero_optimization.offload_param.buffer_size"),
                offload_param_max_in_cpu=read.integer("zero_optimization.offload_param.max_in_cpu"),
                sub_group_size=read.integer("zero_optimization.sub_group_size", 10**9),
                reduce_bucket_size=_bucket(read, "reduce_bucket_size", 5 * 10**8),
                prefetch_bucket_size=_bucket(read, "stage3_prefetch_bucket_size", 5 * 10**7),
                param_persistence_threshold=_bucket(read, "stage3_param_persistence_threshold", 10**5),
                max_live_parameters=_bucket(read, "stage3_max_live_parameters", 10**9),
                overlap_comm=read.flag("zero_optimization.overlap_comm"),
                gradient_accumulation_dtype=read.choice("data_types.grad_accum_dtype", _GRAD_DTYPES),
            ),
            precision=PrecisionFacts(
                compute=_engine_dtype(read), master=_master_dtype(read), optimizer_states=_states_dtype(read)
            ),
            training=TrainingFacts(optimizer=_optimizer(read)),
            batch=BatchFacts(
                micro_batch=read.integer("train_micro_batch_size_per_gpu"),
                gradient_accumulation=read.integer("gradient_accumulation_steps"),
            ),
        )
    )


def _stage(read: KeyReader) -> Fact[int]:
    """The ZeRO stage. Text such as "3" is unknown: DeepSpeed and transformers read it differently."""
    stage = read.integer("zero_optimization.stage", 0)
    if stage.value in (0, 1, 2, 3) or not stage.known:
        return stage
    return Fact(UNKNOWN, stage.origins)


def _kind(read: KeyReader, stage: Fact[int]) -> Fact[ParallelKind]:
    """Unknown where ranks share layers as well: DeepSpeed cuts their weights apart (0.16.4 on, `tensor_parallel`)."""
    shared = read.raw("tensor_parallel.autotp_size")
    if shared.said and shared.value not in (0, 1):
        return Fact(UNKNOWN, shared.origins)
    return Fact(ParallelKind.ZERO, stage.origins) if stage.known else NOTHING


def _bucket(read: KeyReader, name: str, preset: int) -> Fact[int]:
    """A number of elements, DeepSpeed's default where it is left out; nothing for "auto": the integration fills it."""
    path = f"zero_optimization.{name}"
    is_automatic = read.keys.fact(path).value == "auto"
    return NOTHING if is_automatic else read.integer(path, preset)


def _offload(read: KeyReader, section: str, legacy_flag: str) -> Fact[OffloadDevice]:
    """Where one kind of state is offloaded: its section's `device`, or the boolean of DeepSpeed before 0.4."""
    path = f"zero_optimization.{section}"
    inside = read.raw(path)
    special = read.flag(f"{path}.super_offload", False)
    if special.value is not False:
        return Fact(UNKNOWN, special.origins)  # SuperOffload lays out its buffers in a way of its own
    if inside.value is Section.MAPPING:
        return read.choice(f"{path}.device", _DEVICES, OffloadDevice.NONE)
    if inside.said and inside.value is not None:
        return Fact(UNKNOWN, inside.origins)
    legacy = read.flag(f"zero_optimization.{legacy_flag}", False)
    if legacy.value is True:
        return Fact(OffloadDevice.CPU, legacy.origins)
    return Fact(OffloadDevice.NONE if legacy.known else UNKNOWN, legacy.origins)


def _pinned(read: KeyReader, versions: VersionView, section: str, device: Fact[OffloadDevice]) -> Fact[bool]:
    """Whether the offload buffers are pinned; the default flipped between releases."""
    pinned = read.flag(f"zero_optimization.{section}.pin_memory")
    if pinned.said or device.value is not OffloadDevice.CPU:  # do not split the variants where nobody will ask
        return pinned
    behaviour = versions.behaviour(f"{section}_pin_memory_default")
    if not behaviour.known:
        return Fact(UNKNOWN, behaviour.origins)
    return Fact(behaviour.value == "true", behaviour.origins)


def _engine_dtype(read: KeyReader) -> Fact[DType]:
    """The dtype the engine casts the module to; nothing where the file leaves it to the integration."""
    bf16 = read.flag("bf16.enabled")
    fp16 = read.flag("fp16.enabled")
    if bf16.value is True and fp16.value is True:
        return Fact(UNKNOWN, (*bf16.origins, *fp16.origins))  # DeepSpeed refuses, and a rule says so
    if bf16.value is True:
        return Fact(DType.BFLOAT16, bf16.origins)
    if fp16.value is True:
        return Fact(DType.FLOAT16, fp16.origins)
    return NOTHING


def _optimizer(read: KeyReader) -> Fact[str]:
    """The optimizer in the Trainer's words; nothing where the file leaves it to the Trainer."""
    named = read.text("optimizer.type")
    if not named.said:
        return NOTHING
    word = named.value.lower() if isinstance(named.value, str) else ""
    return Fact(_OPTIMIZERS.get(word, UNKNOWN), named.origins)


def _master_dtype(read: KeyReader) -> Fact[DType | None]:
    """The dtype of the optimizer's own copy, float32 unless one of two switches keeps it in 16 bits."""
    for engine, dtype in (("bf16", DType.BFLOAT16), ("fp16", DType.FLOAT16)):
        switch = read.flag(f"{engine}.{engine}_master_weights_and_grads")
        if switch.said and switch.value is not False:
            return Fact(dtype if switch.value is True else UNKNOWN, switch.origins)
    return NOTHING


def _states_dtype(read: KeyReader) -> Fact[DType]:
    """The dtype of momentum and variance."""
    switch = read.flag("bf16.bf16_optimizer_states")
    if not switch.said or switch.value is False:
        return NOTHING
    return Fact(DType.BFLOAT16 if switch.value is True else UNKNOWN, switch.origins)


DIALECT = Dialect(
    name="deepspeed",
    title="DeepSpeed config",
    formats=frozenset({Format.JSON, Format.YAML}),
    recognise=_recognise,
    scalar=as_json,
    lower=lower,
    is_referable=True,
    schemas=("deepspeed",),
)
