"""What a TRL recipe says of a run, once it is known which trainer reads it.

Source: trl 0.12 to 1.16 trainer/model_config.py, trainer/*_config.py, scripts/{sft,dpo,kto,reward,grpo}.py;
transformers TrainingArguments for the keys they inherit.
"""

from __future__ import annotations

from ftlint.dialects import deepspeed
from ftlint.dialects.dialect import PartialRun, Reference
from ftlint.dialects.lowering import KeyReader
from ftlint.dialects.trainer_fsdp import NEUTRAL, lower_words
from ftlint.run.dtype import DType
from ftlint.run.fact import NOTHING, UNKNOWN, Fact, default, derive
from ftlint.run.key import KeySet, Section
from ftlint.run.run import (
    AdapterFacts,
    BatchFacts,
    Method,
    ModelFacts,
    ParallelFacts,
    PrecisionFacts,
    ReferenceModel,
    Run,
    TrainingFacts,
    merge,
)
from ftlint.run.versions import VersionView
from ftlint.spans import How, Origin

TRAINERS = ("sft", "dpo", "kto", "reward", "grpo")
"""The trainers whose recipes are read, by the names of TRL's commands."""

_CUTTING = ("sft", "dpo", "kto")
_PAIRED = ("dpo", "reward")
# Those whose scripts hand the settings of the model to `from_pretrained` in every release.
# Source: scripts/kto.py and reward.py took no dtype, no kernel and no quantization from their settings before 1.x.
_LOADING_AS_SAID = ("sft", "dpo")
_DTYPES = {dtype.value: dtype for dtype in (DType.FLOAT32, DType.BFLOAT16, DType.FLOAT16)}
_ATTENTION = {name: name for name in ("eager", "sdpa", "flash_attention_2")}
# Where any of these is written the reference model may be another one, or none.
_ABOUT_REFERENCES = (
    "precompute_ref_log_probs", "reference_free", "sync_ref_model", "force_use_ref_model", "ref_model_init_kwargs",
    "ref_adapter_name", "model_adapter_name",
)  # fmt: skip
# What `accelerate launch` is told through the recipe; any of it may choose how the model is sharded.
_ABOUT_LAUNCHING = (
    "accelerate_config", "config_file", "use_fsdp", "use_deepspeed", "multi_gpu", "use_megatron_lm", "fsdp_version",
    "zero_stage", "deepspeed_config_file", "use_parallelism_config",
)  # fmt: skip


def lower_recipe(keys: KeySet, versions: VersionView, trainer: str) -> PartialRun:
    """Say in `Run`'s words what a recipe for that trainer says. Unknown keys are the schema's business."""
    read = KeyReader(keys, "TRL")
    adapter = _adapter(read, trainer)
    facts = Run(
        root=read.raw("model_name_or_path").location,
        model=ModelFacts(id=read.text("model_name_or_path"), model_class=_model_class(read, trainer)),
        precision=PrecisionFacts(
            weights=_weights_dtype(read, trainer, versions),
            compute=_compute_dtype(read, versions),
            # The adapters of a quantized model become bfloat16, in ways that differ between releases.
            master=Fact(UNKNOWN, adapter.method.origins) if adapter.method.value is Method.QLORA else NOTHING,
        ),
        batch=BatchFacts(
            micro_batch=read.integer("per_device_train_batch_size", 8),
            gradient_accumulation=read.integer("gradient_accumulation_steps", 1),
            sequence_length_tokens=_sequence_length(read, trainer),
            sequences_per_example=Fact(2, (_by_trainer(trainer),)) if trainer in _PAIRED else NOTHING,
            is_filled=read.flag("packing", False) if trainer == "sft" else NOTHING,
        ),
        parallel=_parallel(read),
        adapter=adapter,
        training=TrainingFacts(
            optimizer=read.text("optim"),
            gradient_checkpointing=_gradient_checkpointing(read, versions),
            attention=_attention(read, trainer),
            loss=_loss(read, trainer, versions),
            reference=_reference(read, trainer, adapter.method),
        ),
    )
    starts_run = read.written("model_name_or_path")
    if read.raw("deepspeed").value is Section.MAPPING:  # DeepSpeed's own settings, written in place
        inline = deepspeed.lower(keys.below("deepspeed", "deepspeed"), versions).facts
        return PartialRun(merge(facts, inline), starts_run=starts_run)
    named = read.text("deepspeed")
    references = (Reference("deepspeed", named),) if named.said and read.raw("deepspeed").value is not None else ()
    return PartialRun(facts, references, starts_run=starts_run)


def sft_loss(written: Fact[str], versions: VersionView) -> Fact[str]:
    """Which kernel makes SFTTrainer's loss, Liger apart; unsaid where releases that differ decide."""
    if written.value == "chunked_nll":
        return Fact("chunked", written.origins)
    usual = versions.possible("trl_sft_loss")
    if usual == ("full",) or (len(usual) == 1 and not written.said):
        return default(usual[0], "TRL's default in those releases")
    return NOTHING


def _by_trainer(trainer: str) -> Origin:
    return Origin(How.DEFAULT, None, f"as TRL's {trainer} trains")


def _model_class(read: KeyReader, trainer: str) -> Fact[str]:
    model = read.raw("model_name_or_path")
    return Fact("AutoModelForSequenceClassification" if trainer == "reward" else "AutoModelForCausalLM", model.origins)


def _adapter(read: KeyReader, trainer: str) -> AdapterFacts:
    peft = read.flag("use_peft", False)
    quantized = [
        flag for name in ("load_in_4bit", "load_in_8bit") if (flag := read.flag(name, False)).value is not False
    ]
    origins = tuple(dict.fromkeys(origin for fact in (peft, *quantized) for origin in fact.origins))
    if peft.value is False and not quantized and peft.said:
        return AdapterFacts(method=Fact(Method.FULL, origins))
    is_read = peft.value is True and all(flag.value is True for flag in quantized) and len(quantized) < 2
    if not is_read or (quantized and trainer not in _LOADING_AS_SAID):
        unseen = origins or read.raw("model_name_or_path").origins
        return AdapterFacts(method=Fact(UNKNOWN, unseen))
    bits = _bits(read) if quantized else NOTHING
    return AdapterFacts(
        method=Fact(Method.QLORA if quantized else Method.LORA, origins),
        lora_rank=read.integer("lora_r", 16),
        lora_dropout=read.number("lora_dropout", 0.05),
        use_dora=read.flag("use_dora", False),
        lora_targets=_lora_targets(read),
        modules_to_save=_words(read, "lora_modules_to_save", default((), "TRL's default for lora_modules_to_save")),
        quantization_bits=bits,
        quantization_type=_quantization_type(read, bits) if quantized else NOTHING,
        double_quantization=read.flag("use_bnb_nested_quant", False) if quantized else NOTHING,
    )


def _bits(read: KeyReader) -> Fact[int]:
    four = read.flag("load_in_4bit", False)
    return Fact(4, four.origins) if four.value is True else Fact(8, read.raw("load_in_8bit").origins)


def _quantization_type(read: KeyReader, bits: Fact[int]) -> Fact[str]:
    return derive(lambda number, kind: kind if number == 4 else "int8", bits, read.text("bnb_4bit_quant_type", "nf4"))


def _lora_targets(read: KeyReader) -> Fact[tuple[str, ...]]:
    """The modules; where none is named PEFT chooses by the model's type."""
    beside = read.raw("lora_target_parameters")
    if beside.said and beside.value is not None:
        return Fact(UNKNOWN, beside.origins)
    return _words(read, "lora_target_modules", NOTHING)


def _words(read: KeyReader, key: str, absent: Fact[tuple[str, ...]]) -> Fact[tuple[str, ...]]:
    found = read.raw(key)
    if not found.said:
        return absent if read.keys.complete else Fact(UNKNOWN, read.raw("model_name_or_path").origins)
    return absent if found.value is None else read.words(key)


def _loading(read: KeyReader, trainer: str, name: str) -> Fact[str]:
    """What `from_pretrained` is told by that key; unknown where something else may tell it otherwise."""
    found = read.raw(name)
    beside = read.raw("model_init_kwargs")
    if (beside.said and beside.value is not None) or (found.said and trainer not in _LOADING_AS_SAID):
        return Fact(UNKNOWN, (*found.origins, *beside.origins))
    return read.text(name) if found.value is not None else NOTHING


def _weights_dtype(read: KeyReader, trainer: str, versions: VersionView) -> Fact[DType]:
    """As asked for; "auto" is the checkpoint's own, which nothing here says."""
    names = [name for name in ("dtype", "torch_dtype") if read.raw(name).said]
    for name in names:
        asked = _loading(read, trainer, name)
        if not asked.said or asked.value == "auto":
            return NOTHING
        return (
            derive(lambda word: _DTYPES.get(word, UNKNOWN), asked) if len(names) == 1 else Fact(UNKNOWN, asked.origins)
        )
    unseen = _loading(read, trainer, "dtype")
    if unseen.said or not read.keys.complete or trainer not in _LOADING_AS_SAID:
        return Fact(UNKNOWN, unseen.origins)
    usual = versions.possible("trl_model_dtype")
    if usual == ("float32",):
        return default(DType.FLOAT32, "TRL's default in those releases")
    if versions.possible("from_pretrained_default_dtype") == ("float32",):
        return default(DType.FLOAT32, "transformers' default in those releases")
    return NOTHING


def _compute_dtype(read: KeyReader, versions: VersionView) -> Fact[DType]:
    half, full = read.flag("bf16"), read.flag("fp16", False)
    if full.value is not False:
        is_alone = not half.said or half.value is False
        return Fact(DType.FLOAT16 if full.value is True and is_alone else UNKNOWN, full.origins)
    if half.said:
        return NOTHING if half.value is False else Fact(DType.BFLOAT16 if half.value is True else UNKNOWN, half.origins)
    if not read.keys.complete:
        return NOTHING
    usual = versions.behaviour("trl_autocast")
    return Fact(DType.BFLOAT16, usual.origins) if usual.value == "bf16 unless fp16" else NOTHING


def _gradient_checkpointing(read: KeyReader, versions: VersionView) -> Fact[bool]:
    renamed = read.raw("activation_checkpointing")  # transformers 5.23 on; TRL's own default is of the older name
    if renamed.said and renamed.value is not None:
        return Fact(UNKNOWN, renamed.origins)
    written = read.flag("gradient_checkpointing")
    if written.said or not read.keys.complete:
        return written
    return derive(lambda usual: usual == "on", versions.behaviour("trl_gradient_checkpointing"))


def _attention(read: KeyReader, trainer: str) -> Fact[str]:
    return derive(lambda name: _ATTENTION.get(name, UNKNOWN), _loading(read, trainer, "attn_implementation"))


def _sequence_length(read: KeyReader, trainer: str) -> Fact[int]:
    """The longest sequence, for trainers whose pass is reckoned. Activations that move to host RAM are not."""
    moved = read.flag("activation_offloading", False)
    if moved.value is not False:
        return Fact(UNKNOWN, moved.origins or read.raw("model_name_or_path").origins)
    if trainer not in _CUTTING:
        return NOTHING
    older = read.raw("max_seq_length")
    if trainer != "sft" or not older.said or older.value is None:
        return read.integer("max_length", 1024)
    if read.raw("max_length").said:
        return Fact(UNKNOWN, (*older.origins, *read.raw("max_length").origins))
    return read.integer("max_seq_length")


def _loss(read: KeyReader, trainer: str, versions: VersionView) -> Fact[str]:
    """SFT's kernel; of preferences nothing is said, and Liger's kernels do there what releases differ in."""
    for name in ("use_liger_kernel", "use_liger", "use_liger_loss"):
        liger = read.flag(name, False)
        if liger.said and liger.value is not False and read.raw(name).value is not None:
            return Fact("liger" if liger.value is True and trainer == "sft" else UNKNOWN, liger.origins)
    if trainer != "sft" or not read.keys.complete:
        return NOTHING
    return sft_loss(read.text("loss_type"), versions)


def _reference(read: KeyReader, trainer: str, method: Fact[Method]) -> Fact[ReferenceModel]:
    """Adapters are switched off for it; else the model is loaded a second time.

    Source: scripts/dpo.py and kto.py, `ref_model`; in older releases the latter loads one beside adapters as well.
    """
    here = read.raw("model_name_or_path").origins
    if trainer == "grpo":
        beta = read.number("beta")
        return Fact(ReferenceModel.NONE, beta.origins) if beta.value == 0.0 else Fact(UNKNOWN, (*here, *beta.origins))
    if trainer not in ("dpo", "kto"):
        return NOTHING
    said = [fact for name in _ABOUT_REFERENCES if (fact := read.raw(name)).said and fact.value not in (None, False)]
    if said or not method.known or not read.keys.complete:
        return Fact(UNKNOWN, (*here, *(origin for fact in said for origin in fact.origins)))
    if method.value is Method.FULL:
        return Fact(ReferenceModel.COPY, (*here, *method.origins))
    return Fact(ReferenceModel.ADAPTERS_OFF if trainer == "dpo" else UNKNOWN, (*here, *method.origins))


def _parallel(read: KeyReader) -> ParallelFacts:
    """FSDP where asked for; a DeepSpeed file says its own; the launcher decides between one GPU and DDP."""
    for name in _ABOUT_LAUNCHING:
        setting = read.raw(name)
        if setting.said and setting.value not in (None, False):
            return ParallelFacts(kind=Fact(UNKNOWN, setting.origins))
    fsdp = read.raw("fsdp")
    if not fsdp.said or fsdp.value in (None, "", False):
        # Flags of a command, which overrule the file, may say it as well.
        return (
            ParallelFacts()
            if read.keys.complete
            else ParallelFacts(kind=Fact(UNKNOWN, read.raw("model_name_or_path").origins))
        )
    config = read.raw("fsdp_config")
    if config.said and config.value is not None:
        beside = {
            key.path[1].removeprefix("fsdp_") for key in read.keys if key.path[:1] == ("fsdp_config",) and key.path[1:]
        }
        if config.value is not Section.MAPPING or beside - {*NEUTRAL, "version"}:
            return ParallelFacts(kind=Fact(UNKNOWN, (*fsdp.origins, *config.origins)))
    if not isinstance(fsdp.value, str):
        return ParallelFacts(kind=Fact(UNKNOWN, fsdp.origins))
    return lower_words(read.text("fsdp"), read.integer("fsdp_config.version"))
