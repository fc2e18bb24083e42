"""Vision towers: what stands beside the language model of a multimodal one, each type a description.

Source: transformers 5.23 `models/<model_type>/`; tensors stand in the order in which each `__init__` registers them.
Convolutions over patches are no `nn.Linear`, so neither LoRA's "all-linear" nor bitsandbytes reaches them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ftlint.knowledge.architectures.architecture import Layout, Tower
from ftlint.knowledge.architectures.families import gemma4_towers
from ftlint.knowledge.architectures.reading import MAX_LAYERS, ConfigReader, UnknownArchitectureError
from ftlint.knowledge.architectures.tensors import (
    Role,
    Section,
    Tensors,
    bare,
    embedding,
    join,
    linear,
    norm,
    row,
    scoped,
    single,
)
from ftlint.record import record


@record
class Vision:
    """How one type of vision tower is read and built."""

    build: Callable[[Tower], tuple[Section, ...]]
    keys: tuple[str, ...]
    """Integers, those that count layers included."""
    flags: tuple[str, ...] = ()
    lists: tuple[str, ...] = ()
    """Lists of which only the length matters; null has length 0."""
    choices: tuple[tuple[str, tuple[str, str]], ...] = ()
    """Words of which there are two, as 0 and 1."""
    refused: tuple[tuple[str, bool], ...] = ()
    """Flags with the value that adds something which no released model has."""
    wrapper: str = ""
    """One more module around all parts in transformers 4."""

    def read(self, reader: ConfigReader) -> Tower:
        """The numbers in a `vision_config`."""
        for key, value in self.refused:
            if reader.optional_flag(key) is value:
                raise UnknownArchitectureError(f"{key} is {value}, which no released model has")
        numbers = [(key, _side(reader, key)) for key in self.keys]
        if any(value > MAX_LAYERS for key, value in numbers if key in LAYER_COUNTS):
            raise UnknownArchitectureError("more layers than any vision tower has")
        flags = [(key, reader.optional_flag(key)) for key in self.flags]
        lengths = [(key, _length(reader, key)) for key in self.lists]
        choices = [(key, _choice(reader, key, words)) for key, words in self.choices]
        return Tower(reader.model_type, (*numbers, *flags, *lengths, *choices))

    def sections(self, tower: Tower, layout: Layout) -> tuple[Section, ...]:
        """The tower's tensors, under the names it has itself."""
        inside = "" if layout is Layout.TRANSFORMERS_5 else self.wrapper
        return tuple(section.under(inside).beside() for section in self.build(tower))


LAYER_COUNTS = ("num_hidden_layers", "depth", "num_global_layers")


def _side(reader: ConfigReader, key: str) -> int:
    """An integer; of an image's or a patch's two sides the one that both have."""
    value = reader.value(key)
    if isinstance(value, list) and len(value) == 2 and value[0] == value[1]:
        return ConfigReader(reader.model_type, {key: value[0]}, reader.defaults).integer(key)
    return reader.integer(key)


def _length(reader: ConfigReader, key: str) -> int:
    value = reader.value(key)
    if value is not None and not isinstance(value, list):
        raise UnknownArchitectureError(f"{key} must be a list")
    return len(value or ())


def _choice(reader: ConfigReader, key: str, words: tuple[str, str]) -> bool:
    word = reader.text(key)
    if word not in words:
        raise UnknownArchitectureError(f"{key} must be one of {', '.join(words)}")
    return words.index(word) == 1


def _num_patches(tower: Tower) -> int:
    return (tower.number("image_size") // tower.number("patch_size")) ** 2


def _patches(tower: Tower, name: str, width: int, *depth: int, bias: bool = True) -> Tensors:
    """The convolution that turns each patch into a vector; `depth`: frames that a patch of a video spans."""
    channels = tower.number("in_channels" if depth else "num_channels")
    patch = tower.number("patch_size")
    weight = bare(f"{name}.weight", width, channels, *depth, patch, patch, role=Role.OTHER)
    return join(weight, bare(f"{name}.bias", width, role=Role.BIAS)) if bias else weight


def _layer_norm(name: str, width: int) -> Tensors:
    return norm(name, width, bias=True)


def _plain_mlp(width: int, inner: int, names: tuple[str, str] = ("fc1", "fc2")) -> Tensors:
    return scoped("mlp", linear(names[0], width, inner, bias=True), linear(names[1], inner, width, bias=True))


# CLIP, SigLIP, and the copies of SigLIP in Idefics 3 and SmolVLM ------------------------------------------------------

ENCODER = ("hidden_size", "image_size", "intermediate_size", "num_channels", "num_hidden_layers", "patch_size")


def _encoder_layer(tower: Tower, *, norms_first: bool) -> Tensors:
    width = tower.number("hidden_size")
    names = ("k_proj", "v_proj", "q_proj", "out_proj")
    attention = scoped("self_attn", *(linear(name, width, width, bias=True) for name in names))
    mlp = _plain_mlp(width, tower.number("intermediate_size"))
    first, second = _layer_norm("layer_norm1", width), _layer_norm("layer_norm2", width)
    return join(first, attention, second, mlp) if norms_first else join(attention, first, mlp, second)


def _siglip(tower: Tower, *, norms_first: bool = True) -> tuple[Section, ...]:
    width = tower.number("hidden_size")
    embeddings = join(
        _patches(tower, "patch_embedding", width), embedding("position_embedding", _num_patches(tower), width)
    )
    return (
        single(scoped("embeddings", embeddings)),
        row("encoder.layers", tower.number("num_hidden_layers"), _encoder_layer(tower, norms_first=norms_first)),
        single(_layer_norm("post_layernorm", width)),
    )


def _siglip_copy(tower: Tower) -> tuple[Section, ...]:
    return _siglip(tower, norms_first=False)


def _clip(tower: Tower) -> tuple[Section, ...]:
    width = tower.number("hidden_size")
    embeddings = join(
        bare("class_embedding", width, role=Role.OTHER),
        _patches(tower, "patch_embedding", width, bias=False),
        embedding("position_embedding", _num_patches(tower) + 1, width),
    )
    return (
        single(scoped("embeddings", embeddings), _layer_norm("pre_layrnorm", width)),
        row("encoder.layers", tower.number("num_hidden_layers"), _encoder_layer(tower, norms_first=False)),
        single(_layer_norm("post_layernorm", width)),
    )


# Pixtral, InternViT ---------------------------------------------------------------------------------------------------


def _pixtral(tower: Tower) -> tuple[Section, ...]:
    width, inner = tower.number("hidden_size"), tower.number("intermediate_size")
    names = ("k_proj", "v_proj", "q_proj", "o_proj")
    layer = join(
        norm("attention_norm", width),
        scoped(
            "feed_forward",
            linear("gate_proj", width, inner),
            linear("up_proj", width, inner),
            linear("down_proj", inner, width),
        ),
        scoped("attention", *(linear(name, width, width) for name in names)),
        norm("ffn_norm", width),
    )
    return (
        single(_patches(tower, "patch_conv", width, bias=False), norm("ln_pre", width)),
        row("transformer.layers", tower.number("num_hidden_layers"), layer),
    )


def _internvl(tower: Tower) -> tuple[Section, ...]:
    width, has_bias = tower.number("hidden_size"), bool(tower.number("attention_bias"))
    embeddings = join(
        bare("cls_token", 1, 1, width, role=Role.OTHER),
        bare("position_embeddings", 1, _num_patches(tower) + 1, width, role=Role.OTHER),
        _patches(tower, "patch_embeddings.projection", width),
    )
    query_key_norms = join(norm("q_norm", width), norm("k_norm", width)) if tower.number("use_qk_norm") else ()
    layer = join(
        bare("lambda_1", width, role=Role.OTHER),
        bare("lambda_2", width, role=Role.OTHER),
        scoped(
            "attention",
            *(linear(name, width, width, bias=has_bias) for name in ("q_proj", "k_proj", "v_proj")),
            linear("projection_layer", width, width, bias=True),
            query_key_norms,
        ),
        _plain_mlp(width, tower.number("intermediate_size")),
        norm("layernorm_before", width, bias=not tower.number("norm_type")),
        norm("layernorm_after", width, bias=not tower.number("norm_type")),
    )
    return (single(scoped("embeddings", embeddings)), row("encoder.layer", tower.number("num_hidden_layers"), layer))


# Qwen -----------------------------------------------------------------------------------------------------------------

MERGING = ("spatial_merge_size", "temporal_patch_size", "in_channels", "patch_size", "depth")


def _fused_attention(width: int) -> Tensors:
    return scoped("attn", linear("qkv", width, 3 * width, bias=True), linear("proj", width, width, bias=True))


def _qwen2(tower: Tower) -> tuple[Section, ...]:
    width = tower.number("embed_dim")
    layer = join(
        _layer_norm("norm1", width),
        _layer_norm("norm2", width),
        _fused_attention(width),
        _plain_mlp(width, width * tower.number("mlp_ratio")),
    )
    return (
        single(_patches(tower, "patch_embed.proj", width, tower.number("temporal_patch_size"), bias=False)),
        row("blocks", tower.number("depth"), layer),
        single(_merger(tower, _layer_norm("ln_q", width), width, tower.number("hidden_size"))),
    )


def _qwen2_5(tower: Tower) -> tuple[Section, ...]:
    width, inner = tower.number("hidden_size"), tower.number("intermediate_size")
    layer = join(
        norm("norm1", width),
        norm("norm2", width),
        _fused_attention(width),
        scoped(
            "mlp",
            linear("gate_proj", width, inner, bias=True),
            linear("up_proj", width, inner, bias=True),
            linear("down_proj", inner, width, bias=True),
        ),
    )
    return (
        single(_patches(tower, "patch_embed.proj", width, tower.number("temporal_patch_size"), bias=False)),
        row("blocks", tower.number("depth"), layer),
        single(_merger(tower, norm("ln_q", width), width, tower.number("out_hidden_size"))),
    )


def _merger(tower: Tower, first: Tensors, width: int, out_width: int) -> Tensors:
    merged = width * tower.number("spatial_merge_size") ** 2
    return scoped(
        "merger", first, linear("mlp.0", merged, merged, bias=True), linear("mlp.2", merged, out_width, bias=True)
    )


def _qwen3(tower: Tower) -> tuple[Section, ...]:
    width, inner = tower.number("hidden_size"), tower.number("intermediate_size")
    merged, out_width = width * tower.number("spatial_merge_size") ** 2, tower.number("out_hidden_size")
    layer = join(
        _layer_norm("norm1", width),
        _layer_norm("norm2", width),
        _fused_attention(width),
        _plain_mlp(width, inner, ("linear_fc1", "linear_fc2")),
    )

    def merger(norm_width: int) -> Tensors:
        return join(
            _layer_norm("norm", norm_width),
            linear("linear_fc1", merged, merged, bias=True),
            linear("linear_fc2", merged, out_width, bias=True),
        )

    # Qwen3.5 hands the language model nothing but the last layer's result.
    num_further = 0 if "qwen3_5" in tower.model_type else tower.number("deepstack_visual_indexes")
    further = (row("deepstack_merger_list", num_further, merger(merged)),) if num_further else ()
    return (
        single(
            _patches(tower, "patch_embed.proj", width, tower.number("temporal_patch_size")),
            embedding("pos_embed", tower.number("num_position_embeddings"), width),
        ),
        row("blocks", tower.number("depth"), layer),
        single(scoped("merger", merger(width))),
        *further,
    )


# Llama 4 and 3.2 ------------------------------------------------------------------------------------------------------


def _llama4(tower: Tower) -> tuple[Section, ...]:
    width, inner, patch = tower.number("hidden_size"), tower.number("intermediate_size"), tower.number("patch_size")
    start = join(
        bare("class_embedding", width, role=Role.OTHER),
        bare("positional_embedding_vlm", _num_patches(tower) + 1, width, role=Role.OTHER),
        linear("patch_embedding.linear", tower.number("num_channels") * patch**2, width),
        _layer_norm("layernorm_pre", width),
        _layer_norm("layernorm_post", width),
    )
    names = ("q_proj", "k_proj", "v_proj", "o_proj")
    layer = join(
        scoped("self_attn", *(linear(name, width, width, bias=True) for name in names)),
        _plain_mlp(width, inner),
        _layer_norm("input_layernorm", width),
        _layer_norm("post_attention_layernorm", width),
    )
    out_width = tower.number("projector_output_dim")
    adapter = join(linear("fc1", inner, tower.number("projector_input_dim")), linear("fc2", out_width, out_width))
    return (
        single(start),
        row("model.layers", tower.number("num_hidden_layers"), layer),
        single(scoped("vision_adapter.mlp", adapter)),
    )


def _mllama(tower: Tower) -> tuple[Section, ...]:
    width, tiles = tower.number("hidden_size"), tower.number("max_num_tiles")
    num_patches = _num_patches(tower) + 1
    num_ratios = (tower.number("supported_aspect_ratios") or ASPECT_RATIOS) + 1
    gate = bare("gate", 1, role=Role.OTHER)

    def by_ratio(name: str, row_width: int) -> Tensors:
        return embedding(name, num_ratios, tiles * row_width)

    start = join(
        bare("class_embedding", width, role=Role.OTHER),
        _patches(tower, "patch_embedding", width, bias=False),
        scoped(
            "gated_positional_embedding",
            gate,
            bare("embedding", num_patches, width, role=Role.OTHER),
            by_ratio("tile_embedding", num_patches * width),
        ),
        scoped("pre_tile_positional_embedding", gate, by_ratio("embedding", width)),
        scoped("post_tile_positional_embedding", gate, by_ratio("embedding", width)),
        _layer_norm("layernorm_pre", width),
        _layer_norm("layernorm_post", width),
    )
    names = ("q_proj", "k_proj", "v_proj", "o_proj")
    layer = join(
        scoped("self_attn", *(linear(name, width, width) for name in names)),
        _plain_mlp(width, tower.number("intermediate_size")),
        _layer_norm("input_layernorm", width),
        _layer_norm("post_attention_layernorm", width),
    )
    gates = join(bare("gate_attn", 1, role=Role.OTHER), bare("gate_ffn", 1, role=Role.OTHER))
    return (
        single(start),
        row("transformer.layers", tower.number("num_hidden_layers"), layer),
        row("global_transformer.layers", tower.number("num_global_layers"), join(gates, layer)),
    )


ASPECT_RATIOS = 8
"""Ways to lay out up to four tiles, where no list says which ones are supported."""

QWEN_3_KEYS = (*MERGING, "hidden_size", "intermediate_size", "out_hidden_size", "num_position_embeddings")
QWEN_3 = Vision(_qwen3, QWEN_3_KEYS, lists=("deepstack_visual_indexes",))

VISION: Mapping[str, Vision] = {
    "clip_vision_model": Vision(_clip, ENCODER, wrapper="vision_model"),
    "gemma4_vision": Vision(gemma4_towers.images, gemma4_towers.VISION_KEYS),
    "idefics3_vision": Vision(_siglip_copy, ENCODER),
    "internvl_vision": Vision(
        _internvl,
        ENCODER,
        flags=("attention_bias", "use_qk_norm"),
        choices=(("norm_type", ("layer_norm", "rms_norm")),),
        refused=(("use_mask_token", True), ("use_absolute_position_embeddings", False), ("use_mean_pooling", False)),
    ),
    "llama4_vision_model": Vision(
        _llama4, (*ENCODER, "projector_input_dim", "projector_output_dim", "vision_output_dim")
    ),
    "mllama_vision_model": Vision(
        _mllama,
        (*ENCODER, "num_global_layers", "max_num_tiles", "vision_output_dim"),
        lists=("supported_aspect_ratios",),
    ),
    "pixtral": Vision(_pixtral, tuple(key for key in ENCODER if key != "image_size")),
    "qwen2_5_vl_vision": Vision(_qwen2_5, (*MERGING, "hidden_size", "intermediate_size", "out_hidden_size")),
    "qwen2_vl_vision": Vision(_qwen2, (*MERGING, "embed_dim", "hidden_size", "mlp_ratio")),
    "qwen3_5_moe_vision": Vision(_qwen3, QWEN_3_KEYS),
    "qwen3_5_vision": Vision(_qwen3, QWEN_3_KEYS),
    "qwen3_vl_moe_vision": QWEN_3,
    "qwen3_vl_vision": QWEN_3,
    "siglip_vision_model": Vision(_siglip, ENCODER, refused=(("vision_use_head", True),), wrapper="vision_model"),
    "smolvlm_vision": Vision(_siglip_copy, ENCODER),
}

AUDIO: Mapping[str, Vision] = {"gemma4_audio": Vision(gemma4_towers.sound, gemma4_towers.AUDIO_KEYS)}
"""Towers that hear, described the same way."""
