"""Phi-1, Phi-1.5 and Phi-2. Source: transformers 5.23 `models/phi/modeling_phi.py`."""

from __future__ import annotations

from ftlint.knowledge.architectures.architecture import Architecture
from ftlint.knowledge.architectures.families.decoder import read_heads
from ftlint.knowledge.architectures.families.keys import Keys
from ftlint.knowledge.architectures.family import DecoderHeads, Family, Question
from ftlint.knowledge.architectures.reading import ConfigReader, UnknownArchitectureError
from ftlint.knowledge.architectures.tensors import (
    ParameterTable,
    Tensors,
    embedding,
    join,
    linear,
    norm,
    row,
    scoped,
    single,
)

HEADS = DecoderHeads(has_lm_head_bias=True)


def family(model_type: str) -> Family:
    """How this file\'s model types are read and built."""
    return Family(_read, _build)


def _read(reader: ConfigReader) -> Architecture:
    num_heads, num_key_value_heads, head_dim = read_heads(reader)
    if head_dim * num_heads != reader.integer("hidden_size"):
        raise UnknownArchitectureError("no released model has a head width of its own")
    specifics = (("qk_layernorm", reader.flag("qk_layernorm")),)
    return Keys().read(reader, num_key_value_heads=num_key_value_heads, specifics=specifics)


def _build(architecture: Architecture, question: Question) -> ParameterTable | None:
    hidden_size = architecture.hidden_size
    body = (
        single(embedding("embed_tokens", architecture.vocab_size, hidden_size)),
        row("layers", architecture.num_layers, _layer(architecture)),
        single(norm("final_layernorm", hidden_size, bias=True)),
    )
    return HEADS.build(architecture, question, body)


def _layer(architecture: Architecture) -> Tensors:
    hidden_size, width = architecture.hidden_size, architecture.intermediate_size
    names = ("q_layernorm", "k_layernorm") if architecture.flag("qk_layernorm") else ()
    return join(
        scoped(
            "self_attn",
            linear("q_proj", hidden_size, architecture.query_width, bias=True),
            linear("k_proj", hidden_size, architecture.key_value_width, bias=True),
            linear("v_proj", hidden_size, architecture.key_value_width, bias=True),
            linear("dense", architecture.query_width, hidden_size, bias=True),
            *(norm(name, architecture.head_dim, bias=True) for name in names),
        ),
        scoped("mlp", linear("fc1", hidden_size, width, bias=True), linear("fc2", width, hidden_size, bias=True)),
        norm("input_layernorm", hidden_size, bias=True),
    )
