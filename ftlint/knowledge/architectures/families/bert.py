"""BERT, RoBERTa, XLM-RoBERTa and CamemBERT.

Source: transformers 5.23 `models/bert/`, `models/roberta/`, `models/xlm_roberta/`, `models/camembert/`.
"""

from __future__ import annotations

from dataclasses import replace

from ftlint.knowledge.architectures.architecture import Architecture, Layout, ModelClass
from ftlint.knowledge.architectures.families.encoder import LANGUAGE_MODELS, MaskedHead, classifier, encoder_layer
from ftlint.knowledge.architectures.families.keys import Keys
from ftlint.knowledge.architectures.family import Family, Question
from ftlint.knowledge.architectures.reading import ConfigReader, UnknownArchitectureError
from ftlint.knowledge.architectures.tensors import (
    ParameterTable,
    ParameterTensor,
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

BERT_HEAD = MaskedHead("cls.predictions", "transform.dense", "transform.LayerNorm")
HEAD_FIRST = ("camembert", "xlm-roberta")
ROBERTA_HEAD = MaskedHead("lm_head", "dense", "layer_norm")


def family(model_type: str) -> Family:
    """How this file\'s model types are read and built."""
    return Family(_read, _build)


def _read(reader: ConfigReader) -> Architecture:
    if reader.flag("add_cross_attention"):
        raise UnknownArchitectureError("cross attention is for encoder-decoder models")
    return Keys().read(reader, specifics=(("type_vocab_size", reader.integer("type_vocab_size")),))


def _build(architecture: Architecture, question: Question) -> ParameterTable | None:
    body = _body(architecture, question.layout)
    if question.model_class is ModelClass.MODEL:
        return ParameterTable((*body, single(_pooler(architecture))))
    is_bert = architecture.model_type == "bert"
    prefix = "bert" if is_bert else "roberta"
    inner = tuple(section.under(prefix) for section in body)
    if question.model_class in LANGUAGE_MODELS:
        head = BERT_HEAD if is_bert else ROBERTA_HEAD
        table = head.table(architecture, inner, f"{prefix}.embeddings.word_embeddings.weight")
    else:
        table = _classification(architecture, question, inner)
    if table is None or architecture.model_type not in HEAD_FIRST or question.layout is Layout.TRANSFORMERS_4:
        return table
    return _head_first(table)


def _head_first(table: ParameterTable) -> ParameterTable:
    """The head before the body, as XLM-RoBERTa's and CamemBERT's classes register them since transformers 5.

    A tied tensor then goes by the name that it has in the head.
    """
    embeddings, *layers, head = table.sections
    if not table.tied:
        return ParameterTable((head, embeddings, *layers))
    decoder, bias = table.tied
    words, *other_embeddings = embeddings.tensors
    sections = (
        single(head.tensors, (decoder.tensor,)),
        replace(embeddings, tensors=tuple(other_embeddings)),
        *layers,
    )
    tied_words = ParameterTensor(decoder.owner, words.shape, words.role)
    return ParameterTable(sections, (TiedTensor(tied_words, owner=decoder.tensor.name), bias))


def _classification(
    architecture: Architecture, question: Question, inner: tuple[Section, ...]
) -> ParameterTable | None:
    if question.model_class is ModelClass.TOKEN_CLASSIFICATION:
        return ParameterTable((*inner, single(classifier(architecture, question))))
    if question.model_class is not ModelClass.SEQUENCE_CLASSIFICATION:
        return None
    if architecture.model_type == "bert":
        # BERT classifies what its pooler gives; the others have a dense layer of their own instead.
        pooler = single(_pooler(architecture)).under("bert")
        return ParameterTable((*inner, pooler, single(classifier(architecture, question))))
    dense = linear("classifier.dense", architecture.hidden_size, architecture.hidden_size, bias=True)
    return ParameterTable((*inner, single(dense, classifier(architecture, question, "classifier.out_proj"))))


def _pooler(architecture: Architecture) -> Tensors:
    return linear("pooler.dense", architecture.hidden_size, architecture.hidden_size, bias=True)


def _body(architecture: Architecture, layout: Layout) -> tuple[Section, ...]:
    layer = encoder_layer(architecture, ("query", "key", "value"))
    return (
        single(scoped("embeddings", _embeddings(architecture, layout))),
        row("encoder.layer", architecture.num_layers, layer),
    )


def _embeddings(architecture: Architecture, layout: Layout) -> Tensors:
    hidden_size = architecture.hidden_size
    words = embedding("word_embeddings", architecture.vocab_size, hidden_size)
    positions = embedding("position_embeddings", architecture.max_position_embeddings or 0, hidden_size)
    types = embedding("token_type_embeddings", architecture.number("type_vocab_size"), hidden_size)
    layer_norm = norm("LayerNorm", hidden_size, bias=True)
    if architecture.model_type == "bert" or layout is Layout.TRANSFORMERS_4:
        return join(words, positions, types, layer_norm)
    return join(words, types, layer_norm, positions)
