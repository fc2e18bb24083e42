"""Gemma 3 with its vision tower: a SigLIP encoder, a projection, then the text model of `gemma3_text`.

Source: transformers 5.23 `models/gemma3/modeling_gemma3.py`, `models/siglip/modeling_siglip.py`.
"""

from __future__ import annotations

from dataclasses import replace

from ftlint.knowledge.architectures.architecture import Architecture, Layout
from ftlint.knowledge.architectures.families.llama_like import FAMILIES
from ftlint.knowledge.architectures.family import DecoderHeads, Family, Question
from ftlint.knowledge.architectures.reading import ConfigReader, UnknownArchitectureError, defaults_of
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
    scoped,
    single,
)

TEXT = FAMILIES["gemma3_text"]
HEADS = DecoderHeads(embedding="language_model.embed_tokens.weight")


def family(model_type: str) -> Family:
    """How this file's model types are read and built."""
    return Family(_read, _build)


def _part(reader: ConfigReader, key: str, model_type: str) -> ConfigReader:
    """A reader for a config inside the config, with its own class's defaults."""
    written, defaults = reader.value(key), defaults_of(model_type)
    if not isinstance(written, dict) or defaults is None:
        raise UnknownArchitectureError(f"{key} must be an object")
    if written.get("model_type", model_type) != model_type:
        raise UnknownArchitectureError(f"{key} is of another model type")
    return ConfigReader(model_type, written, defaults)


def _read(reader: ConfigReader) -> Architecture:
    text = TEXT.read(_part(reader, "text_config", "gemma3_text"))
    if text.tie_word_embeddings != reader.optional_flag("tie_word_embeddings"):
        raise UnknownArchitectureError("the text model and the whole disagree on tied embeddings")
    vision = _part(reader, "vision_config", "siglip_vision_model")
    if vision.flag("vision_use_head"):
        raise UnknownArchitectureError("a pooling head, which no released Gemma 3 has")
    keys = ("hidden_size", "image_size", "intermediate_size", "num_channels", "patch_size")
    numbers = (
        *((f"vision_{key}", vision.integer(key)) for key in keys),
        ("vision_num_layers", vision.layers("num_hidden_layers")),
    )
    return replace(text, model_type="gemma3", specifics=(*text.specifics, *numbers))


def _build(architecture: Architecture, question: Question) -> ParameterTable | None:
    # transformers 4 had one more module between the tower and its parts.
    inside = "" if question.layout is Layout.TRANSFORMERS_5 else "vision_model"
    width = architecture.number("vision_hidden_size")
    projector = join(
        bare("mm_input_projection_weight", width, architecture.hidden_size, role=Role.OTHER),
        norm("mm_soft_emb_norm", width),
    )
    body = (
        *(section.under(inside).under("vision_tower") for section in _vision_tower(architecture)),
        single(scoped("multi_modal_projector", projector)),
        *(section.under("language_model") for section in TEXT.body(architecture)),
    )
    return HEADS.build(architecture, question, body)


def _vision_tower(architecture: Architecture) -> tuple[Section, ...]:
    width, patch = architecture.number("vision_hidden_size"), architecture.number("vision_patch_size")
    num_patches = (architecture.number("vision_image_size") // patch) ** 2
    patches = join(
        bare("weight", width, architecture.number("vision_num_channels"), patch, patch, role=Role.OTHER),
        bare("bias", width, role=Role.BIAS),
    )
    embeddings = join(scoped("patch_embedding", patches), embedding("position_embedding", num_patches, width))
    return (
        single(scoped("embeddings", embeddings)),
        row("encoder.layers", architecture.number("vision_num_layers"), _vision_layer(architecture)),
        single(norm("post_layernorm", width, bias=True)),
    )


def _vision_layer(architecture: Architecture) -> Tensors:
    width, mlp_width = architecture.number("vision_hidden_size"), architecture.number("vision_intermediate_size")
    names = ("k_proj", "v_proj", "q_proj", "out_proj")
    return join(
        norm("layer_norm1", width, bias=True),
        scoped("self_attn", *(linear(name, width, width, bias=True) for name in names)),
        norm("layer_norm2", width, bias=True),
        scoped("mlp", linear("fc1", width, mlp_width, bias=True), linear("fc2", mlp_width, width, bias=True)),
    )
