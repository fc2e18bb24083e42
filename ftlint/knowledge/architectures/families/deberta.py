"""DeBERTa V2 and V3. Source: transformers 5.23 `models/deberta_v2/modeling_deberta_v2.py`.

Many keys are read with `getattr` and a fallback instead of being declared; the fallbacks stand here.
"""

from __future__ import annotations

from ftlint.knowledge.architectures.architecture import Architecture, ModelClass
from ftlint.knowledge.architectures.families.encoder import MaskedHead, classifier, encoder_layer
from ftlint.knowledge.architectures.families.keys import Keys
from ftlint.knowledge.architectures.family import Family, Question
from ftlint.knowledge.architectures.reading import ConfigReader, UnknownArchitectureError
from ftlint.knowledge.architectures.tensors import (
    ParameterTable,
    ParameterTensor,
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

HEAD = MaskedHead("cls.predictions", "transform.dense", "transform.LayerNorm")


def family(model_type: str) -> Family:
    """How this file\'s model types are read and built."""
    return Family(_read, _build)


def _read(reader: ConfigReader) -> Architecture:
    config = reader.config
    if config.get("embedding_size", reader.integer("hidden_size")) != reader.integer("hidden_size"):
        raise UnknownArchitectureError("an embedding width of its own")
    if config.get("share_att_key", False) is not True and reader.flag("relative_attention"):
        raise UnknownArchitectureError("projections for positions in every layer, which no released V2 or V3 model has")
    specifics = (
        ("conv_kernel_size", reader.optional_integer("conv_kernel_size", minimum=0) or 0),
        ("has_relative_norm", _has_relative_norm(config.get("norm_rel_ebd", "none"))),
        ("is_legacy", config.get("legacy", True) is True),
        ("pooler_width", reader.optional_integer("pooler_hidden_size") or reader.integer("hidden_size")),
        ("position_biased_input", reader.flag("position_biased_input")),
        ("relative_rows", _relative_rows(reader)),
        ("type_vocab_size", reader.integer("type_vocab_size", minimum=0)),
    )
    return Keys().read(reader, specifics=specifics)


def _has_relative_norm(written: object) -> bool:
    if not isinstance(written, str):
        raise UnknownArchitectureError("norm_rel_ebd must be text")
    return "layer_norm" in [part.strip() for part in written.lower().split("|")]


def _relative_rows(reader: ConfigReader) -> int:
    """Rows of the embedding of relative positions; 0 where there is none."""
    if not reader.flag("relative_attention"):
        return 0
    buckets = reader.optional_integer("position_buckets", minimum=-1) or -1
    if buckets > 0:
        return 2 * buckets
    positions = reader.integer("max_relative_positions", minimum=-1)
    return 2 * (positions if positions >= 1 else reader.integer("max_position_embeddings"))


def _build(architecture: Architecture, question: Question) -> ParameterTable | None:
    body, wanted = _body(architecture), question.model_class
    if wanted is ModelClass.MODEL:
        return ParameterTable(body)
    inner = tuple(section.under("deberta") for section in body)
    if wanted is ModelClass.MASKED_LM and architecture.flag("is_legacy"):
        return HEAD.table(architecture, inner, "deberta.embeddings.word_embeddings.weight")
    if wanted is ModelClass.TOKEN_CLASSIFICATION:
        return ParameterTable((*inner, single(classifier(architecture, question))))
    width = architecture.number("pooler_width")
    if wanted is ModelClass.SEQUENCE_CLASSIFICATION and width == architecture.hidden_size:
        pooler = linear("pooler.dense", width, width, bias=True)
        return ParameterTable((*inner, single(pooler, classifier(architecture, question))))
    return None


def _body(architecture: Architecture) -> tuple[Section, ...]:
    hidden_size = architecture.hidden_size
    layer = encoder_layer(architecture, ("query_proj", "key_proj", "value_proj"))
    return (
        single(scoped("embeddings", _embeddings(architecture))),
        row("encoder.layer", architecture.num_layers, layer),
        single(scoped("encoder", _around_layers(architecture, hidden_size))),
    )


def _embeddings(architecture: Architecture) -> Tensors:
    hidden_size, num_types = architecture.hidden_size, architecture.number("type_vocab_size")
    positions = architecture.max_position_embeddings or 0
    return join(
        embedding("word_embeddings", architecture.vocab_size, hidden_size),
        embedding("position_embeddings", positions, hidden_size) if architecture.flag("position_biased_input") else (),
        embedding("token_type_embeddings", num_types, hidden_size) if num_types else (),
        norm("LayerNorm", hidden_size, bias=True),
    )


def _around_layers(architecture: Architecture, hidden_size: int) -> Tensors:
    rows, kernel = architecture.number("relative_rows"), architecture.number("conv_kernel_size")
    convolution: Tensors = ()
    if kernel:
        weight = ParameterTensor("conv.conv.weight", (hidden_size, hidden_size, kernel), Role.OTHER)
        bias = ParameterTensor("conv.conv.bias", (hidden_size,), Role.BIAS)
        convolution = join((weight, bias), norm("conv.LayerNorm", hidden_size, bias=True))
    return join(
        embedding("rel_embeddings", rows, hidden_size) if rows else (),
        norm("LayerNorm", hidden_size, bias=True) if architecture.flag("has_relative_norm") else (),
        convolution,
    )
