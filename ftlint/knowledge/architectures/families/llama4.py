"""The language model of Llama 4: dense layers and mixtures take turns, and every mixture has one expert for all tokens.

Source: transformers 5.23 `models/llama4/modeling_llama4.py`; experts are fused in transformers 4 too.
"""

from __future__ import annotations

from dataclasses import replace

from ftlint.knowledge.architectures.architecture import Architecture
from ftlint.knowledge.architectures.families.decoder import Attention, Mlp, attention_block, mlp_block
from ftlint.knowledge.architectures.families.llama_like import TWO_NORMS, LlamaLike
from ftlint.knowledge.architectures.family import DecoderHeads, Family, Question
from ftlint.knowledge.architectures.reading import ConfigReader
from ftlint.knowledge.architectures.tensors import (
    ParameterTable,
    Role,
    Tensors,
    bare,
    embedding,
    join,
    linear,
    norm,
    rows_of,
    scoped,
    single,
)

ATTENTION = Attention("attention_bias", "attention_bias")
SPARSE, DENSE_WIDTH = "moe_layers", "intermediate_size_mlp"


def family(model_type: str) -> Family:
    """How this file's model types are read and built."""
    return Family(_read, _build)


def _read(reader: ConfigReader) -> Architecture:
    """`intermediate_size` is an expert's width; dense layers have a key of their own."""
    architecture = LlamaLike(ATTENTION).read(reader)
    step = reader.integer("interleave_moe_layer_step")
    sparse = reader.integers(SPARSE) or tuple(range(step - 1, architecture.num_layers, step))
    dense_width = reader.integer(DENSE_WIDTH)
    return replace(
        architecture,
        intermediate_size=dense_width,
        num_experts=reader.integer("num_local_experts"),
        num_experts_per_token=reader.part("num_experts_per_tok", "num_local_experts"),
        expert_intermediate_size=reader.integer("intermediate_size"),
        num_sparse_layers=sum(index in sparse for index in range(architecture.num_layers)),
        specifics=(*architecture.specifics, (SPARSE, sparse)),
    )


def _build(architecture: Architecture, question: Question) -> ParameterTable | None:
    sparse, hidden_size = architecture.numbers(SPARSE), architecture.hidden_size
    kinds = (index in sparse for index in range(architecture.num_layers))
    body = (
        single(embedding("embed_tokens", architecture.vocab_size, hidden_size)),
        *rows_of("layers", kinds, lambda is_sparse: _layer(architecture, is_sparse)),
        single(norm("norm", hidden_size)),
    )
    return DecoderHeads().build(architecture, question, body)


def _layer(architecture: Architecture, is_sparse: bool) -> Tensors:
    hidden_size = architecture.hidden_size
    block = _mixture(architecture) if is_sparse else mlp_block(Mlp.GATED, hidden_size, architecture.intermediate_size)
    return join(
        scoped("self_attn", attention_block(ATTENTION, architecture)),
        scoped("feed_forward", block),
        *(norm(name, hidden_size) for name in TWO_NORMS),
    )


def _mixture(architecture: Architecture) -> Tensors:
    hidden_size, width, count = (
        architecture.hidden_size,
        architecture.expert_intermediate_size,
        architecture.num_experts,
    )
    experts = join(
        bare("gate_up_proj", count, hidden_size, 2 * width, role=Role.EXPERT),
        bare("down_proj", count, width, hidden_size, role=Role.EXPERT),
    )
    return join(
        scoped("experts", experts),
        linear("router", hidden_size, count),
        scoped("shared_expert", mlp_block(Mlp.GATED, hidden_size, width)),
    )
