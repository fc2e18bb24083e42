"""The language model of Llama 3.2 Vision: Llama's layers, some of which look at images instead of at the text.

Source: transformers 5.23 `models/mllama/modeling_mllama.py`.
"""

from __future__ import annotations

from dataclasses import replace

from ftlint.knowledge.architectures.architecture import Architecture
from ftlint.knowledge.architectures.families.decoder import Attention, Mlp, QueryKeyNorm, attention_block, mlp_block
from ftlint.knowledge.architectures.families.llama_like import TWO_NORMS, LlamaLike
from ftlint.knowledge.architectures.family import DecoderHeads, Family, Question
from ftlint.knowledge.architectures.reading import ConfigReader, UnknownArchitectureError
from ftlint.knowledge.architectures.tensors import (
    ParameterTable,
    Role,
    Tensors,
    bare,
    embedding,
    join,
    norm,
    rows_of,
    scoped,
    single,
)

IMAGE_TOKENS = 8
"""Rows of the embedding behind the vocabulary, which the output layer does not have."""
LOOKING = "cross_attention_layers"
LOOKING_BY_DEFAULT = (3, 8, 13, 18, 23, 28, 33, 38)


def family(model_type: str) -> Family:
    """How this file's model types are read and built."""
    return Family(_read, _build)


def _read(reader: ConfigReader) -> Architecture:
    layers = reader.integers(LOOKING) or LOOKING_BY_DEFAULT
    architecture = LlamaLike().read(reader)
    if architecture.tie_word_embeddings:
        raise UnknownArchitectureError("tied embeddings, which have more rows than the output layer")
    return replace(architecture, specifics=((LOOKING, layers),))


def _build(architecture: Architecture, question: Question) -> ParameterTable | None:
    looking, hidden_size = architecture.numbers(LOOKING), architecture.hidden_size
    body = (
        single(embedding("embed_tokens", architecture.vocab_size + IMAGE_TOKENS, hidden_size)),
        *rows_of(
            "layers",
            (index in looking for index in range(architecture.num_layers)),
            lambda it: _layer(architecture, it),
        ),
        single(norm("norm", hidden_size)),
    )
    return DecoderHeads().build(architecture, question, body)


def _layer(architecture: Architecture, is_looking: bool) -> Tensors:
    hidden_size = architecture.hidden_size
    style = Attention(qk_norm=QueryKeyNorm.PER_HEAD) if is_looking else Attention()
    gates = ("cross_attn_attn_gate", "cross_attn_mlp_gate") if is_looking else ()
    first, second = TWO_NORMS
    attention = scoped("cross_attn" if is_looking else "self_attn", attention_block(style, architecture))
    mlp = scoped("mlp", mlp_block(Mlp.GATED, hidden_size, architecture.intermediate_size))
    if not is_looking:
        return join(attention, mlp, norm(first, hidden_size), norm(second, hidden_size))
    bare_gates = join(*(bare(name, 1, role=Role.OTHER) for name in gates))
    return join(bare_gates, attention, norm(first, hidden_size), mlp, norm(second, hidden_size))
