"""ModernBERT. Source: transformers 5.23 `models/modernbert/modeling_modernbert.py`."""

from __future__ import annotations

from ftlint.knowledge.architectures.architecture import Architecture, ModelClass
from ftlint.knowledge.architectures.families.encoder import classifier
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
    rows_of,
    scoped,
    single,
)

BIASES = ("attention_bias", "classifier_bias", "decoder_bias", "mlp_bias", "norm_bias")


def family(model_type: str) -> Family:
    """How this file's model types are read and built."""
    return Family(_read, _build)


def _read(reader: ConfigReader) -> Architecture:
    return Keys().read(reader, has_gated_mlp=True, specifics=tuple((key, reader.flag(key)) for key in BIASES))


def _build(architecture: Architecture, question: Question) -> ParameterTable | None:
    body, wanted = _body(architecture), question.model_class
    if wanted is ModelClass.MODEL:
        return ParameterTable(body)
    hidden_size = architecture.hidden_size
    head = scoped(
        "head",
        linear("dense", hidden_size, hidden_size, bias=architecture.flag("classifier_bias")),
        _norm("norm", architecture),
    )
    inner = (*(section.under("model") for section in body), single(head))
    if wanted in (ModelClass.SEQUENCE_CLASSIFICATION, ModelClass.TOKEN_CLASSIFICATION):
        return ParameterTable((*inner, single(classifier(architecture, question))))
    if wanted is not ModelClass.MASKED_LM:
        return None
    has_bias = architecture.flag("decoder_bias")
    decoder = linear("decoder", hidden_size, architecture.vocab_size, bias=has_bias, role=Role.HEAD)
    if not architecture.tie_word_embeddings:
        return ParameterTable((*inner, single(decoder)))
    return tie(inner, decoder, "model.embeddings.tok_embeddings.weight")


def _body(architecture: Architecture) -> tuple[Section, ...]:
    words = embedding("tok_embeddings", architecture.vocab_size, architecture.hidden_size)
    kinds = [index == 0 for index in range(architecture.num_layers)]
    return (
        single(scoped("embeddings", words, _norm("norm", architecture))),
        *rows_of("layers", kinds, lambda is_first: _layer(architecture, is_first)),
        single(_norm("final_norm", architecture)),
    )


def _layer(architecture: Architecture, is_first: bool) -> Tensors:
    hidden_size, width = architecture.hidden_size, architecture.intermediate_size
    attention_bias, mlp_bias = architecture.flag("attention_bias"), architecture.flag("mlp_bias")
    return join(
        # The first layer's input was just normalized.
        () if is_first else _norm("attn_norm", architecture),
        linear("attn.Wqkv", hidden_size, 3 * hidden_size, bias=attention_bias),
        linear("attn.Wo", hidden_size, hidden_size, bias=attention_bias),
        _norm("mlp_norm", architecture),
        linear("mlp.Wi", hidden_size, 2 * width, bias=mlp_bias),
        linear("mlp.Wo", width, hidden_size, bias=mlp_bias),
    )


def _norm(name: str, architecture: Architecture) -> Tensors:
    return norm(name, architecture.hidden_size, bias=architecture.flag("norm_bias"))
