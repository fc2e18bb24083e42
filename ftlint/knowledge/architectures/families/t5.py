"""T5, FLAN-T5, mT5 and umT5. Source: transformers 5.23 `models/t5/`, `models/mt5/`, `models/umt5/`.

transformers 5 ties the output layer to the embedding in every T5, whatever config.json says; transformers 4 left it
alone where `tie_word_embeddings` is false (T5 1.1, FLAN-T5), which is one embedding more.
"""

from __future__ import annotations

from ftlint.knowledge.architectures.architecture import Architecture, Layout, ModelClass
from ftlint.knowledge.architectures.family import Family, Question
from ftlint.knowledge.architectures.reading import MAX_LAYERS, ConfigReader, UnknownArchitectureError
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
    rows_of,
    scoped,
    single,
)


def family(model_type: str) -> Family:
    """How this file\'s model types are read and built."""
    return Family(_read, _build)


def _read(reader: ConfigReader) -> Architecture:
    num_layers = reader.layers("num_layers")
    num_decoder_layers = reader.optional_integer("num_decoder_layers") or num_layers
    if num_decoder_layers > MAX_LAYERS:
        raise UnknownArchitectureError("num_decoder_layers is too large")
    return Architecture(
        model_type=reader.model_type,
        hidden_size=reader.integer("d_model"),
        num_layers=num_layers,
        num_attention_heads=reader.integer("num_heads"),
        num_key_value_heads=reader.integer("num_heads"),
        head_dim=reader.integer("d_kv"),
        intermediate_size=reader.integer("d_ff"),
        vocab_size=reader.integer("vocab_size"),
        max_position_embeddings=None,  # positions are relative
        tie_word_embeddings=True,
        has_gated_mlp=reader.text("feed_forward_proj").split("-")[0] == "gated",
        num_decoder_layers=num_decoder_layers,
        specifics=(
            ("is_tied_in_transformers_4", _is_tied_in_transformers_4(reader)),
            ("relative_attention_num_buckets", reader.integer("relative_attention_num_buckets")),
        ),
    )


def _is_tied_in_transformers_4(reader: ConfigReader) -> bool:
    # There, mT5's config class alone had false for its default.
    if "tie_word_embeddings" not in reader.config:
        return reader.model_type != "mt5"
    return reader.flag("tie_word_embeddings")


def _build(architecture: Architecture, question: Question) -> ParameterTable | None:
    wanted, shared = question.model_class, "shared.weight"
    body = _body(architecture)
    if wanted is ModelClass.MODEL:
        return ParameterTable(body, _tied_embeddings(architecture))
    if wanted is ModelClass.SEQ2SEQ_LM:
        head = linear("lm_head", architecture.hidden_size, architecture.vocab_size, role=Role.HEAD)
        tied = _tied_embeddings(architecture)
        if question.layout is Layout.TRANSFORMERS_4 and not architecture.flag("is_tied_in_transformers_4"):
            return ParameterTable((*body, single(head)), tied)
        return ParameterTable(body, (*tied, TiedTensor(head[0], shared)))
    if wanted is ModelClass.SEQUENCE_CLASSIFICATION:
        hidden_size = architecture.hidden_size
        head = scoped(
            "classification_head",
            linear("dense", hidden_size, hidden_size, bias=True),
            linear("out_proj", hidden_size, question.num_labels, bias=True, role=Role.HEAD),
        )
        inner = tuple(section.under("transformer") for section in body)
        return ParameterTable((*inner, single(head)), _tied_embeddings(architecture, "transformer."))
    if wanted is ModelClass.TOKEN_CLASSIFICATION:  # the encoder alone
        shared_embedding, *stacks = body
        encoder = [section for section in stacks if section.prefix.startswith("encoder")]
        inner = tuple(section.under("transformer") for section in (shared_embedding, *encoder))
        classifier = linear("classifier", architecture.hidden_size, question.num_labels, bias=True, role=Role.HEAD)
        tied = _tied_embeddings(architecture, "transformer.")[:1]
        return ParameterTable((*inner, single(classifier)), tied)
    return None


def _tied_embeddings(architecture: Architecture, prefix: str = "") -> tuple[TiedTensor, ...]:
    shape = (architecture.vocab_size, architecture.hidden_size)
    names = (f"{prefix}{stack}.embed_tokens.weight" for stack in ("encoder", "decoder"))
    return tuple(TiedTensor(ParameterTensor(name, shape, Role.EMBEDDING), f"{prefix}shared.weight") for name in names)


def _body(architecture: Architecture) -> tuple[Section, ...]:
    return (
        single(embedding("shared", architecture.vocab_size, architecture.hidden_size)),
        *_stack(architecture, "encoder", architecture.num_layers),
        *_stack(architecture, "decoder", architecture.num_decoder_layers),
    )


def _stack(architecture: Architecture, name: str, num_layers: int) -> tuple[Section, ...]:
    is_decoder, every_layer = name == "decoder", architecture.model_type == "umt5"
    # Only the first layer learns relative positions and shares them with the rest; in umT5 each has its own.
    kinds = [index == 0 or every_layer for index in range(num_layers)]
    blocks = rows_of("block", kinds, lambda has_positions: _layer(architecture, is_decoder, has_positions))
    final_norm = single(norm("final_layer_norm", architecture.hidden_size))
    return tuple(section.under(name) for section in (*blocks, final_norm))


def _layer(architecture: Architecture, is_decoder: bool, has_positions: bool) -> Tensors:
    parts = [_attention(architecture, "SelfAttention", has_positions)]
    if is_decoder:
        parts.append(_attention(architecture, "EncDecAttention", False))
    parts.append(_feed_forward(architecture))
    return join(*(scoped(f"layer.{index}", part) for index, part in enumerate(parts)))


def _attention(architecture: Architecture, name: str, has_positions: bool) -> Tensors:
    hidden_size, width = architecture.hidden_size, architecture.query_width
    buckets = architecture.number("relative_attention_num_buckets")
    positions = embedding("relative_attention_bias", buckets, architecture.num_attention_heads) if has_positions else ()
    projections = (linear(projection, hidden_size, width) for projection in ("q", "k", "v"))
    return join(
        scoped(name, *projections, linear("o", width, hidden_size), positions),
        norm("layer_norm", hidden_size),
    )


def _feed_forward(architecture: Architecture) -> Tensors:
    hidden_size, width = architecture.hidden_size, architecture.intermediate_size
    names = ("wi_0", "wi_1") if architecture.has_gated_mlp else ("wi",)
    into = (linear(name, hidden_size, width) for name in names)
    return join(
        scoped("DenseReluDense", *into, linear("wo", width, hidden_size)),
        norm("layer_norm", hidden_size),
    )
