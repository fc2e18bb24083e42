"""Parts of decoder layers that the Llama-like and the mixture-of-experts families share.

Source: transformers 5.23 `models/<model_type>/modeling_<model_type>.py`; tensors stand in the order in which each
`__init__` registers them.
"""

from __future__ import annotations

from enum import Enum

from ftlint.knowledge.architectures.architecture import Architecture, Layout
from ftlint.knowledge.architectures.reading import ConfigReader, UnknownArchitectureError
from ftlint.knowledge.architectures.tensors import Role, Tensors, bare, join, linear, norm, scoped
from ftlint.record import record

Switch = bool | str
"""Whether something is there: always or never, or as a flag of this name in config.json says."""


class QueryKeyNorm(Enum):
    """Norms on queries and keys inside attention."""

    NONE = "none"
    PER_HEAD = "per head"
    """One weight of head_dim, shared by all heads (Qwen3, Gemma 3)."""
    ALL_HEADS = "all heads"
    """One weight over the concatenated heads (OLMo 2)."""
    EACH_HEAD = "each head"
    """A matrix, heads x head_dim (Cohere)."""


class Mlp(Enum):
    """Shapes of a dense feed-forward block."""

    GATED = "gated"
    """gate_proj, up_proj, down_proj."""
    FUSED_GATED = "fused gated"
    """gate_up_proj, down_proj (Phi-3, GLM)."""
    PLAIN = "plain"
    """up_proj, down_proj (Arcee, Nemotron)."""
    PLAIN_C = "plain, named c_*"
    """c_fc, c_proj (StarCoder2)."""
    XIELU = "plain, with xIELU"
    """up_proj, down_proj, and the two numbers that the activation learns (Apertus)."""


@record
class Attention:
    """How a family's attention block is made."""

    qkv_bias: Switch = False
    output_bias: Switch = False
    is_fused: bool = False
    """One `qkv_proj`, registered after `o_proj` (Phi-3)."""
    qk_norm: QueryKeyNorm = QueryKeyNorm.NONE
    qk_norm_switch: Switch = True
    qk_norm_names: tuple[str, str] = ("q_norm", "k_norm")
    has_output_gate: bool = False
    """The query projection is twice as wide: its second half gates what attention gives (Qwen3-Next)."""


def is_on(switch: Switch, architecture: Architecture) -> bool:
    """What a switch says for this architecture."""
    return architecture.flag(switch) if isinstance(switch, str) else switch


def read_switches(reader: ConfigReader, *switches: Switch) -> tuple[tuple[str, bool], ...]:
    """The flags that these switches name, as `Architecture.specifics`."""
    return tuple((key, reader.optional_flag(key)) for key in sorted({key for key in switches if isinstance(key, str)}))


def read_heads(reader: ConfigReader) -> tuple[int, int, int]:
    """(attention heads, key-value heads, head width), each with the usual fallbacks.

    Key-value heads that are null or missing are as many as heads; a head width that is null or missing is
    hidden_size / heads, and unknown where that does not divide.
    """
    num_heads = reader.integer("num_attention_heads")
    num_key_value_heads = reader.optional_integer("num_key_value_heads") or num_heads
    if num_heads % num_key_value_heads:
        raise UnknownArchitectureError("num_attention_heads is not a multiple of num_key_value_heads")
    head_dim = reader.optional_integer("head_dim")
    if head_dim is None:
        head_dim, remainder = divmod(reader.integer("hidden_size"), num_heads)
        if remainder:
            raise UnknownArchitectureError("hidden_size is not a multiple of num_attention_heads")
    return num_heads, num_key_value_heads, head_dim


def attention_block(style: Attention, architecture: Architecture) -> Tensors:
    """The tensors of `self_attn`, without its name."""
    hidden_size, query_width = architecture.hidden_size, architecture.query_width
    key_value_width = architecture.key_value_width
    qkv_bias, output_bias = is_on(style.qkv_bias, architecture), is_on(style.output_bias, architecture)
    output = linear("o_proj", query_width, hidden_size, bias=output_bias)
    if style.is_fused:
        return join(output, linear("qkv_proj", hidden_size, query_width + 2 * key_value_width, bias=qkv_bias))
    return join(
        linear("q_proj", hidden_size, query_width * (2 if style.has_output_gate else 1), bias=qkv_bias),
        linear("k_proj", hidden_size, key_value_width, bias=qkv_bias),
        linear("v_proj", hidden_size, key_value_width, bias=qkv_bias),
        output,
        _query_key_norms(style, architecture),
    )


def _query_key_norms(style: Attention, architecture: Architecture) -> Tensors:
    if style.qk_norm is QueryKeyNorm.NONE or not is_on(style.qk_norm_switch, architecture):
        return ()
    (query, key), head_dim = style.qk_norm_names, architecture.head_dim
    if style.qk_norm is QueryKeyNorm.PER_HEAD:
        return join(norm(query, head_dim), norm(key, head_dim))
    if style.qk_norm is QueryKeyNorm.ALL_HEADS:
        return join(norm(query, architecture.query_width), norm(key, architecture.key_value_width))
    return join(
        norm(query, architecture.num_attention_heads, head_dim),
        norm(key, architecture.num_key_value_heads, head_dim),
    )


def mlp_block(kind: Mlp, hidden_size: int, intermediate_size: int, *, bias: bool = False) -> Tensors:
    """The tensors of a dense feed-forward block, without its name."""
    if kind is Mlp.GATED:
        return join(
            linear("gate_proj", hidden_size, intermediate_size, bias=bias),
            linear("up_proj", hidden_size, intermediate_size, bias=bias),
            linear("down_proj", intermediate_size, hidden_size, bias=bias),
        )
    if kind is Mlp.FUSED_GATED:
        return join(
            linear("gate_up_proj", hidden_size, 2 * intermediate_size, bias=bias),
            linear("down_proj", intermediate_size, hidden_size, bias=bias),
        )
    up, down = ("c_fc", "c_proj") if kind is Mlp.PLAIN_C else ("up_proj", "down_proj")
    learned = ("act_fn.alpha_p", "act_fn.alpha_n") if kind is Mlp.XIELU else ()
    return join(
        linear(up, hidden_size, intermediate_size, bias=bias),
        linear(down, intermediate_size, hidden_size, bias=bias),
        *(bare(name, 1, role=Role.OTHER) for name in learned),
    )


def expert_block(
    architecture: Architecture,
    layout: Layout,
    projections: tuple[str, str, str] = ("gate_proj", "up_proj", "down_proj"),
) -> Tensors:
    """The routed experts of one layer, without the name of the block; equally many parameters in both layouts.

    `projections`: what transformers 4 called an expert's gate, up and down projection, in the order it registered them.
    """
    hidden_size, width = architecture.hidden_size, architecture.expert_intermediate_size
    if layout is Layout.TRANSFORMERS_5:
        return join(
            bare("gate_up_proj", architecture.num_experts, 2 * width, hidden_size, role=Role.EXPERT),
            bare("down_proj", architecture.num_experts, hidden_size, width, role=Role.EXPERT),
        )
    one = join(
        *(
            linear(name, width, hidden_size) if name in ("down_proj", "w2") else linear(name, hidden_size, width)
            for name in projections
        )
    )
    return join(*(scoped(str(index), one) for index in range(architecture.num_experts)))


def router(name: str, architecture: Architecture, layout: Layout) -> Tensors:
    """The routing weight: a bare parameter since transformers 5, an `nn.Linear` before."""
    role = Role.ROUTER if layout is Layout.TRANSFORMERS_5 else Role.LINEAR
    return bare(f"{name}.weight", architecture.num_experts, architecture.hidden_size, role=role)
