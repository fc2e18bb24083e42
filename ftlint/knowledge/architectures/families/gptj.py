"""GPT-J, and CodeGen, which fuses its attention projections.

Source: transformers 5.23 `models/gptj/modeling_gptj.py`, `models/codegen/modeling_codegen.py`.
"""

from __future__ import annotations

from ftlint.knowledge.architectures.architecture import Architecture
from ftlint.knowledge.architectures.families.keys import GPT2_KEYS
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

HEADS = DecoderHeads(body="transformer", embedding="wte.weight", has_lm_head_bias=True)


def family(model_type: str) -> Family:
    """How this file\'s model types are read and built."""
    return Family(_read, _build)


def _read(reader: ConfigReader) -> Architecture:
    # No parameter's width depends on it, but how much of each head is turned.
    return GPT2_KEYS.read(reader, specifics=(("rotary_dim", reader.optional_integer("rotary_dim")),))


def _build(architecture: Architecture, question: Question) -> ParameterTable | None:
    hidden_size = architecture.hidden_size
    body = (
        single(embedding("wte", architecture.vocab_size, hidden_size)),
        row("h", architecture.num_layers, _layer(architecture)),
        single(norm("ln_f", hidden_size, bias=True)),
    )
    return HEADS.build(architecture, question, body)


def _layer(architecture: Architecture) -> Tensors:
    hidden_size, width = architecture.hidden_size, architecture.intermediate_size
    if architecture.model_type == "codegen":
        projections = linear("qkv_proj", hidden_size, 3 * hidden_size)
    else:
        projections = join(*(linear(name, hidden_size, hidden_size) for name in ("k_proj", "v_proj", "q_proj")))
    return join(
        norm("ln_1", hidden_size, bias=True),
        scoped("attn", projections, linear("out_proj", hidden_size, hidden_size)),
        scoped("mlp", linear("fc_in", hidden_size, width, bias=True), linear("fc_out", width, hidden_size, bias=True)),
    )
