"""Granite 4: layers of Mamba 2 and of attention, each with a dense block and, in some models, experts beside it.

Source: transformers 5.23 `models/granitemoehybrid/modeling_granitemoehybrid.py`.
"""

from __future__ import annotations

from ftlint.knowledge.architectures.architecture import Architecture, Layout
from ftlint.knowledge.architectures.families.decoder import Attention, attention_block, read_heads
from ftlint.knowledge.architectures.families.layer_kinds import attention_layers
from ftlint.knowledge.architectures.families.mamba2 import mixer, read_mixer
from ftlint.knowledge.architectures.families.mixture import BLOCKS
from ftlint.knowledge.architectures.family import DecoderHeads, Family, Question
from ftlint.knowledge.architectures.reading import ConfigReader
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

ATTENTION = Attention("attention_bias", "attention_bias")


def family(model_type: str) -> Family:
    """How this file's model types are read and built."""
    return Family(_read, _build)


def _read(reader: ConfigReader) -> Architecture:
    num_heads, num_key_value_heads, head_dim = read_heads(reader)
    num_layers = reader.layers("num_hidden_layers")
    num_experts = reader.integer("num_local_experts", minimum=0)
    return Architecture(
        model_type=reader.model_type,
        hidden_size=reader.integer("hidden_size"),
        num_layers=num_layers,
        num_attention_heads=num_heads,
        num_key_value_heads=num_key_value_heads,
        head_dim=head_dim,
        intermediate_size=reader.integer("shared_intermediate_size"),
        vocab_size=reader.integer("vocab_size"),
        max_position_embeddings=reader.optional_integer("max_position_embeddings"),
        tie_word_embeddings=reader.flag("tie_word_embeddings"),
        num_experts=num_experts,
        num_experts_per_token=reader.part("num_experts_per_tok", "num_local_experts") if num_experts else 0,
        expert_intermediate_size=reader.integer("intermediate_size") if num_experts else 0,
        num_sparse_layers=num_layers if num_experts else 0,
        specifics=(
            ("attention_bias", reader.optional_flag("attention_bias")),
            ("attention_layers", _attention_layers(reader, num_layers)),
            *read_mixer(reader),
        ),
    )


def _attention_layers(reader: ConfigReader, num_layers: int) -> tuple[int, ...]:
    return attention_layers(reader, num_layers, other="linear_attention", unsaid=lambda index: False)


def _build(architecture: Architecture, question: Question) -> ParameterTable | None:
    attending = frozenset(architecture.numbers("attention_layers"))
    kinds = [index in attending for index in range(architecture.num_layers)]
    body: tuple[Section, ...] = (
        single(embedding("embed_tokens", architecture.vocab_size, architecture.hidden_size)),
        *rows_of("layers", kinds, lambda attends: _layer(architecture, question.layout, attends)),
        single(norm("norm", architecture.hidden_size)),
    )
    return DecoderHeads().build(architecture, question, body)


def _layer(architecture: Architecture, layout: Layout, attends: bool) -> Tensors:
    hidden_size, width = architecture.hidden_size, architecture.intermediate_size
    norms = join(norm("input_layernorm", hidden_size), norm("post_attention_layernorm", hidden_size))
    experts = BLOCKS["granite"](architecture, layout) if architecture.num_experts else ()
    dense = scoped(
        "shared_mlp",
        linear("input_linear", hidden_size, 2 * width),
        linear("output_linear", width, hidden_size),
    )
    before = join(norms, experts) if layout is Layout.TRANSFORMERS_5 else join(experts, norms)
    if attends:
        return join(before, dense, scoped("self_attn", attention_block(ATTENTION, architecture)))
    return join(before, dense, scoped("mamba", mixer(architecture)))
