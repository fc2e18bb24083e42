"""GPT-NeoX (Pythia, Dolly, RedPajama). Source: transformers 5.23 `models/gpt_neox/modeling_gpt_neox.py`."""

from __future__ import annotations

from dataclasses import replace

from ftlint.knowledge.architectures.architecture import Architecture, Layout
from ftlint.knowledge.architectures.families.keys import Keys
from ftlint.knowledge.architectures.family import DecoderHeads, Family, Question
from ftlint.knowledge.architectures.reading import ConfigReader
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

HEADS = DecoderHeads(body="gpt_neox", embedding="embed_in.weight", lm_head="lm_head", token_head="classifier")


def family(model_type: str) -> Family:
    """How this file\'s model types are read and built."""
    return Family(_read, _build)


def _read(reader: ConfigReader) -> Architecture:
    return Keys().read(reader, specifics=(("attention_bias", reader.flag("attention_bias")),))


def _build(architecture: Architecture, question: Question) -> ParameterTable | None:
    # transformers 4 called the output layer of the language model by another name.
    heads = HEADS if question.layout is Layout.TRANSFORMERS_5 else replace(HEADS, lm_head="embed_out")
    hidden_size = architecture.hidden_size
    body = (
        single(embedding("embed_in", architecture.vocab_size, hidden_size)),
        row("layers", architecture.num_layers, _layer(architecture)),
        single(norm("final_layer_norm", hidden_size, bias=True)),
    )
    return heads.build(architecture, question, body)


def _layer(architecture: Architecture) -> Tensors:
    hidden_size, width = architecture.hidden_size, architecture.intermediate_size
    has_bias = architecture.flag("attention_bias")
    return join(
        norm("input_layernorm", hidden_size, bias=True),
        norm("post_attention_layernorm", hidden_size, bias=True),
        scoped(
            "attention",
            linear("query_key_value", hidden_size, 3 * hidden_size, bias=has_bias),
            linear("dense", hidden_size, hidden_size, bias=has_bias),
        ),
        scoped(
            "mlp",
            linear("dense_h_to_4h", hidden_size, width, bias=True),
            linear("dense_4h_to_h", width, hidden_size, bias=True),
        ),
    )
