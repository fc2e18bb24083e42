"""The layers of model types from before Llama: layer norms, plain feed-forward blocks, attention written by hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ftlint.knowledge.architectures import Architecture
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
    Scores,
    Stem,
)

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
BLOOM = Block(
    norm=Norm.LAYER,
    attention="self_attention",
    heads=Heads.SLICED,
    projections=("query_key_value", "dense"),
    rotary=Rotary.NONE,
    kernels=Kernels.EAGER,
    scores=Scores.PRODUCT_ON_BIAS,
    mlp_projections=("dense_h_to_4h", "dense_4h_to_h"),
    gated=False,
    activation=Activation.GELU_BY_HAND,
    adds_inside=("attention", "mlp"),
    returns_weights=True,
    embedding=(Stem.NORM,),
    final_norm="ln_f",
)
GPT_J = Block(
    norm=Norm.LAYER,
    order=Order.PARALLEL,
    norms=("ln_1",),
    attention="attn",
    projections=("q_proj", "k_proj", "v_proj", "out_proj"),
    rotary=Rotary.LOOKED_UP,
    joins_rotated=True,
    joins_by_token=True,
    holds_parts=True,
    kernels=Kernels.EAGER,
    scores=Scores.WIDE,
    returns_weights=True,
    mlp_projections=("fc_in", "fc_out"),
    gated=False,
    activation=Activation.GELU_NEW,
    final_norm="ln_f",
)
CODEGEN = replace(
    GPT_J,
    heads=Heads.REGROUPED,
    projections=("qkv_proj", "out_proj"),
    rotary=Rotary.LOOKED_UP_FLOAT32,
    scores=Scores.WIDE_MASKED_FIRST,
)
FALCON_40B = Block(
    norm=Norm.LAYER,
    order=Order.PARALLEL_TWO,
    norms=("ln_attn", "ln_mlp"),
    norms_first=True,
    attention="self_attention",
    heads=Heads.BROADCAST,
    projections=("query_key_value", "dense"),
    kernels=Kernels.MASKED,
    scores=Scores.IN_PLACE,
    returns_weights=True,
    transposes_weights=True,
    mlp_projections=("dense_h_to_4h", "dense_4h_to_h"),
    gated=False,
    activation=Activation.GELU,
    adds_in_place=True,
    final_norm="ln_f",
)
FALCON_11B = replace(FALCON_40B, order=Order.PARALLEL, norms=("input_layernorm",))
FALCON_7B = replace(FALCON_11B, heads=Heads.MULTI_QUERY, kernels=Kernels.UNKNOWN)
"""Whether a kernel of SDPA's takes one key head for many query heads is another question on each GPU."""
MPT = Block(
    norm=Norm.LAYER,
    norms=("norm_1", "norm_2"),
    attention="attn",
    heads=Heads.SPLIT,
    projections=("Wqkv", "out_proj"),
    rotary=Rotary.NONE,
    kernels=Kernels.EAGER,
    scores=Scores.FLOAT32_BIAS,
    mlp="ffn",
    mlp_projections=("up_proj", "down_proj"),
    gated=False,
    activation=Activation.GELU,
    holds_attended=True,
    adds_inside=("mlp",),
    returns_weights=True,
    final_norm="norm_f",
)
OPT = Block(
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
)
PHI = Block(
    norm=Norm.LAYER,
    order=Order.PARALLEL,
    norms=("input_layernorm",),
    projections=("q_proj", "k_proj", "v_proj", "dense"),
    rotary_share=0.5,
    joins_rotated=True,
    mlp_projections=("fc1", "fc2"),
    gated=False,
    activation=Activation.GELU_NEW,
    final_norm="final_layernorm",
)
STABLELM = Block(
    norm=Norm.LAYER, rotary_share=0.25, joins_rotated=True, holds_parts=True, holds_attended=True, holds_normed=True
)


def _rotating(block: Block, architecture: Architecture) -> Block | None:
    """GPT-J and CodeGen turn as many of a head's elements as `rotary_dim` says."""
    width = architecture.optional_number("rotary_dim")
    return None if width is None else replace(block, rotary_share=min(1.0, width / architecture.head_dim))


def _falcon(architecture: Architecture) -> Block | None:
    """By decoder architecture; alibi, biases and one block after the other are Falcon-RW's, and not described."""
    is_parallel = architecture.flag("parallel_attn")
    if architecture.flag("alibi") or architecture.flag("bias") or not is_parallel:
        return None
    if architecture.flag("new_decoder_architecture"):
        return FALCON_11B if architecture.optional_number("num_ln_in_parallel_attn") == 1 else FALCON_40B
    return FALCON_7B if architecture.num_key_value_heads == 1 < architecture.num_attention_heads else None


def _bloom(architecture: Architecture) -> Block | None:
    flags = ("apply_residual_connection_post_layernorm", "slow_but_exact")
    return None if any(architecture.flag(name) for name in flags) else BLOOM


def _opt(architecture: Architecture) -> Block | None:
    """OPT-350m norms what it has added, and has words of another width."""
    block = OPT
    if architecture.number("word_embed_proj_dim") != architecture.hidden_size:
        block = replace(block, embedding=(Stem.PROJECT, *block.embedding))
    return block if architecture.flag("do_layer_norm_before") else replace(block, order=Order.ADD_NORM)


def _stablelm(architecture: Architecture) -> Block:
    block = STABLELM
    if architecture.flag("use_parallel_residual"):
        block = replace(block, order=Order.PARALLEL, norms=("input_layernorm",), adds_input_first=True)
    return replace(block, qk_norm=QueryKeyNorm.EACH_HEAD) if architecture.flag("qk_layernorm") else block


OLDER: Mapping[str, Description] = {
    "bloom": _bloom,
    "codegen": lambda numbers: _rotating(CODEGEN, numbers),
    "falcon": _falcon,
    "gpt2": GPT_2,
    "gpt_bigcode": replace(GPT_2, softmax_bytes=4, activation=Activation.GELU),
    "gpt_neo": replace(
        GPT_2,
        attention="attn.attention",
        heads=Heads.SEPARATE,
        projections=("q_proj", "k_proj", "v_proj", "out_proj"),
        kernels=Kernels.EAGER,
        scores=Scores.WIDE_MASKED_TWICE,
        returns_weights=True,
        residual_dropout=False,
        attention_dropout=False,
        embedding=(Stem.ADD,),
    ),
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
    "gptj": lambda numbers: _rotating(GPT_J, numbers),
    "mpt": lambda numbers: replace(MPT, clamps_projected=numbers.flag("clip_qkv")),
    "opt": _opt,
    "phi": lambda numbers: None if numbers.flag("qk_layernorm") else PHI,
    "stablelm": _stablelm,
}

HAD_OWN_LOSS = frozenset(OLDER) - {"phi"}
"""Below transformers 4.48.3 these classes took the cross entropy themselves, of shifted logits in their own format.

What is alive then is not described: of 16 published runs of GPT-BigCode the common loss is up to 30 % off.
"""
