"""Mixtures of experts: one product for all, or one expert after another."""

from __future__ import annotations

from dataclasses import replace

from ftlint.memory.activations import activations
from ftlint.memory.step import Adapters, Attention, Checkpointing, LossKernel, Step
from tests.memory.runs import architecture

MIXTURE = {
    "model_type": "mixtral", "hidden_size": 1024, "intermediate_size": 3584, "num_hidden_layers": 4,
    "num_attention_heads": 8, "num_key_value_heads": 2, "vocab_size": 1000, "num_local_experts": 8,
    "num_experts_per_tok": 2,
}  # fmt: skip
TOKENS = 2 * 2048


def step(*, loops_experts: bool, num_tokens: int = TOKENS) -> Step:
    return Step(
        architecture=architecture(MIXTURE), model_class="AutoModelForCausalLM", micro_batch=1,
        sequence_length_tokens=num_tokens, weight_bytes=2, compute_bytes=2, is_autocast=True,
        attention=Attention.FLASH_2, checkpointing=Checkpointing.REENTRANT,
        adapters=Adapters(("q_proj", "v_proj"), 16, True, 4), is_quantized=False, loss=LossKernel.LIGER,
        shifts_logits=False, loops_experts=loops_experts,
    )  # fmt: skip


def layer_hump(of: Step) -> int:
    found = activations(of)
    assert found is not None
    return found.layer_peak_bytes - 4 * of.num_tokens * 1024 * 2


def test_one_expert_after_another_takes_less_at_once() -> None:
    looped, grouped = step(loops_experts=True), step(loops_experts=False)
    assert layer_hump(looped) < layer_hump(grouped)
    # Frozen experts keep the gate's output, its activation and the other branch, for two experts of a token.
    assert layer_hump(looped) > 2 * 3 * 3584 * 2 * TOKENS


def test_grows_with_the_tokens() -> None:
    small = layer_hump(step(loops_experts=True))
    assert layer_hump(step(loops_experts=True, num_tokens=2 * TOKENS)) > 1.9 * small


def test_a_dense_model_has_no_loop() -> None:
    dense = {key: value for key, value in MIXTURE.items() if "expert" not in key} | {"model_type": "mistral"}
    looped = replace(step(loops_experts=True), architecture=architecture(dense))
    assert layer_hump(looped) == layer_hump(replace(looped, loops_experts=False))
    assert layer_hump(looped) < layer_hump(step(loops_experts=True))


LATENT = {
    "model_type": "deepseek_v3", "hidden_size": 512, "intermediate_size": 1024, "num_hidden_layers": 3,
    "num_attention_heads": 8, "num_key_value_heads": 8, "vocab_size": 1000, "n_routed_experts": 16,
    "num_experts_per_tok": 4, "n_shared_experts": 1, "moe_intermediate_size": 256, "first_k_dense_replace": 1,
    "kv_lora_rank": 128, "q_lora_rank": 192, "qk_nope_head_dim": 64, "qk_rope_head_dim": 32, "v_head_dim": 64,
}  # fmt: skip


def test_flash_attention_fills_narrow_values_up() -> None:
    """Filled up, values are a copy: what they were a slice of goes. The result is wider, and its wanted part copied.

    SDPA keeps what both keys' plain part (64 a head) and values (64) came out of, and a result of 64.
    """
    narrow = replace(step(loops_experts=False), architecture=architecture(LATENT), adapters=None, is_autocast=False)
    narrow = replace(narrow, checkpointing=Checkpointing.NONE)
    kept = []
    for attention in (Attention.SDPA, Attention.FLASH_2):
        found = activations(replace(narrow, attention=attention))
        assert found is not None
        kept.append(found.kept_bytes)
    assert kept[1] - kept[0] == 3 * TOKENS * 8 * 2 * (96 - (64 + 64) + (96 - 64) + 64)


def test_where_no_loop_is_described_there_is_no_figure() -> None:
    looped = replace(step(loops_experts=True), architecture=architecture({**LATENT, "model_type": "deepseek_v2"}))
    assert activations(looped) is None
    assert activations(replace(looped, loops_experts=False)) is not None
