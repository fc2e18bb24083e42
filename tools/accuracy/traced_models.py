"""The models that are traced: shallow and narrow, with the ratios of released ones.

What is compared does not depend on size.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_GROUPED = {"hidden_size": 512, "intermediate_size": 1792, "num_attention_heads": 8, "num_key_value_heads": 2}
_PLAIN = {"hidden_size": 512, "intermediate_size": 2048, "num_attention_heads": 8}
_WIDE_HEADS = {**_GROUPED, "num_attention_heads": 4}
_WINDOWS = {"layer_types": ["sliding_attention", "full_attention"]}

CONFIGS: Mapping[str, Mapping[str, Any]] = {
    "arcee": {**_GROUPED, "intermediate_size": 2048},
    "cohere": {**_GROUPED, "num_key_value_heads": 8},
    "gemma": {**_GROUPED, "intermediate_size": 4096, "head_dim": 256, "num_attention_heads": 4},
    "gemma2": {**_GROUPED, **_WINDOWS, "head_dim": 64},
    "gemma3_text": {**_GROUPED, **_WINDOWS, "head_dim": 128},
    "gpt2": {"n_embd": 512, "n_head": 8},
    "gpt_neox": _PLAIN,
    "granite": _GROUPED,
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
    "qwen2": _GROUPED,
    "qwen2_5_vl_text": _WIDE_HEADS,
    "qwen2_vl_text": _WIDE_HEADS,
    "qwen3": {**_GROUPED, "head_dim": 128},
    "qwen3_moe": {
        **_GROUPED,
        "head_dim": 128,
        "moe_intermediate_size": 192,
        "num_experts": 16,
        "num_experts_per_tok": 4,
    },
    "qwen3_vl_moe_text": {
        **_WIDE_HEADS,
        "head_dim": 128,
        "moe_intermediate_size": 192,
        "num_experts": 16,
        "num_experts_per_tok": 4,
    },
    "qwen3_vl_text": {**_WIDE_HEADS, "head_dim": 128},
    "seed_oss": _GROUPED,
    "smollm3": {**_GROUPED, "pad_token_id": 0},
    "starcoder2": {**_GROUPED, "intermediate_size": 2048},
}
"""Without depth and vocabulary, which all have in common."""

_PATCHES = {"depth": 2, "hidden_size": 64, "intermediate_size": 96, "num_heads": 4, "out_hidden_size": 512}
_DEEP_PATCHES = {**_PATCHES, "num_position_embeddings": 16, "deepstack_visual_indexes": [0]}

VISION: Mapping[str, Mapping[str, Any]] = {
    "qwen2_5_vl": _PATCHES,
    "qwen2_vl": {"depth": 2, "embed_dim": 64, "hidden_size": 512, "mlp_ratio": 2, "num_heads": 4},
    "qwen3_vl": _DEEP_PATCHES,
    "qwen3_vl_moe": _DEEP_PATCHES,
}
"""Towers beside the language models that only occur with one. No image is traced, so they compute nothing."""

WITHOUT_SDPA = frozenset({"gemma2"})
"""Model types that transformers 5.23 computes in eager or flash attention only."""

_VOCABULARY = 4096


def config_of(model_type: str, num_layers: int = 2) -> dict[str, Any]:
    """A config.json of the table's proportions; of the whole, where a language model only occurs inside another."""
    depth = "n_layer" if model_type == "gpt2" else "num_hidden_layers"
    config = {"model_type": model_type, "vocab_size": _VOCABULARY, depth: num_layers, **CONFIGS[model_type]}
    whole = model_type.removesuffix("_text")
    return {"model_type": whole, "text_config": config, "vision_config": VISION[whole]} if whole in VISION else config
