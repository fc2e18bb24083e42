"""Which parameters an Axolotl file trains, and how it stores the others.

Source: axolotl 0.19.0 loaders/adapter.py, loaders/model.py, utils/schemas/peft.py; the same in 0.13.2 and 0.16.1.
"""

from __future__ import annotations

from dataclasses import replace

from ftlint.dialects.axolotl_keys import CUT, LIGER, first_set, is_set
from ftlint.dialects.lowering import KeyReader
from ftlint.run.fact import NOTHING, UNKNOWN, Fact, default
from ftlint.run.key import Section
from ftlint.run.run import AdapterFacts, Method

# What changes which parameters are trained, or the format that they are kept in.
_OTHER_METHODS = (
    "unfrozen_parameters", "relora", "relora_steps", "gptq", "qat", "fp8", "quantize_moe_experts", "use_onebitllms",
    "model_quantization_config", "nvfp4_merge_aware", "peft", "lisa_n_layers", "lisa_step_interval",
    "nonexpert_quantization", "dsv4_fp8_nonexpert_mode", "gemma4_fp8_nonexpert", "gemma4_nf4_nonexpert",
    "llama4_linearized_experts", "mixlora_num_experts", "quantization",
)  # fmt: skip
# What decides which layers are adapted, and how much, beside the targets and the rank.
_OTHER_TARGETS = (
    "lora_target_parameters", "lora_exclude_modules", "lora_rank_pattern", "peft_layers_to_transform",
    "peft_layers_pattern", "peft_layer_replication", "peft_trainable_token_indices", "lora_model_dir",
)  # fmt: skip
_PROJECTIONS = frozenset("q_proj k_proj v_proj o_proj gate_proj up_proj down_proj".split())


def method_of(read: KeyReader) -> Fact[Method]:
    """UNKNOWN too where a plugin that we do not know may change what is trained."""
    other = first_set(read, _OTHER_METHODS)
    if other.said:
        return Fact(UNKNOWN, other.origins)
    plugins = read.raw("plugins")
    if is_set(plugins):
        names = read.words("plugins")
        if not names.known or not all(name.startswith((LIGER, CUT)) for name in names.or_default(())):
            return Fact(UNKNOWN, plugins.origins)
    adapter, four, eight = read.raw("adapter"), read.raw("load_in_4bit"), read.raw("load_in_8bit")
    origins = (*adapter.origins, *four.origins, *eight.origins)
    if not read.keys.complete:
        return Fact(UNKNOWN, origins)
    # Written, or not, in these three: everything else is refused, or loads something that we have not read.
    meant = (adapter.value if is_set(adapter) else None, four.value if is_set(four) else False, is_set(eight))
    methods: dict[tuple[object, object, bool], Method] = {
        (None, False, False): Method.FULL,
        ("lora", False, False): Method.LORA,
        ("lora", False, True): Method.QLORA,
        ("qlora", True, False): Method.QLORA,
    }
    found = methods.get(meant, UNKNOWN) if not eight.said or eight.known else UNKNOWN
    return Fact(found, origins) if origins else default(found, "Axolotl's default for adapter")


def adapter_facts(read: KeyReader, method: Fact[Method]) -> AdapterFacts:
    """The section; adapters' format and whether PEFT prepared the base model are left unsaid, as releases differ."""
    frozen = _frozen_parts(read)
    if method.value not in (Method.LORA, Method.QLORA):
        return AdapterFacts(method=method, frozen_parts=frozen)
    other = first_set(read, _OTHER_TARGETS)
    facts = AdapterFacts(
        method=method,
        lora_rank=Fact(UNKNOWN, other.origins) if other.said else read.integer("lora_r"),
        lora_targets=Fact(UNKNOWN, other.origins) if other.said else _lora_targets(read),
        lora_dropout=_dropout(read),
        use_dora=read.flag("peft_use_dora", False),
        modules_to_save=_modules_to_save(read),
        frozen_parts=frozen,
    )
    if method.value is Method.LORA:
        return facts
    return _quantized(read, facts)


def _quantized(read: KeyReader, facts: AdapterFacts) -> AdapterFacts:
    """Source: axolotl 0.19.0 loaders/model.py, `_set_quantization_config`."""
    if is_set(read.raw("load_in_8bit")):
        bits = read.raw("load_in_8bit").origins
        return replace(facts, quantization_bits=Fact(8, bits), quantization_type=Fact("int8", bits))
    bits, changed = read.raw("load_in_4bit").origins, read.raw("bnb_config_kwargs")
    is_usual = not is_set(changed)
    return replace(
        facts,
        quantization_bits=Fact(4, bits),
        quantization_type=Fact("nf4", bits) if is_usual else Fact(UNKNOWN, changed.origins),
        double_quantization=default(True, "Axolotl's own setting") if is_usual else Fact(UNKNOWN, changed.origins),
    )


def _dropout(read: KeyReader) -> Fact[float]:
    written = read.raw("lora_dropout")
    if written.said and written.value is not None:
        return read.number("lora_dropout")
    return default(0.0, "Axolotl's default for lora_dropout") if read.keys.complete else NOTHING


def _modules_to_save(read: KeyReader) -> Fact[tuple[str, ...]]:
    if is_set(read.raw("lora_modules_to_save")):
        return read.words("lora_modules_to_save")
    return default((), "Axolotl's default for lora_modules_to_save") if read.keys.complete else NOTHING


def _lora_targets(read: KeyReader) -> Fact[tuple[str, ...]]:
    """A text is a pattern for PEFT; `lora_target_linear` adds every linear layer but the head to a sequence.

    Source: axolotl 0.19.0 loaders/adapter.py, `find_all_linear_names`.
    """
    named, linear = read.raw("lora_target_modules"), read.raw("lora_target_linear")
    origins = (*named.origins, *linear.origins)
    words = read.words("lora_target_modules") if named.value is Section.SEQUENCE else NOTHING
    if isinstance(named.value, str) and named.value == "all-linear":
        words = Fact(("all-linear",), named.origins)
    if not is_set(linear):
        return Fact(words.value, origins)
    is_covered = not is_set(named) or (words.known and set(words.or_default(("?",))) <= _PROJECTIONS)
    return Fact(("all-linear",) if linear.value is True and is_covered else UNKNOWN, origins)


def _frozen_parts(read: KeyReader) -> Fact[tuple[str, ...]]:
    freezes = read.raw("freeze_mm_modules")
    if not is_set(freezes):
        return NOTHING
    return Fact(("vision tower", "projection") if freezes.value is True else UNKNOWN, freezes.origins)
