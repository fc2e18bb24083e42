"""ALBERT, whose layers share their parameters: a pass runs them `num_hidden_layers` times, the model holds them once.

Source: transformers 5.23 `models/albert/modeling_albert.py`.
"""

from __future__ import annotations

from ftlint.knowledge.architectures.architecture import Architecture, ModelClass
from ftlint.knowledge.architectures.families.encoder import classifier
from ftlint.knowledge.architectures.families.keys import Keys
from ftlint.knowledge.architectures.family import Family, Question
from ftlint.knowledge.architectures.reading import ConfigReader
from ftlint.knowledge.architectures.tensors import (
    ParameterTable,
    Role,
    Section,
    Tensors,
    TiedTensor,
    bare,
    embedding,
    join,
    linear,
    norm,
    row,
    scoped,
    single,
)

NUMBERS = ("embedding_size", "inner_group_num", "num_hidden_groups", "type_vocab_size")


def family(model_type: str) -> Family:
    """How this file's model types are read and built."""
    return Family(_read, _build)


def _read(reader: ConfigReader) -> Architecture:
    return Keys().read(reader, specifics=tuple((key, reader.layers(key)) for key in NUMBERS))


def _build(architecture: Architecture, question: Question) -> ParameterTable | None:
    body, hidden_size, wanted = _body(architecture), architecture.hidden_size, question.model_class
    pooler = single(linear("pooler", hidden_size, hidden_size, bias=True))
    if wanted is ModelClass.MODEL:
        return ParameterTable((*body, pooler))
    inner = tuple(section.under("albert") for section in body)
    if wanted is ModelClass.MASKED_LM and architecture.tie_word_embeddings:
        return _masked_lm(architecture, inner)
    if wanted is ModelClass.TOKEN_CLASSIFICATION:
        return ParameterTable((*inner, single(classifier(architecture, question))))
    if wanted is ModelClass.SEQUENCE_CLASSIFICATION:
        return ParameterTable((*inner, pooler.under("albert"), single(classifier(architecture, question))))
    return None


def _masked_lm(architecture: Architecture, inner: tuple[Section, ...]) -> ParameterTable:
    width, vocab_size = architecture.number("embedding_size"), architecture.vocab_size
    head = scoped(
        "predictions",
        bare("bias", vocab_size, role=Role.BIAS),
        norm("LayerNorm", width, bias=True),
        linear("dense", architecture.hidden_size, width, bias=True),
    )
    decoder = linear("predictions.decoder", width, vocab_size, bias=True, role=Role.HEAD)
    owners = ("albert.embeddings.word_embeddings.weight", "predictions.bias")
    tied = tuple(TiedTensor(tensor, owner) for tensor, owner in zip(decoder, owners, strict=True))
    return ParameterTable((*inner, single(head)), tied)


def _body(architecture: Architecture) -> tuple[Section, ...]:
    width = architecture.number("embedding_size")
    embeddings = scoped(
        "embeddings",
        embedding("word_embeddings", architecture.vocab_size, width),
        embedding("position_embeddings", architecture.max_position_embeddings or 0, width),
        embedding("token_type_embeddings", architecture.number("type_vocab_size"), width),
        norm("LayerNorm", width, bias=True),
    )
    into = linear("encoder.embedding_hidden_mapping_in", width, architecture.hidden_size, bias=True)
    groups = (
        row(f"encoder.albert_layer_groups.{group}.albert_layers", architecture.number("inner_group_num"), layer)
        for layer in (_layer(architecture),)
        for group in range(architecture.number("num_hidden_groups"))
    )
    return (single(embeddings, into), *groups)


def _layer(architecture: Architecture) -> Tensors:
    hidden_size, width = architecture.hidden_size, architecture.intermediate_size
    attention = scoped(
        "attention",
        *(linear(name, hidden_size, hidden_size, bias=True) for name in ("query", "key", "value", "dense")),
        norm("LayerNorm", hidden_size, bias=True),
    )
    return join(
        norm("full_layer_layer_norm", hidden_size, bias=True),
        attention,
        linear("ffn", hidden_size, width, bias=True),
        linear("ffn_output", width, hidden_size, bias=True),
    )
