"""DistilBERT. Source: transformers 5.23 `models/distilbert/modeling_distilbert.py`."""

from __future__ import annotations

from ftlint.knowledge.architectures.architecture import Architecture, ModelClass
from ftlint.knowledge.architectures.families.encoder import classifier
from ftlint.knowledge.architectures.families.keys import Keys
from ftlint.knowledge.architectures.family import Family, Question
from ftlint.knowledge.architectures.tensors import (
    ParameterTable,
    ParameterTensor,
    Role,
    Section,
    Tensors,
    TiedTensor,
    embedding,
    join,
    linear,
    norm,
    row,
    scoped,
    single,
)

KEYS = Keys("dim", "n_layers", "n_heads", "hidden_dim")


def family(model_type: str) -> Family:
    """How this file\'s model types are read and built."""
    return Family(KEYS.read, _build)


def _build(architecture: Architecture, question: Question) -> ParameterTable | None:
    body, hidden_size = _body(architecture), architecture.hidden_size
    wanted = question.model_class
    if wanted is ModelClass.MODEL:
        return ParameterTable(body)
    inner = tuple(section.under("distilbert") for section in body)
    if wanted is ModelClass.TOKEN_CLASSIFICATION:
        return ParameterTable((*inner, single(classifier(architecture, question))))
    if wanted is ModelClass.SEQUENCE_CLASSIFICATION:
        dense = linear("pre_classifier", hidden_size, hidden_size, bias=True)
        return ParameterTable((*inner, single(dense, classifier(architecture, question))))
    if wanted is ModelClass.MASKED_LM and architecture.tie_word_embeddings:
        return _masked_lm(architecture, inner)
    return None


def _masked_lm(architecture: Architecture, inner: tuple[Section, ...]) -> ParameterTable:
    hidden_size, vocab_size = architecture.hidden_size, architecture.vocab_size
    head = join(
        linear("vocab_transform", hidden_size, hidden_size, bias=True),
        norm("vocab_layer_norm", hidden_size, bias=True),
        (ParameterTensor("vocab_projector.bias", (vocab_size,), Role.BIAS),),
    )
    projector = ParameterTensor("vocab_projector.weight", (vocab_size, hidden_size), Role.HEAD)
    tied = TiedTensor(projector, owner="distilbert.embeddings.word_embeddings.weight")
    return ParameterTable((*inner, single(head)), tied=(tied,))


def _body(architecture: Architecture) -> tuple[Section, ...]:
    hidden_size, positions = architecture.hidden_size, architecture.max_position_embeddings or 0
    embeddings = scoped(
        "embeddings",
        embedding("word_embeddings", architecture.vocab_size, hidden_size),
        embedding("position_embeddings", positions, hidden_size),
        norm("LayerNorm", hidden_size, bias=True),
    )
    return (single(embeddings), row("transformer.layer", architecture.num_layers, _layer(architecture)))


def _layer(architecture: Architecture) -> Tensors:
    hidden_size, width = architecture.hidden_size, architecture.intermediate_size
    names = ("q_lin", "k_lin", "v_lin", "out_lin")
    return join(
        scoped("attention", *(linear(name, hidden_size, hidden_size, bias=True) for name in names)),
        norm("sa_layer_norm", hidden_size, bias=True),
        scoped("ffn", linear("lin1", hidden_size, width, bias=True), linear("lin2", width, hidden_size, bias=True)),
        norm("output_layer_norm", hidden_size, bias=True),
    )
