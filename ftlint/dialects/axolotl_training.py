"""How an Axolotl file computes a step: optimizer, recomputation, attention, loss, and what preferences add.

Source: axolotl 0.19.0 core/builders/, train.py, utils/schemas/{config,enums}.py, integrations/liger/.
"""

from __future__ import annotations

from ftlint.dialects.axolotl_keys import CUT, LIGER, first_set, is_set, plugin
from ftlint.dialects.lowering import KeyReader
from ftlint.run.fact import NOTHING, UNKNOWN, Fact, Unknown, default
from ftlint.run.run import Method, ReferenceModel, TrainingFacts

_ATTENTION = {name: name for name in ("eager", "sdpa", "flash_attention_2")}
_ATTENTION_FLAGS: dict[str, str | Unknown] = {
    "flash_attention": "flash_attention_2",
    "sdp_attention": "sdpa",
    "eager_attention": "eager",
    **dict.fromkeys(("xformers_attention", "flex_attention", "sage_attention", "s2_attention"), UNKNOWN),
    **dict.fromkeys(("gemma4_hybrid_attn_impl", "flash_attn_d512", "large_head_attention"), UNKNOWN),
}
# Optimizers of Axolotl's own, or of packages that it hands the parameters to.
_OTHER_OPTIMIZERS = frozenset(
    "optimi_adamw ao_adamw_4bit ao_adamw_8bit ao_adamw_fp8 adopt_adamw adamc came_pytorch muon dion sinkgd polora "
    "flash_adamw flash_adam flash_sgd flash_sgdw flash_lion q_galore_adamw8bit lion_pytorch".split()
)
_OTHER_CHECKPOINTING = ("activation_offloading", "selective_checkpointing", "dynamic_checkpoint")
_OTHER_LOSSES = (
    "liger_cross_entropy", "chunked_cross_entropy", "flash_attn_cross_entropy", "unsloth_cross_entropy_loss",
    "trainer_cls", "use_eaft", "use_dynamic_finetuning",
)  # fmt: skip


def training_facts(read: KeyReader, method: Fact[Method]) -> TrainingFacts:
    """The section, whose words are the Trainer's."""
    return TrainingFacts(
        optimizer=_optimizer(read),
        gradient_checkpointing=_checkpointing(read),
        attention=_attention(read),
        loss=_loss(read),
        reference=_reference(read, method),
        kernels=_kernels(read),
    )


def _reference(read: KeyReader, method: Fact[Method]) -> Fact[ReferenceModel]:
    """Adapters are switched off; else the model is loaded a second time.

    Source: axolotl 0.19.0 train.py, `setup_reference_model`.
    """
    kind = read.raw("rl")
    if not is_set(kind):
        return NOTHING
    if kind.value == "orpo":
        return Fact(ReferenceModel.NONE, kind.origins)
    other = first_set(read, ("rl_adapter_ref_model", "precompute_ref_log_probs", "dpo_reference_free"))
    origins = (*kind.origins, *other.origins, *method.origins)
    if other.said or not method.known or kind.value not in ("dpo", "ipo", "kto"):
        return Fact(UNKNOWN, origins)
    has_adapters = method.value in (Method.LORA, Method.QLORA)
    return Fact(ReferenceModel.ADAPTERS_OFF if has_adapters else ReferenceModel.COPY, origins)


def _optimizer(read: KeyReader) -> Fact[str]:
    named = read.text("optimizer", "adamw_torch_fused")
    return Fact(UNKNOWN, named.origins) if named.value in _OTHER_OPTIMIZERS else named


def _checkpointing(read: KeyReader) -> Fact[bool]:
    """Unknown where inputs are offloaded, or FSDP is asked for it."""
    other = first_set(
        read,
        (
            *_OTHER_CHECKPOINTING,
            "fsdp_config.activation_checkpointing",
            "fsdp_config.fsdp_activation_checkpointing",
        ),
    )
    if other.said:
        return Fact(UNKNOWN, other.origins)
    setting = read.raw("gradient_checkpointing")
    if setting.said and setting.value is None:
        return default(False, "Axolotl's default for gradient_checkpointing")
    return read.flag("gradient_checkpointing", False)


def _attention(read: KeyReader) -> Fact[str]:
    """One word, or one of the switches that came before it; several are refused, or overrule one another."""
    settings = [(found, _ATTENTION_FLAGS[name]) for name in _ATTENTION_FLAGS if is_set(found := read.raw(name))]
    word = read.raw("attn_implementation")
    if is_set(word):
        chosen = read.choice("attn_implementation", _ATTENTION)
        return Fact(UNKNOWN, (*word.origins, *settings[0][0].origins)) if settings else chosen
    if not settings:
        return NOTHING
    origins = tuple(origin for found, _ in settings for origin in found.origins)
    (found, kernel), *others = settings
    return Fact(UNKNOWN if others or found.value is not True else kernel, origins)


def _loss(read: KeyReader) -> Fact[str]:
    """Preference training hands the model no labels, so logits are whole there. Keys of a plugin need that plugin."""
    other = first_set(read, _OTHER_LOSSES)
    if is_set(read.raw("rl")):
        own = first_set(read, ("dpo_use_liger_kernel", "trl.use_liger_loss", "trainer_cls"))
        return Fact(UNKNOWN if own.said else "full", (*read.raw("rl").origins, *own.origins))
    liger, cut = plugin(read, LIGER), plugin(read, CUT)
    if other.said or (cut.said and read.raw("cut_cross_entropy").value is not False):
        return Fact(UNKNOWN, (*other.origins, *cut.origins))
    fused = read.raw("liger_fused_linear_cross_entropy")
    if liger.said and is_set(fused):
        return Fact("liger" if fused.value is True else UNKNOWN, (*liger.origins, *fused.origins))
    return default("full", "Axolotl's default") if read.keys.complete else NOTHING


def _kernels(read: KeyReader) -> Fact[str]:
    """Liger's of norms and rotary positions; with one of the two the pass is neither of those we know."""
    liger = plugin(read, LIGER)
    if not liger.said:
        return NOTHING
    norms, rotary = read.raw("liger_rms_norm"), read.raw("liger_rope")
    origins = (*liger.origins, *norms.origins, *rotary.origins)
    if norms.value is True and rotary.value is True:
        return Fact("fused", origins)
    return Fact(UNKNOWN if is_set(norms) or is_set(rotary) else "standard", origins)
