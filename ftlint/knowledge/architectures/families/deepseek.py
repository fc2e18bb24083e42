"""DeepSeek V2 and V3, and GLM-4.7-Flash: latent attention, a few dense layers, then mixtures with shared experts.

Source: transformers 5.23 `models/deepseek_v2/`, `models/deepseek_v3/`, `models/glm4_moe_lite/`. The layer that predicts
further tokens, which DeepSeek-V3's files carry (`num_nextn_predict_layers`), is no part of these classes, nor counted.
"""

from __future__ import annotations

from ftlint.knowledge.architectures.architecture import Architecture, Layout
from ftlint.knowledge.architectures.families.decoder import Mlp, expert_block, mlp_block, router
from ftlint.knowledge.architectures.families.layer_kinds import read_kinds
from ftlint.knowledge.architectures.family import DecoderHeads, Family, Question
from ftlint.knowledge.architectures.reading import ConfigReader, UnknownArchitectureError
from ftlint.knowledge.architectures.tensors import (
    ParameterTable,
    Section,
    Tensors,
    embedding,
    join,
    linear,
    norm,
    rows_of,
    scoped,
    single,
)


def family(model_type: str) -> Family:
    """How this file\'s model types are read and built."""
    return Family(_read, _build)


def _read(reader: ConfigReader) -> Architecture:
    num_heads = reader.integer("num_attention_heads")
    num_layers = reader.layers("num_hidden_layers")
    num_dense_layers = _num_dense_layers(reader, num_layers)
    nope_width, rope_width = reader.integer("qk_nope_head_dim"), reader.integer("qk_rope_head_dim")
    # Only V2 has biases in its feed-forward blocks.
    has_mlp_bias = reader.model_type == "deepseek_v2" and reader.optional_flag("mlp_bias")
    return Architecture(
        model_type=reader.model_type,
        hidden_size=reader.integer("hidden_size"),
        num_layers=num_layers,
        num_attention_heads=num_heads,
        num_key_value_heads=reader.optional_integer("num_key_value_heads") or num_heads,
        head_dim=nope_width + rope_width,
        intermediate_size=reader.integer("intermediate_size"),
        vocab_size=reader.integer("vocab_size"),
        max_position_embeddings=reader.optional_integer("max_position_embeddings"),
        tie_word_embeddings=reader.flag("tie_word_embeddings"),
        num_experts=reader.integer("n_routed_experts"),
        num_experts_per_token=reader.part("num_experts_per_tok", "n_routed_experts"),
        expert_intermediate_size=reader.integer("moe_intermediate_size"),
        num_sparse_layers=max(0, num_layers - num_dense_layers),
        specifics=(
            ("attention_bias", reader.optional_flag("attention_bias")),
            ("kv_lora_rank", reader.integer("kv_lora_rank")),
            ("mlp_bias", has_mlp_bias),
            ("n_shared_experts", reader.integer("n_shared_experts")),
            ("q_lora_rank", reader.optional_integer("q_lora_rank")),
            ("qk_nope_head_dim", nope_width),
            ("qk_rope_head_dim", rope_width),
            ("v_head_dim", reader.integer("v_head_dim")),
        ),
    )


def _num_dense_layers(reader: ConfigReader, num_layers: int) -> int:
    if reader.model_type != "glm4_moe_lite":
        return reader.integer("first_k_dense_replace", minimum=0)
    # Its class passes over that key, which its files have too.
    kinds = read_kinds(reader, "mlp_layer_types", num_layers, ("dense", "sparse"))
    if list(kinds) != sorted(kinds):
        raise UnknownArchitectureError("mlp_layer_types must have its dense layers first")
    return kinds.count("dense") if kinds else 1


def _build(architecture: Architecture, question: Question) -> ParameterTable | None:
    layout = question.layout
    if layout is Layout.TRANSFORMERS_4 and (
        architecture.flag("mlp_bias") or architecture.model_type == "glm4_moe_lite"
    ):
        return None  # separate experts would have biases too, which no released model has; or there is no such class
    num_dense_layers = architecture.num_layers - architecture.num_sparse_layers
    kinds = [index >= num_dense_layers for index in range(architecture.num_layers)]
    body: tuple[Section, ...] = (
        single(embedding("embed_tokens", architecture.vocab_size, architecture.hidden_size)),
        *rows_of("layers", kinds, lambda is_sparse: _layer(architecture, layout, is_sparse)),
        single(norm("norm", architecture.hidden_size)),
    )
    return DecoderHeads().build(architecture, question, body)


def _layer(architecture: Architecture, layout: Layout, is_sparse: bool) -> Tensors:
    hidden_size, has_bias = architecture.hidden_size, architecture.flag("mlp_bias")
    if is_sparse:
        shared_width = architecture.expert_intermediate_size * architecture.number("n_shared_experts")
        mlp = join(
            scoped("experts", expert_block(architecture, layout)),
            # A bare parameter in transformers 4 too.
            router("gate", architecture, Layout.TRANSFORMERS_5),
            scoped("shared_experts", mlp_block(Mlp.GATED, hidden_size, shared_width, bias=has_bias)),
        )
    else:
        mlp = mlp_block(Mlp.GATED, hidden_size, architecture.intermediate_size, bias=has_bias)
    return join(
        scoped("self_attn", _attention(architecture)),
        scoped("mlp", mlp),
        norm("input_layernorm", hidden_size),
        norm("post_attention_layernorm", hidden_size),
    )


def _attention(architecture: Architecture) -> Tensors:
    hidden_size, num_heads = architecture.hidden_size, architecture.num_attention_heads
    has_bias, q_lora_rank = architecture.flag("attention_bias"), architecture.optional_number("q_lora_rank")
    kv_lora_rank, value_width = architecture.number("kv_lora_rank"), architecture.number("v_head_dim")
    nope_width, rope_width = architecture.number("qk_nope_head_dim"), architecture.number("qk_rope_head_dim")
    query_width = num_heads * (nope_width + rope_width)
    if q_lora_rank is None:
        query = linear("q_proj", hidden_size, query_width)
    else:
        query = join(
            linear("q_a_proj", hidden_size, q_lora_rank, bias=has_bias),
            norm("q_a_layernorm", q_lora_rank),
            linear("q_b_proj", q_lora_rank, query_width),
        )
    return join(
        query,
        linear("kv_a_proj_with_mqa", hidden_size, kv_lora_rank + rope_width, bias=has_bias),
        norm("kv_a_layernorm", kv_lora_rank),
        linear("kv_b_proj", kv_lora_rank, num_heads * (nope_width + value_width)),
        linear("o_proj", num_heads * value_width, hidden_size, bias=has_bias),
    )
