"""LLaMA-Factory's training YAML (also JSON): `llamafactory-cli train FILE`.

Source: llamafactory 0.9.4 hparams/{model,data,finetuning,training}_args.py, hparams/parser.py, model/loader.py,
model/adapter.py; transformers TrainingArguments for the keys it inherits.
"""

from __future__ import annotations

from ftlint.dialects import deepspeed
from ftlint.dialects.dialect import Dialect, Markers, PartialRun, Recognition, Reference
from ftlint.dialects.lowering import KeyReader
from ftlint.dialects.outline import Outline
from ftlint.run.dtype import DType
from ftlint.run.fact import NOTHING, UNKNOWN, Fact, Unknown, default, derive
from ftlint.run.key import KeySet, Section
from ftlint.run.run import (
    AdapterFacts,
    BatchFacts,
    Method,
    ModelFacts,
    ParallelFacts,
    ParallelKind,
    PrecisionFacts,
    Run,
    TrainingFacts,
    merge,
)
from ftlint.run.versions import VersionView
from ftlint.syntax.document import Format, Scalar
from ftlint.syntax.scalars import Opaque, ScalarRules, ScalarValue, resolve

_MARKERS = Markers(
    anchors=(
        frozenset({"finetuning_type", "stage"}),
        frozenset({"finetuning_type", "model_name_or_path"}),
        frozenset({"template", "model_name_or_path"}),
        frozenset({"model", "model_class", "train_dataset"}),  # the v1 rewrite's files
        frozenset({"model", "model_class", "sample_backend"}),
        frozenset({"model", "model_class", "dist_config"}),
        frozenset({"model", "dist_config", "kernel_config"}),
    ),
    typical=frozenset(
        "stage do_train dataset dataset_dir template cutoff_len preprocessing_num_workers lora_target lora_rank "
        "deepspeed plot_loss max_samples overwrite_cache infer_backend export_dir adapter_name_or_path train_dataset "
        "dist_config ddp_timeout save_only_model trust_remote_code".split()
    ),
    foreign=frozenset({"base_model", "compute_environment", "_component_", "actor_rollout_ref"}),
)

# Files of the v1 rewrite; and those for Megatron, whose own arguments take the place of transformers' (`USE_MCA`).
# Source: llamafactory 0.9.5 v1/config/, hparams/training_args.py (`McaTrainingArguments`), and its examples.
_OF_OTHER_PROGRAMS = frozenset(
    "model_class sample_backend dist_config kernel_config quant_config tensor_model_parallel_size sequence_parallel "
    "pipeline_model_parallel_size expert_model_parallel_size use_distributed_optimizer export_hf_on_finish".split()
)

_METHODS = {"full": Method.FULL, "freeze": Method.FREEZE, "lora": Method.LORA}
_ATTENTION = {"sdpa": "sdpa", "fa2": "flash_attention_2", "disabled": "eager"}
# Optimizers that replace the one named by `optim`, and train parameters in ways of their own.
_SPECIAL_OPTIMIZERS = ("use_galore", "use_apollo", "use_badam", "use_adam_mini", "use_muon")


def _recognise(outline: Outline) -> Recognition | None:
    return _MARKERS.recognise("llamafactory", outline)


def _scalar(scalar: Scalar, versions: VersionView) -> ScalarValue:
    """PyYAML's reading up to 0.9.3, OmegaConf's since; the release is asked for only where they differ."""
    before, since = resolve(scalar, ScalarRules.PYYAML), resolve(scalar, ScalarRules.OMEGACONF)
    if type(before) is type(since) and before == since:
        return before
    loader = versions.behaviour("yaml_loader").value
    if isinstance(loader, str):
        return before if loader == "pyyaml" else since
    return Opaque("", scalar.text)


def lower(keys: KeySet, versions: VersionView) -> PartialRun:
    """Say in `Run`'s words what one LLaMA-Factory file says. Unknown keys are the schema's business."""
    read = KeyReader(keys, "LLaMA-Factory")
    method = _method(read)
    facts = Run(
        model=ModelFacts(id=read.text("model_name_or_path"), model_class=_model_class(read)),
        precision=PrecisionFacts(weights=_compute_dtype(read), compute=_compute_dtype(read)),
        batch=BatchFacts(
            micro_batch=read.integer("per_device_train_batch_size", 8),
            sequence_length_tokens=read.integer("cutoff_len", 2048),
            is_filled=read.flag("packing"),
            gradient_accumulation=read.integer("gradient_accumulation_steps", 1),
        ),
        parallel=ParallelFacts(kind=_parallel_kind(read)),
        adapter=_adapter(read, method),
        training=TrainingFacts(
            optimizer=_optimizer(read),
            gradient_checkpointing=derive(_negated, read.flag("disable_gradient_checkpointing", False)),
            attention=read.choice("flash_attn", _ATTENTION),
            loss=derive(_loss, read.flag("enable_liger_kernel", False)),
        ),
    )
    if read.raw("deepspeed").value is Section.MAPPING:  # DeepSpeed's own settings, written in place
        facts = merge(facts, deepspeed.lower(keys.below("deepspeed", "deepspeed"), versions).facts)
        return PartialRun(facts=facts, starts_run=_trains(read))
    return PartialRun(facts=facts, references=_references(read), starts_run=_trains(read))


def _trains(read: KeyReader) -> bool:
    """Whether `llamafactory-cli train` would start a training here: v1 files and exports are other commands."""
    return read.written("model_name_or_path") and read.flag("do_train").value is True


def _references(read: KeyReader) -> tuple[Reference, ...]:
    named = read.text("deepspeed")
    return (Reference("deepspeed", named),) if named.said else ()


def _method(read: KeyReader) -> Fact[Method]:
    by_blocks = read.flag("use_badam", False)
    if by_blocks.value is not False:
        return Fact(UNKNOWN, by_blocks.origins)  # BAdam trains one block of layers at a time
    by_experts = read.flag("use_kt", False)
    if by_experts.value is not False:
        return Fact(UNKNOWN, by_experts.origins)  # KTransformers keeps frozen experts in RAM, 0.9.4 on
    chosen = read.choice("finetuning_type", _METHODS, Method.LORA)
    bits = read.raw("quantization_bit")
    if chosen.value is Method.LORA and bits.said and bits.value is not None:
        return Fact(Method.QLORA, (*chosen.origins, *bits.origins))
    return chosen


def _model_class(read: KeyReader) -> Fact[str]:
    stage = read.text("stage", "sft")
    # Reward modelling and PPO put a value head beside the language model: known, but not by its parameters alone.
    if stage.value in ("sft", "pt", "dpo", "kto"):
        return Fact("AutoModelForCausalLM", stage.origins)
    return Fact(UNKNOWN, stage.origins)


def _compute_dtype(read: KeyReader) -> Fact[DType]:
    """The dtype the model is loaded in. With neither flag it follows the checkpoint and the GPU."""
    bf16 = read.flag("bf16", False)
    fp16 = read.flag("fp16", False)
    pure = read.flag("pure_bf16", False)

    def choose(bf16: bool, fp16: bool, pure: bool) -> DType | Unknown:
        if (bf16 or pure) and not fp16:
            return DType.BFLOAT16
        return DType.FLOAT16 if fp16 and not bf16 and not pure else UNKNOWN

    return derive(choose, bf16, fp16, pure)


def _parallel_kind(read: KeyReader) -> Fact[ParallelKind]:
    """FSDP where asked for; a DeepSpeed file says its own; the launcher decides between one GPU and DDP."""
    fsdp = read.raw("fsdp")
    if fsdp.said and fsdp.value not in (None, "", False):
        return Fact(ParallelKind.FSDP if isinstance(fsdp.value, str | Section) else UNKNOWN, fsdp.origins)
    return NOTHING


def _adapter(read: KeyReader, method: Fact[Method]) -> AdapterFacts:
    if method.value in (Method.LORA, Method.QLORA):
        return AdapterFacts(
            method=method,
            lora_rank=read.integer("lora_rank", 8),
            lora_targets=_lora_targets(read),
            modules_to_save=_none_if_unsaid(read.words("additional_target")),
            quantization_bits=read.integer("quantization_bit"),
            quantization_type=_quantization_type(read),
            double_quantization=read.flag("double_quantization", True),
            frozen_parts=_frozen_parts(read, has_adapters=True),
        )
    frozen = _frozen_parts(read, has_adapters=False)
    if method.value is Method.FREEZE:
        layers = read.integer("freeze_trainable_layers", 2)
        return AdapterFacts(method=method, trainable_layers=layers, frozen_parts=frozen)
    return AdapterFacts(method=method, frozen_parts=frozen)


def _frozen_parts(read: KeyReader, *, has_adapters: bool) -> Fact[tuple[str, ...]]:
    """Which parts of a multimodal model stay as they are; what joins them is never adapted.

    Source: LLaMA-Factory model/model_utils/visual.py, `get_forbidden_modules`; misc.py, `find_all_linear_modules`.
    """

    def named(tower: bool, projection: bool, language: bool) -> tuple[str, ...]:
        flags = {"vision tower": tower, "projection": projection or has_adapters, "language model": language}
        return tuple(name for name, is_frozen in flags.items() if is_frozen)

    return derive(
        named,
        read.flag("freeze_vision_tower", True),
        read.flag("freeze_multi_modal_projector", True),
        read.flag("freeze_language_model", False),
    )


def _lora_targets(read: KeyReader) -> Fact[tuple[str, ...]]:
    """`all` is every linear layer but the head, which peft calls "all-linear"."""
    targets = read.words("lora_target")
    if not targets.said:
        return default(("all-linear",), "LLaMA-Factory's default for lora_target")
    return derive(lambda words: ("all-linear",) if words == ("all",) else words, targets)


def _none_if_unsaid(words: Fact[tuple[str, ...]]) -> Fact[tuple[str, ...]]:
    return words if words.said else default((), "LLaMA-Factory's default for additional_target")


def _quantization_type(read: KeyReader) -> Fact[str]:
    method = read.text("quantization_method", "bnb")
    if method.value not in ("bnb", "bitsandbytes"):
        return Fact(UNKNOWN, method.origins)
    bits = read.integer("quantization_bit")
    kind = read.text("quantization_type", "nf4")
    return derive(lambda number, kind: kind if number == 4 else "int8" if number == 8 else UNKNOWN, bits, kind)


def _optimizer(read: KeyReader) -> Fact[str]:
    for switch in _SPECIAL_OPTIMIZERS:
        flag = read.flag(switch, False)
        if flag.value is not False:
            return Fact(UNKNOWN, flag.origins)
    return read.text("optim")


def _negated(answer: bool) -> bool:
    return not answer


def _loss(liger: bool) -> str:
    return "liger" if liger else "full"


DIALECT = Dialect(
    name="llamafactory",
    title="LLaMA-Factory config",
    formats=frozenset({Format.YAML, Format.JSON}),
    recognise=_recognise,
    scalar=_scalar,
    lower=lower,
    schemas=("llamafactory",),
    beyond_schemas=_OF_OTHER_PROGRAMS,
)
