"""OPT. Source: transformers 5.23 `models/opt/modeling_opt.py`."""

from __future__ import annotations

from ftlint.knowledge.architectures.architecture import Architecture, ModelClass
from ftlint.knowledge.architectures.families.keys import Keys
from ftlint.knowledge.architectures.family import Family, Question, tie
from ftlint.knowledge.architectures.reading import ConfigReader
from ftlint.knowledge.architectures.tensors import (
    ParameterTable,
    Role,
    Section,
    Tensors,
    embedding,
    join,
    linear,
    norm,
    row,
    scoped,
    single,
)

KEYS = Keys(intermediate_size="ffn_dim")

POSITION_OFFSET = 2
"""Rows that OPT's position embedding has beyond max_position_embeddings (`OPTLearnedPositionalEmbedding`)."""


def family(model_type: str) -> Family:
    """How this file\'s model types are read and built."""
    return Family(_read, _build)


def _read(reader: ConfigReader) -> Architecture:
    width = reader.optional_integer("word_embed_proj_dim") or reader.integer("hidden_size")
    flags = ("_remove_final_layer_norm", "do_layer_norm_before", "enable_bias", "layer_norm_elementwise_affine")
    specifics = (*((key, reader.flag(key)) for key in flags), ("word_embed_proj_dim", width))
    return KEYS.read(reader, specifics=specifics)


def _build(architecture: Architecture, question: Question) -> ParameterTable | None:
    body = _body(architecture)
    if question.model_class is ModelClass.MODEL:
        return ParameterTable(body)
    inner = tuple(section.under("model") for section in body)
    width, vocab_size = architecture.number("word_embed_proj_dim"), architecture.vocab_size
    if question.model_class is ModelClass.CAUSAL_LM:
        head = linear("lm_head", width, vocab_size, role=Role.HEAD)
        if architecture.tie_word_embeddings:
            return tie(inner, head, "model.decoder.embed_tokens.weight")
        return ParameterTable((*inner, single(head)))
    if question.model_class is ModelClass.SEQUENCE_CLASSIFICATION:
        return ParameterTable((*inner, single(linear("score", width, question.num_labels, role=Role.HEAD))))
    return None


def _body(architecture: Architecture) -> tuple[Section, ...]:
    hidden_size, width = architecture.hidden_size, architecture.number("word_embed_proj_dim")
    positions = (architecture.max_position_embeddings or 0) + POSITION_OFFSET
    has_final_norm = architecture.flag("do_layer_norm_before") and not architecture.flag("_remove_final_layer_norm")
    projections: Tensors = ()
    if width != hidden_size:  # OPT-350m alone
        projections = join(linear("project_out", hidden_size, width), linear("project_in", width, hidden_size))
    around = join(
        embedding("embed_tokens", architecture.vocab_size, width),
        embedding("embed_positions", positions, hidden_size),
        projections,
        _norm("final_layer_norm", architecture) if has_final_norm else (),
    )
    layers = row("layers", architecture.num_layers, _layer(architecture))
    return (single(around).under("decoder"), layers.under("decoder"))


def _layer(architecture: Architecture) -> Tensors:
    hidden_size, width = architecture.hidden_size, architecture.intermediate_size
    has_bias = architecture.flag("enable_bias")
    names = ("k_proj", "v_proj", "q_proj", "out_proj")
    return join(
        scoped("self_attn", *(linear(name, hidden_size, hidden_size, bias=has_bias) for name in names)),
        _norm("self_attn_layer_norm", architecture),
        linear("fc1", hidden_size, width, bias=has_bias),
        linear("fc2", width, hidden_size, bias=has_bias),
        _norm("final_layer_norm", architecture),
    )


def _norm(name: str, architecture: Architecture) -> Tensors:
    is_affine = architecture.flag("layer_norm_elementwise_affine")
    return norm(name, architecture.hidden_size, bias=True) if is_affine else ()
