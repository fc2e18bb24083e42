"""Qwen3-Next and the text models of Qwen3.5: one layer of attention for three of gated linear attention.

Source: transformers 5.23 `models/qwen3_next/`, `models/qwen3_5/`, `models/qwen3_5_moe/`.
"""

from __future__ import annotations

from ftlint.knowledge.architectures.architecture import Architecture, Layout
from ftlint.knowledge.architectures.families.decoder import (
    Attention,
    Mlp,
    QueryKeyNorm,
    attention_block,
    mlp_block,
    read_heads,
)
from ftlint.knowledge.architectures.families.layer_kinds import attention_layers
from ftlint.knowledge.architectures.families.mixture import BLOCKS
from ftlint.knowledge.architectures.family import DecoderHeads, Family, Question
from ftlint.knowledge.architectures.reading import ConfigReader
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

ATTENTION = Attention("attention_bias", "attention_bias", qk_norm=QueryKeyNorm.PER_HEAD, has_output_gate=True)
LINEAR_KEYS = (
    "linear_conv_kernel_dim",
    "linear_key_head_dim",
    "linear_num_key_heads",
    "linear_num_value_heads",
    "linear_value_head_dim",
)
INTERVAL = 4
"""Layers from one attention to the next, where the file does not say: the classes' own default."""


def family(model_type: str) -> Family:
    """How this file's model types are read and built."""
    return Family(_read, _build)


def _read(reader: ConfigReader) -> Architecture:
    num_heads, num_key_value_heads, head_dim = read_heads(reader)
    num_layers = reader.layers("num_hidden_layers")
    sparse = _sparse_layers(reader, num_layers)
    expert_width = reader.integer("moe_intermediate_size") if sparse else 0
    shared_width = reader.integer("shared_expert_intermediate_size") if sparse else 0
    return Architecture(
        model_type=reader.model_type,
        hidden_size=reader.integer("hidden_size"),
        num_layers=num_layers,
        num_attention_heads=num_heads,
        num_key_value_heads=num_key_value_heads,
        head_dim=head_dim,
        intermediate_size=reader.optional_integer("intermediate_size") or expert_width,
        vocab_size=reader.integer("vocab_size"),
        max_position_embeddings=reader.optional_integer("max_position_embeddings"),
        tie_word_embeddings=reader.flag("tie_word_embeddings"),
        num_experts=reader.integer("num_experts") if sparse else 0,
        num_experts_per_token=reader.part("num_experts_per_tok", "num_experts") if sparse else 0,
        expert_intermediate_size=expert_width,
        num_sparse_layers=len(sparse),
        specifics=(
            ("attention_bias", reader.optional_flag("attention_bias")),
            ("attention_layers", _attention_layers(reader, num_layers)),
            *((key, reader.integer(key)) for key in LINEAR_KEYS),
            ("shared_expert_intermediate_size", shared_width),
            ("sparse_layers", sparse),
        ),
    )


def _attention_layers(reader: ConfigReader, num_layers: int) -> tuple[int, ...]:
    interval = reader.optional_integer("full_attention_interval") or INTERVAL
    return attention_layers(
        reader, num_layers, other="linear_attention", unsaid=lambda index: (index + 1) % interval == 0
    )


def _sparse_layers(reader: ConfigReader, num_layers: int) -> tuple[int, ...]:
    if reader.model_type == "qwen3_5_text":
        return ()
    if reader.model_type == "qwen3_5_moe_text":
        return tuple(range(num_layers))
    step, dense = reader.integer("decoder_sparse_step"), frozenset(reader.integers("mlp_only_layers"))
    return tuple(index for index in range(num_layers) if index not in dense and (index + 1) % step == 0)


def _build(architecture: Architecture, question: Question) -> ParameterTable | None:
    if architecture.model_type == "qwen3_5_moe_text" and question.layout is Layout.TRANSFORMERS_4:
        return None  # generation 4 has no such class
    attending = frozenset(architecture.numbers("attention_layers"))
    sparse = frozenset(architecture.numbers("sparse_layers"))
    kinds = [(index in attending, index in sparse) for index in range(architecture.num_layers)]
    body: tuple[Section, ...] = (
        single(embedding("embed_tokens", architecture.vocab_size, architecture.hidden_size)),
        *rows_of("layers", kinds, lambda kind: _layer(architecture, question.layout, *kind)),
        single(norm("norm", architecture.hidden_size)),
    )
    return DecoderHeads().build(architecture, question, body)


def _layer(architecture: Architecture, layout: Layout, attends: bool, is_sparse: bool) -> Tensors:
    hidden_size = architecture.hidden_size
    mixer = (
        scoped("self_attn", attention_block(ATTENTION, architecture))
        if attends
        else scoped("linear_attn", _linear_attention(architecture))
    )
    block = (
        BLOCKS["qwen2"](architecture, layout)
        if is_sparse
        else scoped("mlp", mlp_block(Mlp.GATED, hidden_size, architecture.intermediate_size))
    )
    return join(mixer, block, norm("input_layernorm", hidden_size), norm("post_attention_layernorm", hidden_size))


def _linear_attention(architecture: Architecture) -> Tensors:
    hidden_size = architecture.hidden_size
    num_heads, head_width = architecture.number("linear_num_value_heads"), architecture.number("linear_value_head_dim")
    keys = architecture.number("linear_num_key_heads") * architecture.number("linear_key_head_dim")
    values = num_heads * head_width
    own = join(
        bare("dt_bias", num_heads, role=Role.OTHER),
        bare("A_log", num_heads, role=Role.OTHER),
        bare("conv1d.weight", 2 * keys + values, 1, architecture.number("linear_conv_kernel_dim"), role=Role.OTHER),
    )
    rest = join(norm("norm", head_width), linear("out_proj", values, hidden_size))
    if architecture.model_type == "qwen3_next":
        into = join(
            linear("in_proj_qkvz", hidden_size, 2 * keys + 2 * values),
            linear("in_proj_ba", hidden_size, 2 * num_heads),
        )
        return join(own, into, rest)
    # Qwen3.5 takes the fused projections apart, and registers the parts last.
    parts = (
        ("in_proj_qkv", 2 * keys + values),
        ("in_proj_z", values),
        ("in_proj_b", num_heads),
        ("in_proj_a", num_heads),
    )
    return join(own, rest, *(linear(name, hidden_size, width) for name, width in parts))
