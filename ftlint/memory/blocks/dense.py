"""The layers of model types whose every token takes the same feed-forward block."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ftlint.memory.blocks.block import Activation, Block, Heads, Norm, Order, QueryKeyNorm, Rotary, Stem

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
QWEN_3 = replace(LLAMA, qk_norm=QueryKeyNorm.PER_HEAD)
GPT_2 = Block(
    norm=Norm.LAYER,
    norms=("ln_1", "ln_2"),
    attention="attn",
    heads=Heads.SPLIT,
    projections=("c_attn", "c_proj"),
    rotary=Rotary.NONE,
    softmax_bytes=0,
    mlp_projections=("c_fc", "c_proj"),
    gated=False,
    activation=Activation.GELU_NEW,
    residual_dropout=True,
    attention_dropout=True,
    holds_attended=True,
    embedding=(Stem.ADD, Stem.DROPOUT),
    final_norm="ln_f",
)

DENSE: Mapping[str, Block] = {
    "arcee": replace(PLAIN, activation=Activation.RELU_SQUARED),
    "cohere": replace(
        LLAMA,
        norm=Norm.LAYER_BY_HAND,
        order=Order.PARALLEL,
        norms=("input_layernorm",),
        adds_input_first=True,
        rotary=Rotary.FLOAT32,
        scales_logits=True,
    ),
    "gemma": GEMMA,
    "gemma2": GEMMA_2,
    "gemma3_text": replace(
        GEMMA_2, softcap=False, final_softcap=False, num_tables=2, qk_norm=QueryKeyNorm.PER_HEAD, shortest_window=512
    ),
    "gpt2": GPT_2,
    "gpt_neox": Block(
        norm=Norm.LAYER,
        order=Order.PARALLEL_TWO,
        attention="attention",
        heads=Heads.SLICED,
        projections=("query_key_value", "dense"),
        rotary_share=0.25,
        joins_rotated=True,
        softmax_bytes=4,
        mlp_projections=("dense_h_to_4h", "dense_4h_to_h"),
        gated=False,
        activation=Activation.GELU,
        final_norm="final_layer_norm",
    ),
    "granite": replace(LLAMA, scales_residual=True, scales_logits=True, embedding=(Stem.SCALE,)),
    "llama": LLAMA,
    "ministral": replace(LLAMA, shortest_window=4096),
    "mistral": replace(LLAMA, shortest_window=4096),
    "nemotron": replace(
        PLAIN, norm=Norm.LAYER_ONE_PLUS, rotary_share=0.5, joins_rotated=True, activation=Activation.RELU_SQUARED
    ),
    "olmo": replace(LLAMA, norm=Norm.LAYER_FLOAT32, has_wide_tables=True),
    "olmo2": OLMO_2,
    "opt": Block(
        norm=Norm.LAYER,
        norms=("self_attn_layer_norm", "final_layer_norm"),
        projections=("q_proj", "k_proj", "v_proj", "out_proj"),
        rotary=Rotary.NONE,
        scales_queries=True,
        mlp="",
        mlp_projections=("fc1", "fc2"),
        gated=False,
        activation=Activation.RELU,
        residual_dropout=True,
        embedding=(Stem.ADD,),
        final_norm="final_layer_norm",
    ),
    "phi": replace(
        PLAIN,
        norm=Norm.LAYER,
        order=Order.PARALLEL,
        norms=("input_layernorm",),
        projections=("q_proj", "k_proj", "v_proj", "dense"),
        rotary_share=0.5,
        joins_rotated=True,
        mlp_projections=("fc1", "fc2"),
        activation=Activation.GELU_NEW,
        final_norm="final_layernorm",
    ),
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
