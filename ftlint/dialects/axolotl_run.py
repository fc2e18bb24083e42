"""What an Axolotl file says of a run.

Source: axolotl 0.19.0 utils/schemas/ (defaults are the same in 0.8.0 to 0.21.0), utils/config/__init__.py,
loaders/model.py, loaders/adapter.py, core/builders/, train.py.
"""

from __future__ import annotations

from ftlint.dialects import deepspeed
from ftlint.dialects.axolotl_adapter import adapter_facts, method_of
from ftlint.dialects.axolotl_keys import first_set, is_set
from ftlint.dialects.axolotl_parallel import lower_sharding, shards_by_fsdp, state_dict_type
from ftlint.dialects.axolotl_training import training_facts
from ftlint.dialects.dialect import PartialRun, Reference
from ftlint.dialects.lowering import KeyReader
from ftlint.run.dtype import DType
from ftlint.run.fact import NOTHING, UNKNOWN, Fact, default
from ftlint.run.key import KeySet, Section
from ftlint.run.run import (
    BatchFacts,
    Method,
    ModelFacts,
    PrecisionFacts,
    Run,
    SavingFacts,
    merge,
)
from ftlint.run.versions import VersionView

_LORA_KERNELS = ("lora_mlp_kernel", "lora_qkv_kernel", "lora_o_kernel", "lora_embedding_kernel")
_OTHER_MODELS = ("reward_model", "process_reward_model", "num_labels", "reinit_classification_head")
# With these a pass keeps less than the layers of transformers and PEFT do.
_KEEPS_LESS = (
    *_LORA_KERNELS, "activation_offloading", "tiled_mlp", "torch_compile", "liger_glu_activation", "liger_swiglu",
    "flash_attn_fuse_mlp", "flash_attn_fuse_qkv", "unsloth_lora_mlp", "unsloth_lora_qkv", "unsloth_lora_o",
    "batch_flattening", "use_scattermoe", "use_sonicmoe", "experts_implementation",
)  # fmt: skip


def lower(keys: KeySet, versions: VersionView) -> PartialRun:
    """Say in `Run`'s words what one Axolotl file says. Unknown keys are the schema's business."""
    read = KeyReader(keys, "Axolotl")
    method, dtype = method_of(read), _dtype(read)
    training = training_facts(read, method)
    attention = training.attention
    facts = Run(
        model=ModelFacts(id=read.text("base_model"), model_class=_model_class(read)),
        precision=PrecisionFacts(weights=_weights(read, dtype, method, attention), compute=dtype),
        batch=BatchFacts(
            micro_batch=read.integer("micro_batch_size", 1),
            sequence_length_tokens=_length(read),
            restarts_positions=_restarts_positions(read),
            is_filled=_is_filled(read, method, attention),
            sequences_per_example=_sequences_per_example(read),
            gradient_accumulation=_accumulation(read),
        ),
        parallel=lower_sharding(read),
        adapter=adapter_facts(read, method),
        training=training,
        saving=SavingFacts(state_dict_type=state_dict_type(read)),
    )
    starts_run = read.written("base_model") and (read.written("datasets") or read.written("pretraining_dataset"))
    named = read.raw("deepspeed")
    if facts.parallel.kind.said or not is_set(named):  # a kind that is said: FSDP, or what nobody can see
        return PartialRun(facts, starts_run=starts_run)
    if named.value is Section.MAPPING:  # DeepSpeed's own settings, written in place
        return PartialRun(
            merge(facts, deepspeed.lower(keys.below("deepspeed", "deepspeed"), versions).facts), starts_run=starts_run
        )
    return PartialRun(facts, (Reference("deepspeed", read.text("deepspeed")),), starts_run=starts_run)


# Model and precision -------------------------------------------------------------------------------------------------


def _model_class(read: KeyReader) -> Fact[str]:
    """Unknown for reward models, classifiers of their own, and where the file builds the model in another shape."""
    other = first_set(read, _OTHER_MODELS)
    if other.said or _is_reshaped(read):
        return Fact(UNKNOWN, (*other.origins, *read.raw("base_model").origins))
    kind = read.text("model_type", "AutoModelForCausalLM")
    if isinstance(kind.value, str) and not kind.value.endswith("ForCausalLM"):
        return Fact(UNKNOWN, kind.origins)
    return Fact("AutoModelForCausalLM" if kind.known else UNKNOWN, kind.origins)


def _is_reshaped(read: KeyReader) -> bool:
    """Whether sizes may come from elsewhere than the model's config.json; how rotary positions scale is no size."""
    config = read.raw("base_model_config")
    if is_set(config) and config.value != read.raw("base_model").value:
        return True
    names = ("overrides_of_model_config", "overrides_of_model_kwargs", "model_config")
    inner = (key.path[1] for key in read.keys if len(key.path) > 1 and key.path[0] in names)
    is_opaque = any(is_set(found) and found.value is not Section.MAPPING for found in map(read.raw, names))
    return is_opaque or any(not name.startswith("rope") for name in inner)


def _dtype(read: KeyReader) -> Fact[DType]:
    """What the model is loaded in, which autocast computes in too.

    bf16's default, "auto", asks torch, which says yes of every CUDA GPU, as emulation counts.
    Source: axolotl 0.19.0 utils/config/__init__.py, `resolve_dtype`; torch 2.13 cuda/__init__.py, `is_bf16_supported`.
    """
    bf16, fp16, eight = read.raw("bf16"), read.raw("fp16"), read.raw("load_in_8bit")
    others = first_set(read, ("fp8", "bfloat16", "float16"))
    origins = (*bf16.origins, *fp16.origins, *others.origins)
    if others.said or not read.keys.complete:
        return Fact(UNKNOWN, origins) if origins else NOTHING
    is_plain, is_auto = not is_set(fp16), not bf16.said or bf16.value == "auto"
    if bf16.value is True:
        return Fact(DType.BFLOAT16, bf16.origins)
    if is_auto and is_plain:
        return (
            Fact(DType.BFLOAT16, origins) if origins else default(DType.BFLOAT16, 'Axolotl\'s default for bf16, "auto"')
        )
    if fp16.said and fp16.value is True and (not bf16.said or bf16.value in (None, False, "auto")):
        return Fact(DType.FLOAT16, origins)
    no_half = bf16.said and bf16.value in (None, False) and (not fp16.said or fp16.value in (None, False))
    if no_half and not is_set(eight):
        return Fact(DType.FLOAT32, origins)
    return Fact(UNKNOWN, origins)


def _weights(read: KeyReader, dtype: Fact[DType], method: Fact[Method], attention: Fact[str]) -> Fact[DType]:
    """Norms and embeddings are made float32, and cast back where something needs that.

    Source: axolotl 0.8.0, 0.13.2, 0.16.1, 0.19.0 `_configure_embedding_dtypes`, `should_convert`.
    """
    is_cast = (
        dtype.value is DType.FLOAT32
        or method.value in (Method.LORA, Method.QLORA)
        or attention.value == "flash_attention_2"
        or shards_by_fsdp(read)
        or read.flag("cut_cross_entropy").value is True
    )
    return dtype if is_cast else Fact(UNKNOWN, dtype.origins)


# Batch ---------------------------------------------------------------------------------------------------------------


def _length(read: KeyReader) -> Fact[int]:
    """Of batches with images the collator cuts nothing.

    Source: axolotl 0.19.0 utils/collators/mm_chat.py, processing_strategies.py.
    """
    images = first_set(read, ("processor_type", "skip_prepare_dataset", "is_multimodal"))
    return Fact(UNKNOWN, images.origins) if images.said else read.integer("sequence_len", 512)


def _restarts_positions(read: KeyReader) -> Fact[bool]:
    """Source: axolotl 0.19.0 utils/samplers/multipack.py, utils/data/utils.py: `position_ids` of each sample."""
    packed = first_set(read, ("sample_packing", "pretraining_dataset"))
    return Fact(True, packed.origins) if packed.said else NOTHING


def _accumulation(read: KeyReader) -> Fact[int]:
    total = read.raw("batch_size")
    return Fact(UNKNOWN, total.origins) if is_set(total) else read.integer("gradient_accumulation_steps", 1)


def _is_filled(read: KeyReader, method: Fact[Method], attention: Fact[str]) -> Fact[bool]:
    """Packed sequences are padded to the length unless that is turned off; others where it is turned on.

    Left unsaid where padding leaves a mask to the attention, and where a pass may keep less than we reckon, as with
    the kernels that Axolotl puts in place of PEFT's layers: then no length may count at the low end.
    Source: axolotl 0.19.0 utils/schemas/validation.py, `hint_sample_packing_padding`; config.py,
    `check_auto_enable_lora_kernels`.
    """
    may_keep_less = first_set(read, _KEEPS_LESS).said or (
        method.value is not Method.FULL and not all(read.raw(name).value is False for name in _LORA_KERNELS[:3])
    )
    if may_keep_less or attention.value != "flash_attention_2" or is_set(read.raw("rl")):
        return NOTHING
    padded, packed = read.raw("pad_to_sequence_len"), read.raw("sample_packing")
    if padded.said and padded.value is not None:
        return read.flag("pad_to_sequence_len")
    return read.flag("sample_packing") if packed.value is True else NOTHING


def _sequences_per_example(read: KeyReader) -> Fact[int]:
    """Two where examples are pairs; unknown in every other training by preferences, which then has no pass."""
    kind = first_set(read, ("rl", "reward_model", "process_reward_model"))
    if not kind.said:
        return NOTHING
    return Fact(2 if kind.value in ("dpo", "ipo", "orpo") else UNKNOWN, kind.origins)
