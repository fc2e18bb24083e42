"""MPT. Source: transformers 5.23 `models/mpt/modeling_mpt.py`.

No module there reads `expansion_ratio` or `no_bias`: the feed-forward block is four times as wide, without biases.
"""

from __future__ import annotations

from collections.abc import Mapping

from ftlint.knowledge.architectures.architecture import Architecture
from ftlint.knowledge.architectures.families.keys import Keys
from ftlint.knowledge.architectures.family import DecoderHeads, Family, Question
from ftlint.knowledge.architectures.reading import ConfigReader
from ftlint.knowledge.architectures.tensors import (
    ParameterTable,
    embedding,
    join,
    linear,
    norm,
    row,
    scoped,
    single,
)

HEADS = DecoderHeads(body="transformer", embedding="wte.weight", token_head="classifier")
KEYS = Keys("d_model", "n_layers", "n_heads", intermediate_size="", positions="max_seq_len")


def family(model_type: str) -> Family:
    """How this file\'s model types are read and built."""
    return Family(_read, _build)


def _read(reader: ConfigReader) -> Architecture:
    # No parameter depends on it, but what a layer keeps.
    attention = reader.config.get("attn_config")
    clips = isinstance(attention, Mapping) and bool(attention.get("clip_qkv"))
    return KEYS.read(reader, specifics=(("clip_qkv", clips),))


def _build(architecture: Architecture, question: Question) -> ParameterTable | None:
    hidden_size, width = architecture.hidden_size, architecture.intermediate_size
    layer = join(
        norm("norm_1", hidden_size),
        scoped("attn", linear("Wqkv", hidden_size, 3 * hidden_size), linear("out_proj", hidden_size, hidden_size)),
        norm("norm_2", hidden_size),
        scoped("ffn", linear("up_proj", hidden_size, width), linear("down_proj", width, hidden_size)),
    )
    body = (
        single(embedding("wte", architecture.vocab_size, hidden_size)),
        row("blocks", architecture.num_layers, layer),
        single(norm("norm_f", hidden_size)),
    )
    return HEADS.build(architecture, question, body)
