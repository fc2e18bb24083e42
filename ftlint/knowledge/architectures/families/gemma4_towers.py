"""What reads images and sound beside Gemma 4's language model.

Source: transformers 5.23 `models/gemma4/modeling_gemma4.py`. Most linear layers stand inside a module that may clip
what goes in and comes out, so their own name ends in `.linear`.
"""

from __future__ import annotations

from ftlint.knowledge.architectures.architecture import Tower
from ftlint.knowledge.architectures.tensors import (
    Role,
    Section,
    Tensors,
    bare,
    join,
    linear,
    norm,
    row,
    scoped,
    single,
)

VISION_KEYS = (
    "head_dim",
    "hidden_size",
    "intermediate_size",
    "num_attention_heads",
    "num_hidden_layers",
    "num_key_value_heads",
    "patch_size",
    "position_embedding_size",
)
AUDIO_KEYS = ("conv_kernel_size", "hidden_size", "num_attention_heads", "num_hidden_layers", "output_proj_dims")
NORMS = ("input_layernorm", "post_attention_layernorm", "pre_feedforward_layernorm", "post_feedforward_layernorm")
CHANNELS = (128, 32)
"""Of the two convolutions over the spectrogram, the classes' own default, which no released model changes."""
COLORS, SIDES = 3, 2


def images(tower: Tower) -> tuple[Section, ...]:
    """The vision tower: patches as a linear layer reads them, then layers with norms around both blocks."""
    width, inner, head_dim = (tower.number(key) for key in ("hidden_size", "intermediate_size", "head_dim"))
    query_width = tower.number("num_attention_heads") * head_dim
    key_value_width = tower.number("num_key_value_heads") * head_dim
    patches = join(
        bare("position_embedding_table", SIDES, tower.number("position_embedding_size"), width, role=Role.OTHER),
        linear("input_proj", COLORS * tower.number("patch_size") ** 2, width),
    )
    attention = join(
        _clipped("q_proj", width, query_width),
        _clipped("k_proj", width, key_value_width),
        _clipped("v_proj", width, key_value_width),
        _clipped("o_proj", query_width, width),
        norm("q_norm", head_dim),
        norm("k_norm", head_dim),
    )
    mlp = join(
        _clipped("gate_proj", width, inner), _clipped("up_proj", width, inner), _clipped("down_proj", inner, width)
    )
    layer = join(scoped("self_attn", attention), scoped("mlp", mlp), *(norm(name, width) for name in NORMS))
    return (
        single(scoped("patch_embedder", patches)),
        row("encoder.layers", tower.number("num_hidden_layers"), layer),
    )


def sound(tower: Tower) -> tuple[Section, ...]:
    """The audio tower: two convolutions, then layers of attention and convolution between two half blocks."""
    width, (first, second) = tower.number("hidden_size"), CHANNELS
    start = join(
        bare("layer0.conv.weight", first, 1, 3, 3, role=Role.OTHER),
        norm("layer0.norm", first),
        bare("layer1.conv.weight", second, first, 3, 3, role=Role.OTHER),
        norm("layer1.norm", second),
        linear("input_proj_linear", first // 4 * second, width),
    )
    layer = join(
        *(scoped(name, _half_block(width)) for name in ("feed_forward1", "feed_forward2")),
        scoped("self_attn", _relative_attention(tower)),
        scoped("lconv1d", _light_convolution(tower)),
        *(norm(name, width) for name in ("norm_pre_attn", "norm_post_attn", "norm_out")),
    )
    return (
        single(scoped("subsample_conv_projection", start)),
        row("layers", tower.number("num_hidden_layers"), layer),
        single(linear("output_proj", width, tower.number("output_proj_dims"), bias=True)),
    )


def _half_block(width: int) -> Tensors:
    return join(
        _clipped("ffw_layer_1", width, 4 * width),
        _clipped("ffw_layer_2", 4 * width, width),
        norm("pre_layer_norm", width),
        norm("post_layer_norm", width),
    )


def _relative_attention(tower: Tower) -> Tensors:
    width, num_heads = tower.number("hidden_size"), tower.number("num_attention_heads")
    head_dim = width // num_heads
    return join(
        bare("per_dim_scale", head_dim, role=Role.OTHER),
        *(_clipped(name, width, num_heads * head_dim) for name in ("q_proj", "k_proj", "v_proj")),
        _clipped("post", width, width),
        linear("relative_k_proj", width, num_heads * head_dim),
    )


def _light_convolution(tower: Tower) -> Tensors:
    width = tower.number("hidden_size")
    return join(
        _clipped("linear_start", width, 2 * width),
        _clipped("linear_end", width, width),
        bare("depthwise_conv1d.weight", width, 1, tower.number("conv_kernel_size"), role=Role.OTHER),
        norm("pre_layer_norm", width),
        norm("conv_norm", width),
    )


def _clipped(name: str, in_features: int, out_features: int) -> Tensors:
    return linear(f"{name}.linear", in_features, out_features)
