"""The layers of model types built like Llama, whose every token takes the same feed-forward block."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ftlint.memory.blocks.block import (
    Activation,
    Block,
    Description,
    Heads,
    Kernels,
    Norm,
    Order,
    QueryKeyNorm,
    Rotary,
    Stem,
)

LLAMA = Block()
PLAIN = replace(LLAMA, mlp_projections=("up_proj", "down_proj"), gated=False)
GEMMA = replace(LLAMA, norm=Norm.RMS_ONE_PLUS, activation=Activation.GELU)
GEMMA_2 = replace(
    GEMMA,
    order=Order.SANDWICH,
    norms=(
        "input_layernorm",
        "post_attention_layernorm",
        "pre_feedforward_layernorm",
        "post_feedforward_layernorm",
    ),
    softcap=True,
    kernels=Kernels.FLASH,
    num_masks=2,
    final_softcap=True,
)
OLMO_2 = replace(
    LLAMA,
    norm=Norm.RMS_WEIGHT_INSIDE,
    has_wide_tables=True,
    order=Order.POST,
    norms=("post_attention_layernorm", "post_feedforward_layernorm"),
    qk_norm=QueryKeyNorm.BEFORE_HEADS,
)
COHERE = replace(
    LLAMA,
    norm=Norm.LAYER_BY_HAND,
    order=Order.PARALLEL,
    norms=("input_layernorm",),
    qk_norm=QueryKeyNorm.PER_HEAD,
    adds_input_first=True,
    rotary=Rotary.FLOAT32,
    scales_logits=True,
)
GLM = replace(
    LLAMA, rotary=Rotary.SPREAD, rotary_share=0.5, joins_rotated=True, mlp_projections=("gate_up_proj", "down_proj")
)
QWEN_3 = replace(LLAMA, qk_norm=QueryKeyNorm.PER_HEAD)
DENSE: Mapping[str, Description] = {
    "arcee": replace(PLAIN, activation=Activation.RELU_SQUARED),
    "cohere": COHERE,
    "cohere2": replace(COHERE, num_masks=2, shortest_window=4096),
    "ernie4_5": replace(LLAMA, rotary=Rotary.SPREAD_FLOAT32, has_wide_tables=True),
    "exaone4": replace(
        LLAMA,
        order=Order.POST,
        norms=OLMO_2.norms,
        qk_norm=QueryKeyNorm.PER_HEAD,
        num_masks=2,
        shortest_window=4096,
    ),
    "gemma": GEMMA,
    "gemma2": GEMMA_2,
    "gemma3_text": replace(
        GEMMA_2,
        softcap=False,
        kernels=Kernels.ALL,
        final_softcap=False,
        num_tables=2,
        qk_norm=QueryKeyNorm.PER_HEAD,
        shortest_window=512,
    ),
    "glm": GLM,
    "glm4": replace(
        GLM,
        order=Order.SANDWICH,
        norms=("input_layernorm", "post_self_attn_layernorm", "post_attention_layernorm", "post_mlp_layernorm"),
    ),
    "granite": replace(LLAMA, scales_residual=True, scales_logits=True, embedding=(Stem.SCALE,)),
    "llama": LLAMA,
    "ministral": replace(LLAMA, shortest_window=4096),
    "ministral3": replace(LLAMA, scales_turned_queries=True),
    "mistral": replace(LLAMA, shortest_window=4096),
    "nemotron": replace(
        PLAIN, norm=Norm.LAYER_ONE_PLUS, rotary_share=0.5, joins_rotated=True, activation=Activation.RELU_SQUARED
    ),
    "olmo": replace(LLAMA, norm=Norm.LAYER_FLOAT32, has_wide_tables=True),
    "olmo2": OLMO_2,
    "olmo3": replace(OLMO_2, num_tables=2, num_masks=2, shortest_window=4096),
    "phi3": replace(
        LLAMA,
        heads=Heads.SLICED,
        projections=("qkv_proj", "o_proj"),
        joins_rotated=True,
        mlp_projections=("gate_up_proj", "down_proj"),
        shortest_window=2047,
    ),
    "qwen2": LLAMA,
    "qwen3": QWEN_3,
    "seed_oss": replace(LLAMA, attention_dropout=True, residual_dropout=True),
    "smollm3": LLAMA,
    "starcoder2": replace(
        PLAIN,
        norm=Norm.LAYER,
        mlp_projections=("c_fc", "c_proj"),
        activation=Activation.GELU,
        shortest_window=4096,
    ),
}
