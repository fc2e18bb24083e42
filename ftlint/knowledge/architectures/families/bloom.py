"""BLOOM and BLOOMZ. Source: transformers 5.23 `models/bloom/modeling_bloom.py`."""

from __future__ import annotations

from ftlint.knowledge.architectures.architecture import Architecture
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

HEADS = DecoderHeads(body="transformer", embedding="word_embeddings.weight", token_head="classifier")
# No key of this name exists: the feed-forward block is always four times as wide.
KEYS = Keys(num_layers="n_layer", num_heads="n_head", intermediate_size="", positions="seq_length")


def family(model_type: str) -> Family:
    """How this file\'s model types are read and built."""
    return Family(_read, _build)


def _read(reader: ConfigReader) -> Architecture:
    # Released files write the hidden size as `n_embed`, which the config class takes in its place.
    config = dict(reader.config)
    if "n_embed" in config:
        written = config.pop("n_embed")
        if config.setdefault("hidden_size", written) != written:
            raise UnknownArchitectureError("hidden_size and n_embed differ")
    flags = ("apply_residual_connection_post_layernorm", "slow_but_exact")
    inner = ConfigReader(reader.model_type, config, reader.defaults)
    return KEYS.read(inner, specifics=tuple((key, inner.flag(key)) for key in flags))


def _build(architecture: Architecture, question: Question) -> ParameterTable | None:
    hidden_size = architecture.hidden_size
    body = (
        single(
            embedding("word_embeddings", architecture.vocab_size, hidden_size),
            norm("word_embeddings_layernorm", hidden_size, bias=True),
        ),
        row("h", architecture.num_layers, _layer(architecture)),
        single(norm("ln_f", hidden_size, bias=True)),
    )
    return HEADS.build(architecture, question, body)


def _layer(architecture: Architecture) -> Tensors:
    hidden_size, width = architecture.hidden_size, architecture.intermediate_size
    return join(
        norm("input_layernorm", hidden_size, bias=True),
        scoped(
            "self_attention",
            linear("query_key_value", hidden_size, 3 * hidden_size, bias=True),
            linear("dense", hidden_size, hidden_size, bias=True),
        ),
        norm("post_attention_layernorm", hidden_size, bias=True),
        scoped(
            "mlp",
            linear("dense_h_to_4h", hidden_size, width, bias=True),
            linear("dense_4h_to_h", width, hidden_size, bias=True),
        ),
    )
