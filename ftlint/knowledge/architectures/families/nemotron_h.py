"""Nemotron-H: every layer is one thing, a Mamba 2 mixer, attention, a plain feed-forward block or experts.

Source: transformers 5.23 `models/nemotron_h/`. Layers that predict further tokens (`num_nextn_predict_layers`) are no
part of these classes, and not counted.
"""

from __future__ import annotations

from collections.abc import Callable

from ftlint.knowledge.architectures.architecture import Architecture, Layout
from ftlint.knowledge.architectures.families.decoder import Attention, Mlp, attention_block, mlp_block, read_heads
from ftlint.knowledge.architectures.families.layer_kinds import ATTENTION as ATTENTION_LAYER
from ftlint.knowledge.architectures.families.layer_kinds import read_kinds
from ftlint.knowledge.architectures.families.mamba2 import mixer
from ftlint.knowledge.architectures.family import DecoderHeads, Family, Question
from ftlint.knowledge.architectures.reading import MAX_LAYERS, ConfigReader, UnknownArchitectureError
from ftlint.knowledge.architectures.tensors import (
    ParameterTable,
    Role,
    Section,
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

HEADS = DecoderHeads(embedding="embeddings.weight")
LETTERS = {"M": "linear_attention", "*": ATTENTION_LAYER, "-": "mlp", "E": "moe"}
OLDER_KEYS = ("mamba_n_groups", "mamba_d_conv", "mamba_conv_bias")
"""Older spellings that win over the class's own keys; released files do not have them."""


def family(model_type: str) -> Family:
    """How this file's model types are read and built."""
    return Family(_read, _build)


def _read(reader: ConfigReader) -> Architecture:
    if any(key in reader.config for key in OLDER_KEYS):
        raise UnknownArchitectureError(f"{' and '.join(OLDER_KEYS)} are older spellings")
    num_heads, num_key_value_heads, head_dim = read_heads(reader)
    kinds = _kinds(reader)
    num_sparse = kinds.count("moe")
    mamba_heads = reader.integer("mamba_num_heads")
    return Architecture(
        model_type=reader.model_type,
        hidden_size=reader.integer("hidden_size"),
        num_layers=len(kinds),
        num_attention_heads=num_heads,
        num_key_value_heads=num_key_value_heads,
        head_dim=head_dim,
        intermediate_size=reader.integer("intermediate_size"),
        vocab_size=reader.integer("vocab_size"),
        max_position_embeddings=reader.optional_integer("max_position_embeddings"),
        tie_word_embeddings=reader.flag("tie_word_embeddings"),
        has_gated_mlp=False,
        num_experts=reader.integer("n_routed_experts") if num_sparse else 0,
        num_experts_per_token=reader.part("num_experts_per_tok", "n_routed_experts") if num_sparse else 0,
        expert_intermediate_size=reader.integer("moe_intermediate_size") if num_sparse else 0,
        num_sparse_layers=num_sparse,
        specifics=(
            ("pattern", "".join(next(letter for letter, kind in LETTERS.items() if kind == each) for each in kinds)),
            ("mlp_bias", reader.flag("mlp_bias")),
            ("moe_latent_size", reader.optional_integer("moe_latent_size")),
            ("moe_shared_expert_intermediate_size", reader.integer("moe_shared_expert_intermediate_size")),
            ("mamba_width", mamba_heads * reader.integer("mamba_head_dim")),
            ("mamba_n_heads", mamba_heads),
            ("mamba_n_groups", reader.integer("n_groups")),
            ("mamba_d_state", reader.integer("ssm_state_size")),
            ("mamba_d_conv", reader.integer("conv_kernel")),
            ("mamba_conv_bias", reader.flag("use_conv_bias")),
            ("mamba_proj_bias", reader.flag("use_bias")),
        ),
    )


def _kinds(reader: ConfigReader) -> tuple[str, ...]:
    """What each layer is; a list of words wins over a pattern of letters, and both over `num_hidden_layers`."""
    words = reader.texts("layers_block_type")
    if words:
        return read_kinds(reader, "layers_block_type", min(len(words), MAX_LAYERS), tuple(LETTERS.values()))
    pattern = reader.config.get("hybrid_override_pattern")
    if not isinstance(pattern, str) or not pattern or not set(pattern) <= set(LETTERS) or len(pattern) > MAX_LAYERS:
        raise UnknownArchitectureError("hybrid_override_pattern must be letters of M, E, * and -")
    return tuple(LETTERS[letter] for letter in pattern)


def _build(architecture: Architecture, question: Question) -> ParameterTable | None:
    if architecture.num_experts and question.layout is Layout.TRANSFORMERS_4:
        return None  # generation 4 has no such class
    hidden_size = architecture.hidden_size
    body: tuple[Section, ...] = (
        single(embedding("embeddings", architecture.vocab_size, hidden_size)),
        *rows_of("layers", architecture.text("pattern"), lambda letter: _layer(architecture, LETTERS[letter])),
        single(norm("norm_f", hidden_size)),
    )
    return HEADS.build(architecture, question, body)


def _layer(architecture: Architecture, kind: str) -> Tensors:
    return join(norm("norm", architecture.hidden_size), scoped("mixer", MIXERS[kind](architecture)))


def _attention(architecture: Architecture) -> Tensors:
    return attention_block(Attention(), architecture)


def _feed_forward(architecture: Architecture) -> Tensors:
    bias = architecture.flag("mlp_bias")
    return mlp_block(Mlp.PLAIN, architecture.hidden_size, architecture.intermediate_size, bias=bias)


def _experts(architecture: Architecture) -> Tensors:
    hidden_size, bias = architecture.hidden_size, architecture.flag("mlp_bias")
    latent, width = architecture.optional_number("moe_latent_size"), architecture.expert_intermediate_size
    inner = latent or hidden_size
    projections: Tensors = ()
    if latent is not None:
        projections = join(
            linear("fc1_latent_proj", hidden_size, latent, bias=bias),
            linear("fc2_latent_proj", latent, hidden_size, bias=bias),
        )
    shared_width = architecture.number("moe_shared_expert_intermediate_size")
    return join(
        bare("experts.up_proj", architecture.num_experts, width, inner, role=Role.EXPERT),
        bare("experts.down_proj", architecture.num_experts, inner, width, role=Role.EXPERT),
        bare("gate.weight", architecture.num_experts, hidden_size, role=Role.ROUTER),
        scoped("shared_experts", mlp_block(Mlp.PLAIN, hidden_size, shared_width, bias=bias)),
        projections,
    )


MIXERS: dict[str, Callable[[Architecture], Tensors]] = {
    ATTENTION_LAYER: _attention,
    "linear_attention": mixer,
    "mlp": _feed_forward,
    "moe": _experts,
}
