"""ELECTRA. Source: transformers 5.23 `models/electra/modeling_electra.py`.

`AutoModelForMaskedLM` is the generator's class, with a head of its own; classification is the discriminator's.
"""

from __future__ import annotations

from ftlint.knowledge.architectures.architecture import Architecture, ModelClass
from ftlint.knowledge.architectures.families.encoder import LANGUAGE_MODELS, classifier, encoder_layer
from ftlint.knowledge.architectures.families.keys import Keys
from ftlint.knowledge.architectures.family import Family, Question, tie
from ftlint.knowledge.architectures.reading import ConfigReader, UnknownArchitectureError
from ftlint.knowledge.architectures.tensors import (
    ParameterTable,
    Role,
    Section,
    embedding,
    linear,
    norm,
    row,
    scoped,
    single,
)


def family(model_type: str) -> Family:
    """How this file's model types are read and built."""
    return Family(_read, _build)


def _read(reader: ConfigReader) -> Architecture:
    if reader.flag("add_cross_attention"):
        raise UnknownArchitectureError("cross attention is for encoder-decoder models")
    specifics = tuple((key, reader.integer(key)) for key in ("embedding_size", "type_vocab_size"))
    return Keys().read(reader, specifics=specifics)


def _build(architecture: Architecture, question: Question) -> ParameterTable | None:
    body, hidden_size, wanted = _body(architecture), architecture.hidden_size, question.model_class
    if wanted is ModelClass.MODEL:
        return ParameterTable(body)
    inner = tuple(section.under("electra") for section in body)
    if wanted in LANGUAGE_MODELS:
        return _generator(architecture, inner)
    if wanted is ModelClass.TOKEN_CLASSIFICATION:
        return ParameterTable((*inner, single(classifier(architecture, question))))
    if wanted is ModelClass.SEQUENCE_CLASSIFICATION:
        dense = linear("classifier.dense", hidden_size, hidden_size, bias=True)
        return ParameterTable((*inner, single(dense, classifier(architecture, question, "classifier.out_proj"))))
    return None


def _generator(architecture: Architecture, inner: tuple[Section, ...]) -> ParameterTable:
    width = architecture.number("embedding_size")
    predictions = scoped(
        "generator_predictions",
        norm("LayerNorm", width, bias=True),
        linear("dense", architecture.hidden_size, width, bias=True),
    )
    head = linear("generator_lm_head", width, architecture.vocab_size, bias=True, role=Role.HEAD)
    if not architecture.tie_word_embeddings:
        return ParameterTable((*inner, single(predictions, head)))
    return tie((*inner, single(predictions)), head, "electra.embeddings.word_embeddings.weight")


def _body(architecture: Architecture) -> tuple[Section, ...]:
    hidden_size, width = architecture.hidden_size, architecture.number("embedding_size")
    embeddings = scoped(
        "embeddings",
        embedding("word_embeddings", architecture.vocab_size, width),
        embedding("position_embeddings", architecture.max_position_embeddings or 0, width),
        embedding("token_type_embeddings", architecture.number("type_vocab_size"), width),
        norm("LayerNorm", width, bias=True),
    )
    projection = linear("embeddings_project", width, hidden_size, bias=True) if width != hidden_size else ()
    layer = encoder_layer(architecture, ("query", "key", "value"))
    return (single(embeddings, projection), row("encoder.layer", architecture.num_layers, layer))
