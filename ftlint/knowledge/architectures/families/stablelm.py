"""StableLM 3B-4E1T and StableLM 2. Source: transformers 5.23 `models/stablelm/modeling_stablelm.py`."""

from __future__ import annotations

from ftlint.knowledge.architectures.architecture import Architecture
from ftlint.knowledge.architectures.families.decoder import Attention, Mlp, attention_block, mlp_block
from ftlint.knowledge.architectures.families.keys import Keys
from ftlint.knowledge.architectures.family import DecoderHeads, Family, Question
from ftlint.knowledge.architectures.reading import ConfigReader
from ftlint.knowledge.architectures.tensors import (
    ParameterTable,
    Tensors,
    embedding,
    join,
    norm,
    row,
    scoped,
    single,
)


def family(model_type: str) -> Family:
    """How this file\'s model types are read and built."""
    return Family(_read, _build)


def _read(reader: ConfigReader) -> Architecture:
    return Keys().read(
        reader,
        num_key_value_heads=reader.integer("num_key_value_heads"),
        has_gated_mlp=True,
        specifics=tuple((key, reader.flag(key)) for key in ("qk_layernorm", "use_parallel_residual", "use_qkv_bias")),
    )


def _build(architecture: Architecture, question: Question) -> ParameterTable | None:
    hidden_size = architecture.hidden_size
    body = (
        single(embedding("embed_tokens", architecture.vocab_size, hidden_size)),
        row("layers", architecture.num_layers, _layer(architecture)),
        single(norm("norm", hidden_size, bias=True)),
    )
    return DecoderHeads().build(architecture, question, body)


def _layer(architecture: Architecture) -> Tensors:
    hidden_size = architecture.hidden_size
    second_norm: Tensors = ()
    if not architecture.flag("use_parallel_residual"):
        second_norm = norm("post_attention_layernorm", hidden_size, bias=True)
    return join(
        scoped(
            "self_attn", attention_block(Attention(qkv_bias="use_qkv_bias"), architecture), _head_norms(architecture)
        ),
        scoped("mlp", mlp_block(Mlp.GATED, hidden_size, architecture.intermediate_size)),
        norm("input_layernorm", hidden_size, bias=True),
        second_norm,
    )


def _head_norms(architecture: Architecture) -> Tensors:
    """One small norm module per head (StableLM 2 12B)."""
    if not architecture.flag("qk_layernorm"):
        return ()
    counts = (("q_layernorm", architecture.num_attention_heads), ("k_layernorm", architecture.num_key_value_heads))
    return join(
        *(norm(f"{name}.norms.{head}", architecture.head_dim) for name, count in counts for head in range(count))
    )
