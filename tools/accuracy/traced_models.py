"""The models that are traced: shallow and narrow, with the ratios of released ones.

What is compared does not depend on size.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_GROUPED = {"hidden_size": 512, "intermediate_size": 1792, "num_attention_heads": 8, "num_key_value_heads": 2}
_PLAIN = {"hidden_size": 512, "intermediate_size": 2048, "num_attention_heads": 8}
_WINDOWS = {"layer_types": ["sliding_attention", "full_attention"]}

_EXPERTS = {**_GROUPED, "moe_intermediate_size": 192, "num_experts_per_tok": 4}
_LATENT = {
    **_EXPERTS,
    "num_key_value_heads": 8,
    "n_routed_experts": 16,
    "n_shared_experts": 2,
    "first_k_dense_replace": 1,
    "kv_lora_rank": 128,
    "qk_nope_head_dim": 64,
    "qk_rope_head_dim": 32,
    "v_head_dim": 64,
}

CONFIGS: Mapping[str, Mapping[str, Any]] = {
    "arcee": {**_GROUPED, "intermediate_size": 2048},
    "cohere": {**_GROUPED, "num_key_value_heads": 8},
    "deepseek_v2": {**_LATENT, "q_lora_rank": None, "topk_method": "greedy"},
    "deepseek_v3": {**_LATENT, "q_lora_rank": 192, "n_group": 4, "topk_group": 2},
    "gemma": {**_GROUPED, "intermediate_size": 4096, "head_dim": 256, "num_attention_heads": 4},
    "gemma2": {**_GROUPED, **_WINDOWS, "head_dim": 64},
    "gemma3_text": {**_GROUPED, **_WINDOWS, "head_dim": 128},
    "glm4_moe": {
        **_EXPERTS,
        "head_dim": 64,
        "n_routed_experts": 16,
        "n_shared_experts": 1,
        "first_k_dense_replace": 1,
        "use_qk_norm": True,
    },
    "gpt2": {"n_embd": 512, "n_head": 8},
    "gpt_neox": _PLAIN,
    "gpt_oss": {
        **_GROUPED,
        **_WINDOWS,
        "head_dim": 64,
        "intermediate_size": 256,
        "num_local_experts": 16,
        "num_experts_per_tok": 4,
    },
    "granite": _GROUPED,
    "granitemoe": {**_GROUPED, "intermediate_size": 256, "num_local_experts": 16, "num_experts_per_tok": 4},
    "llama": {**_GROUPED, "tie_word_embeddings": False},
    "ministral": {**_GROUPED, "head_dim": 64},
    "mistral": _GROUPED,
    "mixtral": {**_GROUPED, "num_local_experts": 8, "num_experts_per_tok": 2},
    "nemotron": {**_GROUPED, "intermediate_size": 2048},
    "olmo": {**_GROUPED, "num_key_value_heads": 8},
    "olmo2": {**_GROUPED, "num_key_value_heads": 8},
    "olmoe": {**_GROUPED, "intermediate_size": 256, "num_experts": 16, "num_experts_per_tok": 4},
    "opt": {"hidden_size": 512, "ffn_dim": 2048, "num_attention_heads": 8, "word_embed_proj_dim": 512},
    "phi": _PLAIN,
    "phi3": {**_GROUPED, "pad_token_id": 0},
    "phimoe": {**_GROUPED, "intermediate_size": 448, "num_local_experts": 16, "num_experts_per_tok": 2},
    "qwen2": _GROUPED,
    "qwen2_moe": {**_EXPERTS, "num_experts": 16, "shared_expert_intermediate_size": 768},
    "qwen3": {**_GROUPED, "head_dim": 128},
    "qwen3_moe": {
        **_GROUPED,
        "head_dim": 128,
        "moe_intermediate_size": 192,
        "num_experts": 16,
        "num_experts_per_tok": 4,
    },
    "seed_oss": _GROUPED,
    "smollm3": {**_GROUPED, "pad_token_id": 0},
    "starcoder2": {**_GROUPED, "intermediate_size": 2048},
}
"""Without depth and vocabulary, which all have in common."""

WITHOUT_SDPA = frozenset({"gemma2", "gpt_oss"})
"""Model types that transformers 5.23 computes in eager or flash attention only."""

ATTENTION_ONLY = frozenset({"phimoe"})
"""Model types whose attention alone LoRA adapts: PEFT 0.21 fails on a router that is a linear module."""

_VOCABULARY = 4096


def config_of(model_type: str, num_layers: int = 2) -> dict[str, Any]:
    """A config.json of the table's proportions."""
    depth = "n_layer" if model_type == "gpt2" else "num_hidden_layers"
    return {"model_type": model_type, "vocab_size": _VOCABULARY, depth: num_layers, **CONFIGS[model_type]}
