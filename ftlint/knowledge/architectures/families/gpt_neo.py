"""GPT-Neo. Source: transformers 5.23 `models/gpt_neo/modeling_gpt_neo.py`."""

from __future__ import annotations

from ftlint.knowledge.architectures.architecture import Architecture
from ftlint.knowledge.architectures.families.keys import Keys
from ftlint.knowledge.architectures.family import DecoderHeads, Family, Question
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

HEADS = DecoderHeads(body="transformer", embedding="wte.weight", token_head="classifier")
KEYS = Keys(num_layers="num_layers", num_heads="num_heads")


def family(model_type: str) -> Family:
    """How this file\'s model types are read and built."""
    return Family(KEYS.read, _build)


def _build(architecture: Architecture, question: Question) -> ParameterTable | None:
    hidden_size, positions = architecture.hidden_size, architecture.max_position_embeddings
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
    return join(
        norm("ln_1", hidden_size, bias=True),
        scoped(
            "attn.attention",
            *(linear(name, hidden_size, hidden_size) for name in ("k_proj", "v_proj", "q_proj")),
            linear("out_proj", hidden_size, hidden_size, bias=True),
        ),
        norm("ln_2", hidden_size, bias=True),
        scoped("mlp", linear("c_fc", hidden_size, width, bias=True), linear("c_proj", width, hidden_size, bias=True)),
    )
