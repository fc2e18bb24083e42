"""From a run's facts to a workload: which model, which method, which ranks, which offload."""

from __future__ import annotations

from dataclasses import replace

from ftlint.knowledge.architectures import (
    Architecture,
    Layout,
    ModelClass,
    ParameterTable,
    parameter_table,
    usual_class,
)
from ftlint.knowledge.gpus import Gpu
from ftlint.knowledge.models import find_model
from ftlint.memory.adapting import Generation, possible_generations
from ftlint.memory.buckets import read_buckets
from ftlint.memory.constants import Constants, bundled_constants
from ftlint.memory.estimate import Interval
from ftlint.memory.facts import FactReader, is_assumed
from ftlint.memory.parameters import Parameters, Training, choose_parameters, numbers_only
from ftlint.memory.releases import since
from ftlint.memory.steps import is_filled, read_steps
from ftlint.memory.widths import read_widths
from ftlint.memory.workload import Offload, Ranks, Widths, Workload
from ftlint.run.fact import Fact, Truth
from ftlint.run.run import Method, OffloadDevice, ParallelKind, ReferenceModel, StateDictType
from ftlint.run.versions import VersionView

DEFAULT_SUB_GROUP_SIZE = 10**9
"""Source: deepspeed 0.19.8 runtime/zero/config.py, `sub_group_size`; the same in 0.12.6 to 0.18.0."""

PIN_MEMORY_DEFAULT = {
    "optimizer": "offload_optimizer_pin_memory_default",
    "param": "offload_param_pin_memory_default",
}
"""Names of the behaviours that say what `pin_memory` is where a DeepSpeed file leaves it out."""


def read_generations(reader: FactReader, versions: VersionView | None) -> tuple[Generation, ...]:
    """How the releases in use lay experts out and adapt them, the believed one first; one where it is all the same."""
    architecture: Architecture | None = reader.known("model.architecture")
    method = reader.look("adapter.method").value
    is_older = since(versions, "transformers", (5, 0)) is Truth.NO
    usual = Generation(Layout.TRANSFORMERS_4 if is_older else Layout.TRANSFORMERS_5)
    if architecture is None or not architecture.num_experts or method not in (Method.LORA, Method.QLORA):
        return (usual,)
    model_class = _model_class(reader)
    tables = {layout: _table(reader, model_class, layout) for layout in Layout}
    frozen = _frozen_parts(reader, tables[usual.layout])
    training = _training(reader, method, frozen, usual, architecture)
    return possible_generations(
        versions,
        tables,
        architecture.language_model_type,
        training.lora_targets,
        is_plain=not training.lora_dropout and not training.use_dora,
    )


def read_workload(
    reader: FactReader,
    versions: VersionView | None,
    constants: Constants | None = None,
    generation: Generation | None = None,
) -> Workload | None:
    """The run as numbers; None where its model, its method or its kind of parallelism cannot be seen.

    `constants`: the bundled ones unless others are given. `generation`: of the releases, the believed one if not said.
    """
    if generation is None:
        generation = read_generations(FactReader(reader.run), versions)[0]
    kind = _kind(reader)
    if kind is None:
        reader.refuse("how it is spread over GPUs (parallel.kind) cannot be seen")
        return None
    method = _method(reader)
    if method is None:
        reader.refuse("which parameters it trains (adapter.method) cannot be seen")
        return None
    architecture: Architecture | None = reader.known("model.architecture")
    model_class = _model_class(reader)
    table = _table(reader, model_class, generation.layout)
    frozen = _frozen_parts(reader, table)
    if "language model" in frozen:
        return None  # what is trained then is a part whose pass nobody can reckon
    training = _training(reader, method, frozen, generation, architecture)
    parameters = _numbers(reader, training) if table is None else choose_parameters(table, training)
    if parameters is None:
        reader.refuse(_why_no_model(reader))
        return None
    if method in (Method.LORA, Method.QLORA) and not parameters.num_trained:
        targets = ", ".join(training.lora_targets) or "none"
        reader.refuse(f"no linear layer of this model has the name of a target (adapter.lora_targets: {targets})")
        return None
    zero_stage = reader.known("parallel.zero_stage") if kind is ParallelKind.ZERO else 0
    if zero_stage is None:
        reader.refuse("the stage of ZeRO (parallel.zero_stage) cannot be seen")
        return None
    offload = _offload(reader, versions, can_offload=kind in (ParallelKind.ZERO, ParallelKind.FSDP))
    if offload is None:
        reader.refuse("where it offloads to (parallel.offload_param, offload_optimizer) cannot be seen")
        return None
    ranks = _ranks(reader, kind)
    is_engine = kind is ParallelKind.ZERO
    widths = _as_stored(
        reader,
        read_widths(
            reader,
            is_quantized=training.is_quantized,
            has_engine=is_engine,
            is_sharded=kind is ParallelKind.FSDP,
            has_adapters=method in (Method.LORA, Method.QLORA),
        ),
    )
    reference: Fact[ReferenceModel] = reader.look("training.reference")
    is_prepared = _is_prepared(reader) if training.is_quantized else Truth.NO
    return Workload(
        parameters=parameters,
        training=training,
        architecture=architecture,
        table=table,
        steps=read_steps(
            reader,
            None if table is None else architecture,
            model_class,
            training,
            widths,
            versions,
            is_engine=is_engine,
            is_sharded=kind is ParallelKind.FSDP,
            is_prepared=is_prepared,
            generation=generation,
        ),
        versions=versions,
        ranks=ranks,
        kind=kind,
        zero_stage=zero_stage,
        fsdp_version=reader.take("parallel.fsdp_version", 1, "not said") if kind is ParallelKind.FSDP else 0,
        zero_init=zero_stage == 3 and reader.take("parallel.zero_init", True, "transformers loads under zero.Init"),
        sub_group_size=_sub_group_size(reader) if zero_stage == 3 else DEFAULT_SUB_GROUP_SIZE,
        offload=offload,
        buckets=read_buckets(reader, None if architecture is None else architecture.hidden_size, zero_stage),
        widths=widths,
        constants=bundled_constants() if constants is None else constants,
        optimizer=_optimizer(reader),
        is_optimizer_said=not is_assumed(reader.look("training.optimizer")),
        is_filled=reader.take_word("batch.is_filled", False, "not said; sequences may be shorter")
        and is_filled(reader),
        saves_whole=_saves_whole(reader),
        loads_on_first_rank=Truth.of(reader.look("parallel.fsdp_cpu_ram_efficient_loading").value),
        shard_ranks=_shard_ranks(reader, kind, ranks),
        keeps_units=_keeps_units(reader, kind),
        num_accumulation_steps=reader.known("batch.gradient_accumulation"),
        compute_capability=_compute_capability(reader),
        has_bf16_offload_buffer=since(versions, "deepspeed", (0, 17)),
        is_prepared=is_prepared,
        is_full_training=method is Method.FULL,
        has_reference_pass=reference.said and reference.value is not ReferenceModel.NONE,
        has_reference_copy=_is_copy(reference),
    )


def _why_no_model(reader: FactReader) -> str:
    identity, model_class = reader.look("model.id"), reader.look("model.model_class")
    if reader.known("model.architecture") is None:
        if not identity.said:
            return "no model is named (model.id)"
        if not identity.known:
            return "which model it is (model.id) cannot be seen"
        return f"the model {identity.or_default('')!r} is not in ftlint's catalogue, and no config.json of it is here"
    if model_class.said and not model_class.known:
        return "as what the model is built (model.model_class) cannot be seen, or is not reckoned: a value head"
    return f"its model has no class {model_class.or_default('AutoModelForCausalLM')} (model.model_class)"


def _sub_group_size(reader: FactReader) -> int:
    """Any size is right for the low end, which does not round; the usual one for what is expected."""
    return reader.take("parallel.sub_group_size", DEFAULT_SUB_GROUP_SIZE, "DeepSpeed's default")


def _kind(reader: FactReader) -> ParallelKind | None:
    fact: Fact[ParallelKind] = reader.look("parallel.kind")
    if fact.known:
        return fact.or_default(ParallelKind.SINGLE)
    if fact.said:
        return None
    if reader.look("parallel.zero_stage").known and reader.known("parallel.zero_stage"):
        return ParallelKind.ZERO
    reader.assume("parallel.kind", ParallelKind.SINGLE, "no DeepSpeed, FSDP or launcher setting was found")
    return ParallelKind.SINGLE


def _method(reader: FactReader) -> Method | None:
    fact: Fact[Method] = reader.look("adapter.method")
    if fact.said and not fact.known:
        return None
    return reader.take("adapter.method", Method.FULL, "no adapter was found")


def _training(
    reader: FactReader,
    method: Method,
    frozen_parts: tuple[str, ...],
    generation: Generation,
    architecture: Architecture | None,
) -> Training:
    has_adapters = method in (Method.LORA, Method.QLORA)
    said_before = len(reader.assumptions)
    lora_rank = reader.take("adapter.lora_rank", 8, "default of PEFT and of LLaMA-Factory") if has_adapters else 0
    targets: tuple[str, ...] = ()
    if has_adapters:
        targets = reader.take("adapter.lora_targets", ("all-linear",), "not said; the most that is usual")
    num_layers = 0
    if method is Method.FREEZE:
        num_layers = reader.take("adapter.trainable_layers", 2, "LLaMA-Factory's default")
    is_said = len(reader.assumptions) == said_before
    return Training(
        method=method,
        lora_rank=lora_rank,
        lora_targets=targets,
        modules_to_save=reader.look("adapter.modules_to_save").or_default(()) if has_adapters else (),
        num_trainable_layers=num_layers,
        is_quantized=method is Method.QLORA
        or reader.known("adapter.quantization_bits") is not None
        or (has_adapters and _stored_quantization(reader) == "bnb-4bit"),
        is_said=is_said,
        lora_dropout=reader.take_word("adapter.lora_dropout", 0.0, "PEFT's default") if has_adapters else 0.0,
        use_dora=has_adapters and reader.take_word("adapter.use_dora", False, "PEFT's default"),
        freezes_vision={"vision tower", "projection"} <= set(frozen_parts),
        model_type="" if architecture is None else architecture.language_model_type,
        expert_adapters=generation.experts,
    )


def _is_copy(reference: Fact[ReferenceModel]) -> Truth:
    if not reference.said:
        return Truth.NO
    return Truth.of(reference.value is ReferenceModel.COPY) if reference.known else Truth.UNKNOWN


def _stored_quantization(reader: FactReader) -> str | None:
    """How the checkpoint of that name is quantized itself, as `…-bnb-4bit` copies are."""
    model_id = reader.known("model.id")
    found = find_model(model_id) if isinstance(model_id, str) else None
    return None if found is None else found.quantization


def _as_stored(reader: FactReader, widths: Widths) -> Widths:
    """Weights that are stored in 8-bit floats may stay so where they are frozen.

    Those in MXFP4 may not: transformers trains them as 16-bit weights only, which it makes of them.
    Source: transformers 5.23 quantizers/quantizer_finegrained_fp8.py, quantizer_mxfp4.py, `is_trainable`.
    """
    if _stored_quantization(reader) != "fp8":
        return widths
    return replace(widths, frozen=Interval(1, widths.frozen.expected_bytes, widths.frozen.high_bytes))


def _numbers(reader: FactReader, training: Training) -> Parameters | None:
    """A model of which only totals are said."""
    num_params = reader.known("model.num_parameters")
    if reader.known("model.architecture") is not None or num_params is None or training.method is not Method.FULL:
        return None
    return numbers_only(num_params, reader.known("model.largest_layer_num_parameters") or num_params)


def _model_class(reader: FactReader) -> str | None:
    """The auto class, or what takes its place where a type has none of that name; None where it cannot be seen.

    Whoever says `AutoModelForCausalLM` of every model, as trainers do, loads a multimodal one by the class it has.
    """
    architecture: Architecture | None = reader.known("model.architecture")
    fact: Fact[str] = reader.look("model.model_class")
    if architecture is None or (fact.said and not fact.known):
        return None
    usual = usual_class(architecture).value
    name = fact.or_default(usual)
    is_there = name != ModelClass.CAUSAL_LM.value or parameter_table(architecture, name) is not None
    return name if is_there else usual


def _frozen_parts(reader: FactReader, table: ParameterTable | None) -> tuple[str, ...]:
    """Which parts of a multimodal model are not trained; of another such a setting says nothing."""
    if table is None or not table.reads_images:
        return ()
    parts: tuple[str, ...] = reader.look("adapter.frozen_parts").or_default(())
    return parts


def _table(reader: FactReader, model_class: str | None, layout: Layout) -> ParameterTable | None:
    architecture = reader.known("model.architecture")
    if architecture is None or model_class is None:
        return None
    reader.look("model.id")
    num_labels = reader.look("model.num_labels").or_default(2)
    return parameter_table(architecture, model_class, num_labels, layout)


def _compute_capability(reader: FactReader) -> str | None:
    gpu: Gpu | None = reader.known("hardware.gpu")
    return None if gpu is None else gpu.compute_capability


def _ranks(reader: FactReader, kind: ParallelKind) -> Ranks:
    if kind is ParallelKind.SINGLE:
        return Ranks(1, 1)
    why = "no launcher and no setting says it"
    return Ranks(
        per_node=reader.take("parallel.gpus_per_node", 1, why), num_nodes=reader.take("parallel.num_nodes", 1, why)
    )


def _saves_whole(reader: FactReader) -> Truth:
    kind: Fact[StateDictType] = reader.look("saving.state_dict_type")
    return Truth.of(kind.value is StateDictType.FULL) if kind.known else Truth.UNKNOWN


def _is_prepared(reader: FactReader) -> Truth:
    fact: Fact[bool] = reader.look("adapter.is_prepared")
    if not fact.known:
        reader.assume("adapter.is_prepared", "unknown", "the interval covers prepare_model_for_kbit_training")
    return Truth.of(fact.value)


def _shard_ranks(reader: FactReader, kind: ParallelKind, ranks: Ranks) -> int:
    """Source: torch 2.13 distributed/fsdp/api.py, ShardingStrategy."""
    if kind is not ParallelKind.FSDP:
        return ranks.world_size
    strategy = reader.take_word("parallel.fsdp_sharding_strategy", "FULL_SHARD", "accelerate's default")
    if strategy == "NO_SHARD":
        return 1
    return ranks.per_node if strategy.startswith(("HYBRID_SHARD", "_HYBRID_SHARD")) else ranks.world_size


def _keeps_units(reader: FactReader, kind: ParallelKind) -> Truth:
    """Source: torch 2.13 distributed/fsdp/_runtime_utils.py, RESHARD_AFTER_FORWARD_HANDLE_STRATEGIES."""
    strategy: Fact[str] = reader.look("parallel.fsdp_sharding_strategy")
    if kind is not ParallelKind.FSDP or not strategy.said:
        return Truth.NO
    names = ("SHARD_GRAD_OP", "HYBRID_SHARD_ZERO2", "_HYBRID_SHARD_ZERO2")
    return Truth.of(strategy.value in names) if strategy.known else Truth.UNKNOWN


def _offload(reader: FactReader, versions: VersionView | None, *, can_offload: bool) -> Offload | None:
    """The offload settings; None where a device is set that we cannot see."""
    devices = {}
    for what in ("param", "optimizer"):
        fact: Fact[OffloadDevice] = reader.look(f"parallel.offload_{what}")
        if fact.said and not fact.known:
            return None
        devices[what] = fact.or_default(OffloadDevice.NONE) if can_offload else OffloadDevice.NONE
    ratio: Fact[float] = reader.look("parallel.offload_optimizer_ratio")
    return Offload(
        param=devices["param"],
        optimizer=devices["optimizer"],
        pin_param=_pinned(reader, "param", versions, is_used=devices["param"] is not OffloadDevice.NONE),
        pin_optimizer=_pinned(reader, "optimizer", versions, is_used=devices["optimizer"] is not OffloadDevice.NONE),
        optimizer_ratio=ratio.or_default(1.0),
        optimizer_ratio_low=0.0 if ratio.said and not ratio.known else ratio.or_default(1.0),
        # DeepSpeed's defaults. Source: deepspeed 0.19.8 runtime/zero/offload_config.py; the same in 0.12.6 to 0.18.0.
        optimizer_buffer_count=reader.known("parallel.offload_optimizer_buffer_count") or 4,
        param_buffer_count=reader.known("parallel.offload_param_buffer_count") or 5,
        param_buffer_size=reader.known("parallel.offload_param_buffer_size") or 10**8,
        param_max_in_cpu=reader.known("parallel.offload_param_max_in_cpu") or 10**9,
    )


def _pinned(reader: FactReader, what: str, versions: VersionView | None, *, is_used: bool) -> Truth:
    if not is_used:
        return Truth.NO
    fact: Fact[bool] = reader.look(f"parallel.pin_{what}")
    if fact.said or versions is None:
        return Truth.of(fact.value)
    default = versions.behaviour(PIN_MEMORY_DEFAULT[what])
    if default.known:
        reader.assume(f"parallel.pin_{what}", default.value, "DeepSpeed's default in the releases in use")
    return Truth.UNKNOWN if not default.known else Truth.of(default.value == "true")


def _optimizer(reader: FactReader) -> str | None:
    """The optimizer's name; None where nothing was said, an empty name where it was and we cannot see it."""
    fact: Fact[str] = reader.look("training.optimizer")
    if not fact.said:
        reader.assume("training.optimizer", "AdamW", "the Trainer's default, fused or not as the releases have it")
        return None
    name = fact.or_default("")
    # A default is one of the Trainer's two; which one, the releases say better than whoever filled it in.
    return None if is_assumed(fact) and name in ("adamw_torch", "adamw_torch_fused") else name
