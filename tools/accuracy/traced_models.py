"""The models that are traced: shallow and narrow, with the ratios of released ones.

What is compared does not depend on size.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ftlint.knowledge.architectures.reading import defaults_of

_GROUPED = {"hidden_size": 512, "intermediate_size": 1792, "num_attention_heads": 8, "num_key_value_heads": 2}
_PLAIN = {"hidden_size": 512, "intermediate_size": 2048, "num_attention_heads": 8}
_GPT = {"n_embd": 512, "n_head": 8, "n_positions": 512}
_FALCON = {"hidden_size": 512, "num_attention_heads": 8, "parallel_attn": True, "bias": False}
_OPT = {"hidden_size": 512, "ffn_dim": 2048, "num_attention_heads": 8}
_MPT = {"d_model": 512, "n_heads": 8, "max_seq_len": 512}
_NEW = {"new_decoder_architecture": True, "num_kv_heads": 2}
_WIDE_HEADS = {**_GROUPED, "num_attention_heads": 4}
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
    "bloom": {"hidden_size": 512, "n_head": 8},
    "codegen": {**_GPT, "rotary_dim": 32},
    "cohere": {**_GROUPED, "num_key_value_heads": 8},
    "cohere, query-key norm": {**_GROUPED, "use_qk_norm": True},
    "cohere2": {**_GROUPED, **_WINDOWS},
    "deepseek_v2": {**_LATENT, "q_lora_rank": None, "topk_method": "greedy"},
    "deepseek_v3": {**_LATENT, "q_lora_rank": 192, "n_group": 4, "topk_group": 2},
    "ernie4_5": {**_GROUPED, "head_dim": 64},
    "exaone4": {**_GROUPED, **_WINDOWS},
    "falcon": {**_FALCON, "multi_query": True},
    "falcon, 11B": {**_FALCON, **_NEW, "num_ln_in_parallel_attn": 1},
    "falcon, 40B": {**_FALCON, **_NEW},
    "gemma": {**_GROUPED, "intermediate_size": 4096, "head_dim": 256, "num_attention_heads": 4},
    "gemma2": {**_GROUPED, **_WINDOWS, "head_dim": 64},
    "gemma3_text": {**_GROUPED, **_WINDOWS, "head_dim": 128},
    "glm": {**_GROUPED, "head_dim": 64, "pad_token_id": 0},
    "glm4": {**_GROUPED, "head_dim": 64, "pad_token_id": 0},
    "glm4_moe": {
        **_EXPERTS,
        "head_dim": 64,
        "n_routed_experts": 16,
        "n_shared_experts": 1,
        "first_k_dense_replace": 1,
        "use_qk_norm": True,
    },
    "gpt2": {"n_embd": 512, "n_head": 8},
    "gpt_bigcode": {**_GPT, "multi_query": True},
    "gpt_bigcode, all heads": {**_GPT, "multi_query": False},
    "gpt_neo": {"hidden_size": 512, "num_heads": 8, "max_position_embeddings": 512},
    "gpt_neox": _PLAIN,
    "gptj": {**_GPT, "rotary_dim": 16},
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
    "ministral3": {**_GROUPED, "head_dim": 64},
    "mistral": _GROUPED,
    "mixtral": {**_GROUPED, "num_local_experts": 8, "num_experts_per_tok": 2},
    "mpt": _MPT,
    "mpt, clipped": {**_MPT, "attn_config": {"clip_qkv": 6.0}},
    "nemotron": {**_GROUPED, "intermediate_size": 2048},
    "olmo": {**_GROUPED, "num_key_value_heads": 8},
    "olmo2": {**_GROUPED, "num_key_value_heads": 8},
    "olmo3": {**_GROUPED, **_WINDOWS, "num_key_value_heads": 8},
    "olmoe": {**_GROUPED, "intermediate_size": 256, "num_experts": 16, "num_experts_per_tok": 4},
    "opt": {**_OPT, "word_embed_proj_dim": 512},
    "opt, 350M": {**_OPT, "word_embed_proj_dim": 256, "do_layer_norm_before": False},
    "phi": _PLAIN,
    "phi3": {**_GROUPED, "pad_token_id": 0},
    "phimoe": {**_GROUPED, "intermediate_size": 448, "num_local_experts": 16, "num_experts_per_tok": 2},
    "qwen2": _GROUPED,
    "qwen2_5_vl_text": _WIDE_HEADS,
    "qwen2_vl_text": _WIDE_HEADS,
    "qwen2_moe": {**_EXPERTS, "num_experts": 16, "shared_expert_intermediate_size": 768},
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
    "stablelm": {**_GROUPED, "num_key_value_heads": 8},
    "stablelm, side by side": {**_GROUPED, "use_parallel_residual": True, "qk_layernorm": True},
    "starcoder2": {**_GROUPED, "intermediate_size": 2048},
}
"""Without depth and vocabulary, which all have in common; after a comma, which numbers of a model type these are."""

_PATCHES = {"depth": 2, "hidden_size": 64, "intermediate_size": 96, "num_heads": 4, "out_hidden_size": 512}
_DEEP_PATCHES = {**_PATCHES, "num_position_embeddings": 16, "deepstack_visual_indexes": [0]}

VISION: Mapping[str, Mapping[str, Any]] = {
    "qwen2_5_vl": _PATCHES,
    "qwen2_vl": {"depth": 2, "embed_dim": 64, "hidden_size": 512, "mlp_ratio": 2, "num_heads": 4},
    "qwen3_vl": _DEEP_PATCHES,
    "qwen3_vl_moe": _DEEP_PATCHES,
}
"""Towers beside the language models that only occur with one. No image is traced, so they compute nothing."""

ATTENTION_ONLY = frozenset({"phimoe"})
"""Model types whose attention alone LoRA adapts: PEFT 0.21 fails on a router that is a linear module."""

_VOCABULARY = 4096


def model_type_of(name: str) -> str:
    """Of a name in the table."""
    return name.partition(",")[0]


def config_of(name: str, num_layers: int = 2) -> dict[str, Any]:
    """A config.json of the table's proportions; of the whole, where a language model only occurs inside another."""
    model_type = model_type_of(name)
    config = {"model_type": model_type, "vocab_size": _VOCABULARY, **CONFIGS[name]}
    defaults = defaults_of(model_type)
    depth = "num_hidden_layers"
    config[depth if defaults is None else defaults.aliases.get(depth, depth)] = num_layers
    if model_type == "gpt_neo":
        config["attention_types"] = [[["global"], num_layers]]
    whole = model_type.removesuffix("_text")
    return {"model_type": whole, "text_config": config, "vision_config": VISION[whole]} if whole in VISION else config
