"""Mamba and Falcon Mamba, which have no attention, and Jamba, most of whose layers are Mamba.

Source: transformers 5.23 `models/mamba/`, `models/falcon_mamba/`, `models/jamba/`.
"""

from __future__ import annotations

from ftlint.knowledge.architectures.architecture import Architecture, Layout
from ftlint.knowledge.architectures.families.decoder import (
    Attention,
    Mlp,
    attention_block,
    expert_block,
    mlp_block,
    read_heads,
    router,
)
from ftlint.knowledge.architectures.family import DecoderHeads, Family, Question
from ftlint.knowledge.architectures.reading import ConfigReader
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
    row,
    rows_of,
    scoped,
    single,
)

HEADS = DecoderHeads(body="backbone", embedding="embeddings.weight")
CHANNELS_PER_RANK = 16
"""Of the hidden size, where the rank of the step's projection is "auto"."""


def family(model_type: str) -> Family:
    """How this file's model types are read and built."""
    return Family(_read_jamba, _build_jamba) if model_type == "jamba" else Family(_read, _build)


def _read(reader: ConfigReader) -> Architecture:
    hidden_size = reader.integer("hidden_size")
    # What a file says of the inner width wins over `expand`, which Falcon Mamba's contradicts.
    width = reader.optional_integer("intermediate_size") or reader.integer("expand") * hidden_size
    return Architecture(
        model_type=reader.model_type,
        hidden_size=hidden_size,
        num_layers=reader.layers("num_hidden_layers"),
        num_attention_heads=0,
        num_key_value_heads=0,
        head_dim=0,
        intermediate_size=width,
        vocab_size=reader.integer("vocab_size"),
        max_position_embeddings=None,  # there are no positions
        tie_word_embeddings=reader.flag("tie_word_embeddings"),
        has_gated_mlp=False,
        specifics=(
            ("conv_kernel", reader.integer("conv_kernel")),
            ("inner_width", width),
            ("state_size", reader.integer("state_size")),
            ("step_rank", _step_rank(reader, "time_step_rank")),
            ("use_bias", reader.flag("use_bias")),
            ("use_conv_bias", reader.flag("use_conv_bias")),
        ),
    )


def _step_rank(reader: ConfigReader, key: str) -> int:
    if reader.value(key) == "auto":
        return -(-reader.integer("hidden_size") // CHANNELS_PER_RANK)
    return reader.integer(key)


def _build(architecture: Architecture, question: Question) -> ParameterTable | None:
    hidden_size = architecture.hidden_size
    layer = join(norm("norm", hidden_size), scoped("mixer", _mixer(architecture)))
    body = (
        single(embedding("embeddings", architecture.vocab_size, hidden_size)),
        row("layers", architecture.num_layers, layer),
        single(norm("norm_f", hidden_size)),
    )
    return HEADS.build(architecture, question, body)


def _mixer(architecture: Architecture) -> Tensors:
    hidden_size, width = architecture.hidden_size, architecture.number("inner_width")
    state, rank = architecture.number("state_size"), architecture.number("step_rank")
    has_bias = architecture.flag("use_bias")
    return join(
        bare("A_log", width, state, role=Role.OTHER),
        bare("D", width, role=Role.OTHER),
        bare("conv1d.weight", width, 1, architecture.number("conv_kernel"), role=Role.OTHER),
        bare("conv1d.bias", width, role=Role.BIAS) if architecture.flag("use_conv_bias") else (),
        linear("in_proj", hidden_size, 2 * width, bias=has_bias),
        linear("x_proj", width, rank + 2 * state),
        linear("dt_proj", rank, width, bias=True),
        linear("out_proj", width, hidden_size, bias=has_bias),
    )


def _read_jamba(reader: ConfigReader) -> Architecture:
    num_heads, num_key_value_heads, head_dim = read_heads(reader)
    num_layers, num_experts = reader.layers("num_hidden_layers"), reader.integer("num_experts")
    # One expert is a dense block.
    sparse = _every(reader, num_layers, "expert_layer") if num_experts > 1 else ()
    return Architecture(
        model_type=reader.model_type,
        hidden_size=reader.integer("hidden_size"),
        num_layers=num_layers,
        num_attention_heads=num_heads,
        num_key_value_heads=num_key_value_heads,
        head_dim=head_dim,
        intermediate_size=reader.integer("intermediate_size"),
        vocab_size=reader.integer("vocab_size"),
        max_position_embeddings=reader.optional_integer("max_position_embeddings"),
        tie_word_embeddings=reader.flag("tie_word_embeddings"),
        num_experts=num_experts if sparse else 0,
        num_experts_per_token=reader.part("num_experts_per_tok", "num_experts") if sparse else 0,
        expert_intermediate_size=reader.integer("intermediate_size") if sparse else 0,
        num_sparse_layers=len(sparse),
        specifics=(
            ("attention_layers", _every(reader, num_layers, "attn_layer")),
            ("conv_kernel", reader.integer("mamba_d_conv")),
            ("inner_width", reader.integer("mamba_expand") * reader.integer("hidden_size")),
            ("sparse_layers", sparse),
            ("state_size", reader.integer("mamba_d_state")),
            ("step_rank", _step_rank(reader, "mamba_dt_rank")),
            ("use_bias", reader.flag("mamba_proj_bias")),
            ("use_conv_bias", reader.flag("mamba_conv_bias")),
        ),
    )


def _every(reader: ConfigReader, num_layers: int, key: str) -> tuple[int, ...]:
    period, offset = reader.integer(f"{key}_period"), reader.integer(f"{key}_offset", minimum=0)
    return tuple(index for index in range(num_layers) if index % period == offset)


def _build_jamba(architecture: Architecture, question: Question) -> ParameterTable | None:
    attending = frozenset(architecture.numbers("attention_layers"))
    sparse = frozenset(architecture.numbers("sparse_layers"))
    kinds = [(index in attending, index in sparse) for index in range(architecture.num_layers)]
    body: tuple[Section, ...] = (
        single(embedding("embed_tokens", architecture.vocab_size, architecture.hidden_size)),
        *rows_of("layers", kinds, lambda kind: _jamba_layer(architecture, question.layout, *kind)),
        single(norm("final_layernorm", architecture.hidden_size)),
    )
    return DecoderHeads().build(architecture, question, body)


def _jamba_layer(architecture: Architecture, layout: Layout, attends: bool, is_sparse: bool) -> Tensors:
    hidden_size = architecture.hidden_size
    mixer = (
        scoped("self_attn", attention_block(Attention(), architecture))
        if attends
        else scoped("mamba", _mixer(architecture), _mixer_norms(architecture))
    )
    block = (
        join(router("router", architecture, layout), scoped("experts", expert_block(architecture, layout)))
        if is_sparse
        else mlp_block(Mlp.GATED, hidden_size, architecture.intermediate_size)
    )
    norms = join(norm("input_layernorm", hidden_size), norm("pre_ff_layernorm", hidden_size))
    return join(mixer, scoped("feed_forward", block), norms)


def _mixer_norms(architecture: Architecture) -> Tensors:
    state = architecture.number("state_size")
    return join(
        norm("dt_layernorm", architecture.number("step_rank")),
        norm("b_layernorm", state),
        norm("c_layernorm", state),
    )
