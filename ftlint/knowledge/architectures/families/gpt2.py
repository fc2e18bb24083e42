"""GPT-2, and GPT-BigCode (StarCoder, SantaCoder), which is GPT-2 with `nn.Linear` and one key-value head.

Source: transformers 5.23 `models/gpt2/modeling_gpt2.py`, `models/gpt_bigcode/modeling_gpt_bigcode.py`.
"""

from __future__ import annotations

from ftlint.knowledge.architectures.architecture import Architecture
from ftlint.knowledge.architectures.families.keys import GPT2_KEYS
from ftlint.knowledge.architectures.family import DecoderHeads, Family, Question
from ftlint.knowledge.architectures.reading import ConfigReader, UnknownArchitectureError
from ftlint.knowledge.architectures.tensors import (
    ParameterTable,
    Tensors,
    conv1d,
    embedding,
    join,
    linear,
    norm,
    row,
    scoped,
    single,
)

HEADS = DecoderHeads(body="transformer", embedding="wte.weight", token_head="classifier")


def family(model_type: str) -> Family:
    """How this file\'s model types are read and built."""
    return Family(_read, _build)


def _read(reader: ConfigReader) -> Architecture:
    if reader.optional_flag("add_cross_attention"):
        raise UnknownArchitectureError("cross attention is for encoder-decoder models")
    if reader.model_type == "gpt2":
        return GPT2_KEYS.read(reader)
    is_multi_query = reader.flag("multi_query")
    specifics = (("multi_query", is_multi_query),)
    return GPT2_KEYS.read(reader, num_key_value_heads=1 if is_multi_query else None, specifics=specifics)


def _build(architecture: Architecture, question: Question) -> ParameterTable | None:
    hidden_size = architecture.hidden_size
    positions = architecture.max_position_embeddings
    if positions is None:
        return None
    body = (
        single(embedding("wte", architecture.vocab_size, hidden_size), embedding("wpe", positions, hidden_size)),
        row("h", architecture.num_layers, _layer(architecture)),
        single(norm("ln_f", hidden_size, bias=True)),
    )
    return HEADS.build(architecture, question, body)


def _layer(architecture: Architecture) -> Tensors:
    hidden_size, width = architecture.hidden_size, architecture.intermediate_size
    qkv_width = hidden_size + 2 * architecture.key_value_width
    return join(
        norm("ln_1", hidden_size, bias=True),
        scoped("attn", _dense(architecture, "c_attn", hidden_size, qkv_width)),
        scoped("attn", _dense(architecture, "c_proj", hidden_size, hidden_size)),
        norm("ln_2", hidden_size, bias=True),
        scoped("mlp", _dense(architecture, "c_fc", hidden_size, width)),
        scoped("mlp", _dense(architecture, "c_proj", width, hidden_size)),
    )


def _dense(architecture: Architecture, name: str, in_features: int, out_features: int) -> Tensors:
    if architecture.model_type == "gpt2":
        return conv1d(name, in_features, out_features)
    return linear(name, in_features, out_features, bias=True)
