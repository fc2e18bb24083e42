"""The state space mixer of Mamba 2, which several hybrids put in place of attention, or beside it.

Source: transformers 5.23 `models/granitemoehybrid/`, `bamba/`, `falcon_h1/`, `nemotron_h/`.
"""

from __future__ import annotations

from ftlint.knowledge.architectures.architecture import Architecture, Specific
from ftlint.knowledge.architectures.reading import ConfigReader, UnknownArchitectureError
from ftlint.knowledge.architectures.tensors import Role, Tensors, bare, join, linear, norm

NUMBERS = ("mamba_n_heads", "mamba_n_groups", "mamba_d_state", "mamba_d_conv")


def read_mixer(reader: ConfigReader, width: int | None = None) -> tuple[tuple[str, Specific], ...]:
    """The mixer's numbers as `Architecture.specifics`; `width` of all heads together, where it is written by itself."""
    if width is None:
        width = reader.integer("mamba_expand") * reader.integer("hidden_size")
    num_heads = reader.integer("mamba_n_heads")
    head_width = width // num_heads if reader.value("mamba_d_head") == "auto" else reader.integer("mamba_d_head")
    if num_heads * head_width != width:
        raise UnknownArchitectureError("mamba_d_head times mamba_n_heads is not the mixer's width")
    return (
        ("mamba_width", width),
        *((key, reader.integer(key)) for key in NUMBERS),
        ("mamba_conv_bias", reader.flag("mamba_conv_bias")),
        ("mamba_proj_bias", reader.flag("mamba_proj_bias")),
    )


def mixer(architecture: Architecture, *, has_norm: bool = True, output_bias: bool | None = None) -> Tensors:
    """The mixer's tensors, without its name; `output_bias` where it is not that of the input projection."""
    hidden_size, width = architecture.hidden_size, architecture.number("mamba_width")
    num_heads, has_bias = architecture.number("mamba_n_heads"), architecture.flag("mamba_proj_bias")
    # The convolution runs over the input and the two projections that make the state, which groups of heads share.
    channels = width + 2 * architecture.number("mamba_n_groups") * architecture.number("mamba_d_state")
    kernel = bare("conv1d.weight", channels, 1, architecture.number("mamba_d_conv"), role=Role.OTHER)
    return join(
        *(bare(name, num_heads, role=Role.OTHER) for name in ("dt_bias", "A_log", "D")),
        kernel,
        bare("conv1d.bias", channels, role=Role.BIAS) if architecture.flag("mamba_conv_bias") else (),
        linear("in_proj", hidden_size, width + channels + num_heads, bias=has_bias),
        norm("norm", width) if has_norm else (),
        linear("out_proj", width, hidden_size, bias=has_bias if output_bias is None else output_bias),
    )
