"""What hands a vision tower's results to the language model of a multimodal one: projections, each type a description.

Source: transformers 5.23 `models/<model_type>/modeling_<model_type>.py`, the classes named `…Projector` or
`…Connector`.
"""

from __future__ import annotations

from collections.abc import Callable

from ftlint.knowledge.architectures.architecture import Architecture, Specific
from ftlint.knowledge.architectures.reading import ConfigReader, UnknownArchitectureError
from ftlint.knowledge.architectures.tensors import Role, Section, Tensors, bare, join, linear, norm, scoped, single
from ftlint.record import record

Specifics = tuple[tuple[str, Specific], ...]

MODULE = "multi_modal_projector"
BIAS, FEATURES = "multimodal_projector_bias", "num_feature_layers"


@record
class Projector:
    """How one kind is read and built; `start`: a parameter that the model itself holds, before all its modules."""

    read: Callable[[ConfigReader], Specifics]
    tensors: Callable[[Architecture], Tensors]
    start: Callable[[Architecture], Tensors] | None = None

    def build(self, architecture: Architecture) -> tuple[Section, ...]:
        """The projection's tensors, under the names they have in the model."""
        found = self.tensors(architecture)
        return (single(found),) if found else ()

    def first(self, architecture: Architecture) -> tuple[Section, ...]:
        """What the model holds itself."""
        return () if self.start is None else (single(self.start(architecture)),)


def _vision_width(architecture: Architecture) -> int:
    assert architecture.vision is not None
    return architecture.vision.number("hidden_size")


def _nothing(reader: ConfigReader) -> Specifics:
    return ()


def _two_layers(architecture: Architecture, *before: Tensors) -> Tensors:
    width, bias = architecture.hidden_size, architecture.flag(BIAS)
    taken = _vision_width(architecture) * architecture.number(FEATURES)
    return scoped(
        MODULE, *before, linear("linear_1", taken, width, bias=bias), linear("linear_2", width, width, bias=bias)
    )


def _read_two_layers(reader: ConfigReader) -> Specifics:
    layers = reader.value("vision_feature_layer")
    num_layers = len(layers) if isinstance(layers, list) else 1
    if not num_layers or not isinstance(layers, list | int):
        raise UnknownArchitectureError("vision_feature_layer must be a layer or a list of them")
    return ((BIAS, reader.optional_flag(BIAS)), (FEATURES, num_layers))


def _newline(architecture: Architecture) -> Tensors:
    return bare("image_newline", architecture.hidden_size, role=Role.OTHER)


def _read_mistral(reader: ConfigReader) -> Specifics:
    return (*_read_two_layers(reader), ("spatial_merge_size", reader.integer("spatial_merge_size")))


def _mistral(architecture: Architecture) -> Tensors:
    width = _vision_width(architecture)
    merged = width * architecture.number("spatial_merge_size") ** 2
    return _two_layers(architecture, norm("norm", width), linear("patch_merger.merging_layer", merged, width))


def _gemma(architecture: Architecture) -> Tensors:
    width = _vision_width(architecture)
    weight = bare("mm_input_projection_weight", width, architecture.hidden_size, role=Role.OTHER)
    return scoped(MODULE, weight, norm("mm_soft_emb_norm", width))


def _gemma4(architecture: Architecture) -> Tensors:
    seen = linear("embed_vision.embedding_projection", _vision_width(architecture), architecture.hidden_size)
    if architecture.audio is None:
        return seen
    heard_width = architecture.audio.number("output_proj_dims")
    return join(seen, linear("embed_audio.embedding_projection", heard_width, architecture.hidden_size))


def _read_paligemma(reader: ConfigReader) -> Specifics:
    return (("projection_dim", reader.integer("projection_dim")),)


def _paligemma(architecture: Architecture) -> Tensors:
    return scoped(
        MODULE, linear("linear", _vision_width(architecture), architecture.number("projection_dim"), bias=True)
    )


def _read_connector(reader: ConfigReader) -> Specifics:
    return (("scale_factor", reader.integer("scale_factor")),)


def _connector(architecture: Architecture) -> Tensors:
    taken = _vision_width(architecture) * architecture.number("scale_factor") ** 2
    return scoped("connector", linear("modality_projection.proj", taken, architecture.hidden_size))


def _read_internvl(reader: ConfigReader) -> Specifics:
    """How many patches of a side become one: the ratio is a half where it is not written, as in the class."""
    ratio = reader.config.get("downsample_ratio", 0.5)
    if not isinstance(ratio, float) or not 0.01 < ratio <= 1:
        raise UnknownArchitectureError("downsample_ratio must be a number from 0 to 1")
    return (("merged_side", int(1 / ratio)),)


def _internvl(architecture: Architecture) -> Tensors:
    width, taken = architecture.hidden_size, _vision_width(architecture) * architecture.number("merged_side") ** 2
    return scoped(
        MODULE,
        norm("layer_norm", taken, bias=True),
        linear("linear_1", taken, width, bias=True),
        linear("linear_2", width, width, bias=True),
    )


def _mllama(architecture: Architecture) -> Tensors:
    assert architecture.vision is not None
    return linear(MODULE, architecture.vision.number("vision_output_dim"), architecture.hidden_size, bias=True)


def _llama4(architecture: Architecture) -> Tensors:
    assert architecture.vision is not None
    width = architecture.vision.number("vision_output_dim")
    return scoped(MODULE, linear("linear_1", width, architecture.hidden_size))


NONE = Projector(_nothing, lambda architecture: join())
"""The tower itself merges patches and brings them to the language model's width (Qwen)."""
TWO_LAYERS = Projector(_read_two_layers, _two_layers)
TWO_LAYERS_AND_NEWLINE = Projector(_read_two_layers, _two_layers, _newline)
MISTRAL_3 = Projector(_read_mistral, _mistral)
GEMMA_3 = Projector(_nothing, _gemma)
GEMMA_4 = Projector(_nothing, _gemma4)
PALIGEMMA = Projector(_read_paligemma, _paligemma)
CONNECTOR = Projector(_read_connector, _connector)
INTERNVL = Projector(_read_internvl, _internvl)
LLAMA_4 = Projector(_nothing, _llama4)
MLLAMA = Projector(_nothing, _mllama)
