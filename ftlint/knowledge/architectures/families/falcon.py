"""Falcon. Source: transformers 5.23 `models/falcon/modeling_falcon.py`, `configuration_falcon.py`."""

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
KEYS = Keys(intermediate_size="ffn_hidden_size")


def family(model_type: str) -> Family:
    """How this file\'s model types are read and built."""
    return Family(_read, _build)


def _read(reader: ConfigReader) -> Architecture:
    if "n_embed" in reader.config:
        raise UnknownArchitectureError("an old spelling of hidden_size")
    is_new = reader.flag("new_decoder_architecture")
    num_heads = reader.integer("num_attention_heads")
    if is_new:
        num_key_value_heads = reader.optional_integer("num_kv_heads") or num_heads
    else:
        num_key_value_heads = 1 if reader.flag("multi_query") else num_heads
    flags = ("alibi", "bias", "multi_query", "new_decoder_architecture", "parallel_attn")
    numbers = ("num_kv_heads", "num_ln_in_parallel_attn")
    specifics = (
        *((key, reader.flag(key)) for key in flags),
        *((key, reader.optional_integer(key)) for key in numbers),
    )
    return KEYS.read(reader, num_key_value_heads=num_key_value_heads, specifics=specifics)


def _build(architecture: Architecture, question: Question) -> ParameterTable | None:
    hidden_size = architecture.hidden_size
    body = (
        single(embedding("word_embeddings", architecture.vocab_size, hidden_size)),
        row("h", architecture.num_layers, _layer(architecture)),
        single(norm("ln_f", hidden_size, bias=True)),
    )
    return HEADS.build(architecture, question, body)


def _layer(architecture: Architecture) -> Tensors:
    hidden_size, width = architecture.hidden_size, architecture.intermediate_size
    has_bias = architecture.flag("bias")
    return join(
        scoped(
            "self_attention",
            linear("query_key_value", hidden_size, hidden_size + 2 * architecture.key_value_width, bias=has_bias),
            linear("dense", hidden_size, hidden_size, bias=has_bias),
        ),
        scoped(
            "mlp",
            linear("dense_h_to_4h", hidden_size, width, bias=has_bias),
            linear("dense_4h_to_h", width, hidden_size, bias=has_bias),
        ),
        *(norm(name, hidden_size, bias=True) for name in _norm_names(architecture)),
    )


def _norm_names(architecture: Architecture) -> tuple[str, ...]:
    if not architecture.flag("parallel_attn"):
        return ("post_attention_layernorm", "input_layernorm")
    return ("ln_attn", "ln_mlp") if has_two_norms(architecture) else ("input_layernorm",)


def has_two_norms(architecture: Architecture) -> bool:
    """Whether attention and the feed-forward block beside it have a norm each: 40B and 180B do."""
    written = architecture.optional_number("num_ln_in_parallel_attn")
    return architecture.flag("new_decoder_architecture") if written is None else written == 2
