"""Falcon-H1, whose layers run attention and Mamba 2 side by side, and Bamba, whose layers are one or the other.

Source: transformers 5.23 `models/falcon_h1/modeling_falcon_h1.py`, `models/bamba/modeling_bamba.py`.
"""

from __future__ import annotations

from ftlint.knowledge.architectures.architecture import Architecture, Specific
from ftlint.knowledge.architectures.families.decoder import Attention, Mlp, attention_block, mlp_block, read_heads
from ftlint.knowledge.architectures.families.mamba2 import mixer, read_mixer
from ftlint.knowledge.architectures.family import DecoderHeads, Family, Question
from ftlint.knowledge.architectures.reading import ConfigReader
from ftlint.knowledge.architectures.tensors import (
    ParameterTable,
    Section,
    Tensors,
    embedding,
    join,
    norm,
    rows_of,
    scoped,
    single,
)

ATTENTION = Attention("attention_bias", "attention_bias")


def family(model_type: str) -> Family:
    """How this file's model types are read and built."""
    return Family(_read, _build)


def _read(reader: ConfigReader) -> Architecture:
    num_heads, num_key_value_heads, head_dim = read_heads(reader)
    num_layers = reader.layers("num_hidden_layers")
    return Architecture(
        model_type=reader.model_type,
        hidden_size=reader.integer("hidden_size"),
        num_layers=num_layers,
        num_attention_heads=num_heads,
        num_key_value_heads=num_key_value_heads,
        head_dim=head_dim,
        intermediate_size=reader.integer("intermediate_size"),
        vocab_size=reader.integer("vocab_size"),
        max_position_embeddings=reader.optional_integer("max_position_embeddings"),
        tie_word_embeddings=reader.flag("tie_word_embeddings"),
        specifics=(
            ("attention_bias", reader.optional_flag("attention_bias")),
            ("mlp_bias", reader.optional_flag("mlp_bias")),
            *(_falcon(reader) if reader.model_type == "falcon_h1" else _bamba(reader, num_layers)),
        ),
    )


def _falcon(reader: ConfigReader) -> tuple[tuple[str, Specific], ...]:
    return (
        ("mamba_rms_norm", reader.flag("mamba_rms_norm")),
        ("projectors_bias", reader.flag("projectors_bias")),
        *read_mixer(reader, reader.optional_integer("mamba_d_ssm")),
    )


def _bamba(reader: ConfigReader, num_layers: int) -> tuple[tuple[str, Specific], ...]:
    attending = frozenset(reader.integers("attn_layer_indices"))
    return (
        ("attention_layers", tuple(index for index in range(num_layers) if index in attending)),
        *read_mixer(reader),
    )


def _build(architecture: Architecture, question: Question) -> ParameterTable | None:
    hidden_size = architecture.hidden_size
    layers = (
        rows_of("layers", [True] * architecture.num_layers, lambda _: _falcon_layer(architecture))
        if architecture.model_type == "falcon_h1"
        else _bamba_layers(architecture)
    )
    body: tuple[Section, ...] = (
        single(embedding("embed_tokens", architecture.vocab_size, hidden_size)),
        *layers,
        single(norm("final_layernorm", hidden_size)),
    )
    return DecoderHeads().build(architecture, question, body)


def _falcon_layer(architecture: Architecture) -> Tensors:
    mamba = mixer(
        architecture,
        has_norm=architecture.flag("mamba_rms_norm"),
        output_bias=architecture.flag("projectors_bias"),
    )
    return join(
        _feed_forward(architecture),
        scoped("mamba", mamba),
        scoped("self_attn", attention_block(ATTENTION, architecture)),
        _norms(architecture),
    )


def _bamba_layers(architecture: Architecture) -> tuple[Section, ...]:
    attending = frozenset(architecture.numbers("attention_layers"))

    def layer(attends: bool) -> Tensors:
        attention = scoped("self_attn", attention_block(ATTENTION, architecture)) if attends else ()
        mamba = () if attends else scoped("mamba", mixer(architecture))
        return join(_feed_forward(architecture), _norms(architecture), mamba, attention)

    return rows_of("layers", [index in attending for index in range(architecture.num_layers)], layer)


def _feed_forward(architecture: Architecture) -> Tensors:
    hidden_size, width = architecture.hidden_size, architecture.intermediate_size
    return scoped("feed_forward", mlp_block(Mlp.GATED, hidden_size, width, bias=architecture.flag("mlp_bias")))


def _norms(architecture: Architecture) -> Tensors:
    hidden_size = architecture.hidden_size
    return join(norm("input_layernorm", hidden_size), norm("pre_ff_layernorm", hidden_size))
