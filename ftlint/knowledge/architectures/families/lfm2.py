"""LFM2: short convolutions in most layers, attention in the others, and experts in the larger models.

Source: transformers 5.23 `models/lfm2/`, `models/lfm2_moe/`.
"""

from __future__ import annotations

from ftlint.knowledge.architectures.architecture import Architecture, Layout
from ftlint.knowledge.architectures.families.decoder import expert_block, read_heads, router
from ftlint.knowledge.architectures.families.layer_kinds import attention_layers
from ftlint.knowledge.architectures.family import DecoderHeads, Family, Question
from ftlint.knowledge.architectures.reading import ConfigReader, UnknownArchitectureError
from ftlint.knowledge.architectures.tensors import (
    ParameterTable,
    Role,
    Section,
    Tensors,
    bare,
    embedding,
    join,
    linear,
    norm,
    rows_of,
    scoped,
    single,
)

OLDER_KEYS = {"block_ff_dim": "intermediate_size", "tie_embedding": "tie_word_embeddings"}
"""Spellings of released files, which the config classes take in place of their own keys, whatever those say."""


def family(model_type: str) -> Family:
    """How this file's model types are read and built."""
    return Family(_read, _build)


def _read(reader: ConfigReader) -> Architecture:
    is_mixture = reader.model_type == "lfm2_moe"
    config = dict(reader.config)
    for older, own in OLDER_KEYS.items():
        if older in config and not (is_mixture and older == "block_ff_dim"):
            config[own] = config.pop(older)
    reader = ConfigReader(reader.model_type, config, reader.defaults)
    num_heads, num_key_value_heads, head_dim = read_heads(reader)
    num_layers = reader.layers("num_hidden_layers")
    num_dense = reader.integer("num_dense_layers", minimum=0) if is_mixture else num_layers
    return Architecture(
        model_type=reader.model_type,
        hidden_size=reader.integer("hidden_size"),
        num_layers=num_layers,
        num_attention_heads=num_heads,
        num_key_value_heads=num_key_value_heads,
        head_dim=head_dim,
        intermediate_size=reader.integer("intermediate_size") if is_mixture else _width(reader),
        vocab_size=reader.integer("vocab_size"),
        max_position_embeddings=reader.optional_integer("max_position_embeddings"),
        tie_word_embeddings=reader.flag("tie_word_embeddings"),
        num_experts=reader.integer("num_experts") if is_mixture else 0,
        num_experts_per_token=reader.part("num_experts_per_tok", "num_experts") if is_mixture else 0,
        expert_intermediate_size=reader.integer("moe_intermediate_size") if is_mixture else 0,
        num_sparse_layers=max(0, num_layers - num_dense),
        specifics=(
            ("attention_layers", _attention_layers(reader, num_layers)),
            ("conv_L_cache", reader.integer("conv_L_cache")),
            ("conv_bias", reader.flag("conv_bias")),
        ),
    )


def _attention_layers(reader: ConfigReader, num_layers: int) -> tuple[int, ...]:
    if reader.model_type == "lfm2_moe":
        if not reader.texts("layer_types"):
            raise UnknownArchitectureError("layer_types is missing")
        return attention_layers(reader, num_layers, other="conv", unsaid=lambda index: False)
    attending = None if reader.value("full_attn_idxs") is None else frozenset(reader.integers("full_attn_idxs"))
    return attention_layers(
        reader, num_layers, other="conv", unsaid=lambda index: attending is None or index in attending
    )


def _width(reader: ConfigReader) -> int:
    """The feed-forward block's width: two thirds of what is written, rounded up to a multiple."""
    written, multiplier = reader.integer("intermediate_size"), reader.config.get("block_ffn_dim_multiplier", 1.0)
    if not reader.flag("block_auto_adjust_ff_dim"):
        return written
    width = int(2 * written / 3)
    if multiplier is None:
        return width
    if isinstance(multiplier, bool) or not isinstance(multiplier, int | float) or not 0 < multiplier < 100:
        raise UnknownArchitectureError("block_ffn_dim_multiplier must be a number from 0 to 100")
    step = reader.integer("block_multiple_of")
    return -(-int(multiplier * width) // step) * step


def _build(architecture: Architecture, question: Question) -> ParameterTable | None:
    if architecture.num_experts and question.layout is Layout.TRANSFORMERS_4:
        return None  # generation 4 has no such class
    attending = frozenset(architecture.numbers("attention_layers"))
    first_sparse = architecture.num_layers - architecture.num_sparse_layers
    kinds = [(index in attending, index >= first_sparse) for index in range(architecture.num_layers)]
    body: tuple[Section, ...] = (
        single(embedding("embed_tokens", architecture.vocab_size, architecture.hidden_size)),
        *rows_of("layers", kinds, lambda kind: _layer(architecture, *kind)),
        single(norm("embedding_norm", architecture.hidden_size)),
    )
    return DecoderHeads().build(architecture, question, body)


def _layer(architecture: Architecture, attends: bool, is_sparse: bool) -> Tensors:
    hidden_size = architecture.hidden_size
    return join(
        scoped("self_attn", _attention(architecture)) if attends else scoped("conv", _convolution(architecture)),
        scoped("feed_forward", _experts(architecture) if is_sparse else _feed_forward(architecture)),
        norm("operator_norm", hidden_size),
        norm("ffn_norm", hidden_size),
    )


def _attention(architecture: Architecture) -> Tensors:
    hidden_size, query_width, width = architecture.hidden_size, architecture.query_width, architecture.key_value_width
    return join(
        linear("q_proj", hidden_size, query_width),
        linear("k_proj", hidden_size, width),
        linear("v_proj", hidden_size, width),
        linear("out_proj", query_width, hidden_size),
        norm("q_layernorm", architecture.head_dim),
        norm("k_layernorm", architecture.head_dim),
    )


def _convolution(architecture: Architecture) -> Tensors:
    hidden_size, has_bias = architecture.hidden_size, architecture.flag("conv_bias")
    return join(
        bare("conv.weight", hidden_size, 1, architecture.number("conv_L_cache"), role=Role.OTHER),
        bare("conv.bias", hidden_size, role=Role.BIAS) if has_bias else (),
        linear("in_proj", hidden_size, 3 * hidden_size, bias=has_bias),
        linear("out_proj", hidden_size, hidden_size, bias=has_bias),
    )


def _feed_forward(architecture: Architecture) -> Tensors:
    """w1 is the gate, w3 the up and w2 the down projection."""
    hidden_size, width = architecture.hidden_size, architecture.intermediate_size
    into = (linear(name, hidden_size, width) for name in ("w1", "w3"))
    return join(*into, linear("w2", width, hidden_size))


def _experts(architecture: Architecture) -> Tensors:
    layout = Layout.TRANSFORMERS_5
    return join(scoped("experts", expert_block(architecture, layout)), router("gate", architecture, layout))
