"""The text models of Gemma 3n and 4: each layer has an embedding of its own, and the last ones share keys and values.

Source: transformers 5.23 `models/gemma3n/`, `models/gemma4/`.
"""

from __future__ import annotations

from ftlint.knowledge.architectures.architecture import Architecture, Layout, Specific
from ftlint.knowledge.architectures.families.decoder import (
    Attention,
    Mlp,
    QueryKeyNorm,
    attention_block,
    expert_block,
    mlp_block,
    read_heads,
)
from ftlint.knowledge.architectures.families.layer_kinds import ATTENTION, read_kinds
from ftlint.knowledge.architectures.family import DecoderHeads, Family, Question
from ftlint.knowledge.architectures.reading import ConfigReader, UnknownArchitectureError
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
from ftlint.record import record

SLIDING = "sliding_attention"
INTERVALS = {"gemma3n_text": 5, "gemma4_text": 6}
"""Every so many layers one attends to everything, where the file does not say which: the classes' own default."""
GLOBAL_HEAD_DIM = 512
"""Of Gemma 4's layers that attend to everything, likewise."""
NORMS = (
    "input_layernorm",
    "post_attention_layernorm",
    "pre_feedforward_layernorm",
    "post_feedforward_layernorm",
)
STREAMS = ("projections", "unembed_projections")
EXPERT_NORMS = ("post_feedforward_layernorm_1", "post_feedforward_layernorm_2", "pre_feedforward_layernorm_2")


@record
class Kind:
    """What tells one layer from another."""

    is_global: bool
    """It attends to everything."""
    is_shared: bool
    """It takes an earlier layer's keys and values, and has no projections for its own."""
    is_older: bool
    """As transformers 4 lays it out, which made those projections everywhere."""


def family(model_type: str) -> Family:
    """How this file's model types are read and built."""
    return Family(_read, _build)


def _read(reader: ConfigReader) -> Architecture:
    num_heads, num_key_value_heads, head_dim = read_heads(reader)
    num_layers = reader.layers("num_hidden_layers")
    is_mixture = reader.model_type == "gemma4_text" and reader.flag("enable_moe_block")
    return Architecture(
        model_type=reader.model_type,
        hidden_size=reader.integer("hidden_size"),
        num_layers=num_layers,
        num_attention_heads=num_heads,
        num_key_value_heads=num_key_value_heads,
        head_dim=head_dim,
        intermediate_size=_width(reader, num_layers),
        vocab_size=reader.integer("vocab_size"),
        max_position_embeddings=reader.optional_integer("max_position_embeddings"),
        tie_word_embeddings=reader.flag("tie_word_embeddings"),
        num_experts=reader.integer("num_experts") if is_mixture else 0,
        num_experts_per_token=reader.part("top_k_experts", "num_experts") if is_mixture else 0,
        expert_intermediate_size=reader.integer("moe_intermediate_size") if is_mixture else 0,
        num_sparse_layers=num_layers if is_mixture else 0,
        specifics=(
            ("attention_bias", reader.optional_flag("attention_bias")),
            ("global_layers", _global_layers(reader, num_layers)),
            ("hidden_size_per_layer_input", reader.optional_integer("hidden_size_per_layer_input", minimum=0) or 0),
            ("num_kv_shared_layers", reader.integer("num_kv_shared_layers", minimum=0)),
            ("vocab_size_per_layer_input", reader.integer("vocab_size_per_layer_input")),
            *(_gemma3n(reader) if reader.model_type == "gemma3n_text" else _gemma4(reader)),
        ),
    )


def _width(reader: ConfigReader, num_layers: int) -> int:
    """The feed-forward block's width, which Gemma 3n's files list layer by layer."""
    written = reader.config.get("intermediate_size")
    if reader.model_type != "gemma3n_text" or not isinstance(written, list):
        # Its default goes by the name of a list or a number, and is not harvested.
        return reader.integer("intermediate_size")
    widths = reader.integers("intermediate_size")
    if len(widths) != num_layers or len(set(widths)) != 1 or widths[0] < 1:
        raise UnknownArchitectureError("intermediate_size differs from layer to layer")
    return widths[0]


def _global_layers(reader: ConfigReader, num_layers: int) -> tuple[int, ...]:
    kinds = list(read_kinds(reader, "layer_types", num_layers, (ATTENTION, SLIDING)))
    if not kinds:
        interval = INTERVALS[reader.model_type]
        kinds = [SLIDING if (index + 1) % interval else ATTENTION for index in range(num_layers)]
    if reader.model_type == "gemma4_text":
        kinds[-1] = ATTENTION
    num_shared = reader.integer("num_kv_shared_layers", minimum=0)
    if num_shared and set(kinds[: max(0, num_layers - num_shared)]) != set(kinds):
        raise UnknownArchitectureError("num_kv_shared_layers leaves no layer to share from")
    return tuple(index for index, kind in enumerate(kinds) if kind == ATTENTION)


def _gemma3n(reader: ConfigReader) -> tuple[tuple[str, Specific], ...]:
    return (
        ("altup_num_inputs", reader.integer("altup_num_inputs")),
        ("laurel_rank", reader.integer("laurel_rank")),
    )


def _gemma4(reader: ConfigReader) -> tuple[tuple[str, Specific], ...]:
    if "per_layer_config" in reader.config:
        raise UnknownArchitectureError("per_layer_config is not read yet")
    is_key_value = reader.flag("attention_k_eq_v")
    num_global = reader.optional_integer("num_global_key_value_heads") if is_key_value else None
    return (
        ("attention_k_eq_v", is_key_value),
        ("global_head_dim", reader.optional_integer("global_head_dim") or GLOBAL_HEAD_DIM),
        ("num_global_key_value_heads", num_global or reader.integer("num_key_value_heads")),
        ("use_double_wide_mlp", reader.flag("use_double_wide_mlp")),
    )


def _build(architecture: Architecture, question: Question) -> ParameterTable | None:
    is_3n = architecture.model_type == "gemma3n_text"
    if not is_3n and question.layout is Layout.TRANSFORMERS_4:
        return None  # generation 4 has no such class
    first_shared = architecture.num_layers - architecture.number("num_kv_shared_layers")
    is_older, everywhere = question.layout is Layout.TRANSFORMERS_4, frozenset(architecture.numbers("global_layers"))
    kinds = [
        Kind(index in everywhere, index >= first_shared, is_older and is_3n) for index in range(architecture.num_layers)
    ]
    layer = _layer_3n if is_3n else _layer_4
    body: tuple[Section, ...] = (
        single(embedding("embed_tokens", architecture.vocab_size, architecture.hidden_size)),
        *rows_of("layers", kinds, lambda kind: layer(architecture, kind)),
        single(
            norm("norm", architecture.hidden_size), _embeddings(architecture), _streams(architecture) if is_3n else ()
        ),
    )
    return DecoderHeads().build(architecture, question, body)


def _embeddings(architecture: Architecture) -> Tensors:
    """One embedding for all layers, side by side, and what brings the first embedding to the same width."""
    width = architecture.number("hidden_size_per_layer_input")
    if not width:
        return ()
    return join(
        embedding(
            "embed_tokens_per_layer",
            architecture.number("vocab_size_per_layer_input"),
            architecture.num_layers * width,
        ),
        linear("per_layer_model_projection", architecture.hidden_size, architecture.num_layers * width),
        norm("per_layer_projection_norm", width),
    )


def _layer_input(architecture: Architecture) -> Tensors:
    hidden_size, width = architecture.hidden_size, architecture.number("hidden_size_per_layer_input")
    if not width:
        return ()
    return join(
        linear("per_layer_input_gate", hidden_size, width),
        linear("per_layer_projection", width, hidden_size),
        norm("post_per_layer_input_norm", hidden_size),
    )


def _norms(architecture: Architecture, names: tuple[str, ...]) -> Tensors:
    return join(*(norm(name, architecture.hidden_size) for name in names))


# Gemma 4 ------------------------------------------------------------------------------------------------------------


def _layer_4(architecture: Architecture, kind: Kind) -> Tensors:
    is_wide = kind.is_shared and architecture.flag("use_double_wide_mlp")
    width = architecture.intermediate_size * (2 if is_wide else 1)
    return join(
        scoped("self_attn", _attention_4(architecture, kind)),
        scoped("mlp", mlp_block(Mlp.GATED, architecture.hidden_size, width)),
        _norms(architecture, NORMS),
        _layer_input(architecture),
        _experts(architecture) if architecture.num_experts else (),
    )


def _attention_4(architecture: Architecture, kind: Kind) -> Tensors:
    hidden_size, has_bias = architecture.hidden_size, architecture.flag("attention_bias")
    head_dim = architecture.number("global_head_dim") if kind.is_global else architecture.head_dim
    num_key_value_heads = (
        architecture.number("num_global_key_value_heads") if kind.is_global else architecture.num_key_value_heads
    )
    query_width, width = architecture.num_attention_heads * head_dim, num_key_value_heads * head_dim
    # Where keys are values too, there is one projection for both.
    has_values = not (kind.is_global and architecture.flag("attention_k_eq_v"))
    own: Tensors = ()
    if not kind.is_shared:
        own = join(
            norm("k_norm", head_dim),
            linear("k_proj", hidden_size, width, bias=has_bias),
            linear("v_proj", hidden_size, width, bias=has_bias) if has_values else (),
        )
    return join(
        linear("q_proj", hidden_size, query_width, bias=has_bias),
        norm("q_norm", head_dim),
        own,
        linear("o_proj", query_width, hidden_size, bias=has_bias),
    )


def _experts(architecture: Architecture) -> Tensors:
    hidden_size = architecture.hidden_size
    return join(
        bare("router.scale", hidden_size, role=Role.OTHER),
        bare("router.per_expert_scale", architecture.num_experts, role=Role.OTHER),
        linear("router.proj", hidden_size, architecture.num_experts),
        scoped("experts", expert_block(architecture, Layout.TRANSFORMERS_5)),
        _norms(architecture, EXPERT_NORMS),
    )


# Gemma 3n -----------------------------------------------------------------------------------------------------------


def _layer_3n(architecture: Architecture, kind: Kind) -> Tensors:
    hidden_size, rank = architecture.hidden_size, architecture.number("laurel_rank")
    return join(
        scoped("self_attn", _attention_3n(architecture, kind)),
        scoped("mlp", mlp_block(Mlp.GATED, hidden_size, architecture.intermediate_size)),
        _norms(architecture, NORMS),
        scoped("altup", _altup(architecture)),
        scoped(
            "laurel",
            linear("linear_left", hidden_size, rank),
            linear("linear_right", rank, hidden_size),
            norm("post_laurel_norm", hidden_size),
        ),
        _layer_input(architecture),
    )


def _attention_3n(architecture: Architecture, kind: Kind) -> Tensors:
    if kind.is_older:
        return attention_block(
            Attention("attention_bias", "attention_bias", qk_norm=QueryKeyNorm.PER_HEAD), architecture
        )
    hidden_size, has_bias = architecture.hidden_size, architecture.flag("attention_bias")
    head_dim, width = architecture.head_dim, architecture.key_value_width
    own: Tensors = ()
    if not kind.is_shared:
        own = join(
            linear("k_proj", hidden_size, width, bias=has_bias),
            linear("v_proj", hidden_size, width, bias=has_bias),
            norm("k_norm", head_dim),
        )
    return join(
        linear("q_proj", hidden_size, architecture.query_width, bias=has_bias),
        norm("q_norm", head_dim),
        own,
        linear("o_proj", architecture.query_width, hidden_size, bias=has_bias),
    )


def _altup(architecture: Architecture) -> Tensors:
    """What predicts and corrects the streams that a layer does not compute itself."""
    hidden_size, streams = architecture.hidden_size, architecture.number("altup_num_inputs")
    return join(
        bare("correct_output_scale", hidden_size, role=Role.OTHER),
        linear("correction_coefs", streams, streams),
        linear("prediction_coefs", streams, streams**2),
        linear("modality_router", hidden_size, streams),
        norm("router_norm", hidden_size),
    )


def _streams(architecture: Architecture) -> Tensors:
    """Projections from the embedding to the other streams, and back at the end."""
    hidden_size, others = architecture.hidden_size, architecture.number("altup_num_inputs") - 1
    return join(
        *(linear(f"altup_{kind}.{index}", hidden_size, hidden_size) for kind in STREAMS for index in range(others))
    )
