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
