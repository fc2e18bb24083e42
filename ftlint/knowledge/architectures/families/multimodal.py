"""Multimodal models: a language model and a vision tower, each read and built by its own family, and what joins them.

Source: transformers 5.23 `models/<model_type>/modeling_<model_type>.py`, the class of `AutoModel`; with its head, one
class serves `AutoModelForImageTextToText` and, where the type has it, `AutoModelForCausalLM`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ftlint.knowledge.architectures.architecture import Architecture, ModelClass, Tower
from ftlint.knowledge.architectures.families import projectors
from ftlint.knowledge.architectures.families.gemma4_towers import CHANNELS
from ftlint.knowledge.architectures.families.projectors import Projector
from ftlint.knowledge.architectures.families.vision import AUDIO, VISION
from ftlint.knowledge.architectures.family import DecoderHeads, Family, Question
from ftlint.knowledge.architectures.reading import ConfigReader, UnknownArchitectureError, defaults_of
from ftlint.knowledge.architectures.registry import find_family
from ftlint.knowledge.architectures.tensors import ParameterTable, Section
from ftlint.record import record

TIED = "tie_word_embeddings"


@record
class Multimodal:
    """What distinguishes one such type.

    `text_types`, `vision_types`: the parts that released checkpoints have, the first where the part's own config names
    none. `text`, `vision`: what the model calls its two parts. `is_flat`: the language model's numbers may stand in the
    config itself, as in files older than `text_config`. `forwards_tie`: the config takes over the language model's
    `tie_word_embeddings`.
    """

    text_types: tuple[str, ...]
    vision_types: tuple[str, ...]
    projector: Projector = projectors.NONE
    text: str = "language_model"
    vision: str = "vision_tower"
    is_flat: bool = False
    forwards_tie: bool = False
    decides_tie: bool = False
    """The language model's class ties by itself since transformers 5 alone: where only the whole speaks, it decides."""
    projects_last: bool = False
    """The projection is registered behind the language model."""
    holds_whole_text: bool = False
    """The language model stands inside with its head, and `AutoModel` is the whole as well (Llama 4)."""
    causal_is_text: bool = False
    """`AutoModelForCausalLM` loads the language model alone."""
    audio_type: str = ""
    """What hears, in those models that do; it stands behind the language model."""

    def family(self) -> Family:
        """How such a model type is read and built."""
        return Family(self._read, self._build)

    def _read(self, reader: ConfigReader) -> Architecture:
        text = _part(reader, "text_config", self.text_types, is_flat=self.is_flat)
        vision = _part(reader, "vision_config", self.vision_types)
        family = find_family(text.model_type)
        if family is None:
            raise UnknownArchitectureError(f"text_config: model type {text.model_type!r} is not one that ftlint knows")
        is_tied = self._is_tied(reader, text)
        architecture = family.read(replace(text, config={**text.config, TIED: is_tied}))
        return replace(
            architecture,
            model_type=reader.model_type,
            text_model_type=text.model_type,
            vision=VISION[vision.model_type].read(vision),
            audio=self._audio(reader),
            specifics=(*architecture.specifics, *self.projector.read(reader)),
        )

    def _audio(self, reader: ConfigReader) -> Tower | None:
        if not self.audio_type or reader.value("audio_config") is None:
            return None
        audio = _part(reader, "audio_config", (self.audio_type,))
        if audio.config.get("subsampling_conv_channels", list(CHANNELS)) != list(CHANNELS):
            raise UnknownArchitectureError(f"subsampling_conv_channels are not {CHANNELS}")
        return AUDIO[self.audio_type].read(audio)

    def _is_tied(self, reader: ConfigReader, text: ConfigReader) -> bool:
        """Whether the output layer is the embedding: what the whole config says, and the language model's in it.

        Releases of generation 4 follow the language model's word, 5 the whole's. Where nobody wrote the latter,
        generation 5 still does not tie what a checkpoint holds twice (`PreTrainedModel.tie_weights`).
        """
        whole, inner = _tied(reader), _tied(text)
        if self.decides_tie and TIED not in text.config:
            inner = None
        if whole is None or inner is None or whole == inner:
            return bool(inner if whole is None else whole)
        if TIED not in reader.config and (self.forwards_tie or not inner):
            return inner
        raise UnknownArchitectureError("the text model and the whole disagree on tied embeddings")

    def _build(self, architecture: Architecture, question: Question) -> ParameterTable | None:
        language = language_model(architecture)
        family = find_family(language.model_type)
        if family is not None and self.causal_is_text and question.model_class is ModelClass.CAUSAL_LM:
            return family.build(language, question)
        inside = ModelClass.CAUSAL_LM if self.holds_whole_text else ModelClass.MODEL
        table = None if family is None else family.build(language, replace(question, model_class=inside))
        if table is None or architecture.vision is None:
            return None
        body = self._body(architecture, question, architecture.vision, table)
        if self.holds_whole_text:
            return None if table.tied else ParameterTable(body)
        return DecoderHeads(embedding=f"{self.text}.embed_tokens.weight").build(architecture, question, body)

    def _body(
        self, architecture: Architecture, question: Question, vision: Tower, text: ParameterTable
    ) -> tuple[Section, ...]:
        tower = VISION[vision.model_type].sections(vision, question.layout)
        projection = tuple(section.beside() for section in self.projector.build(architecture))
        return (
            *(section.beside() for section in self.projector.first(architecture)),
            *(section.under(self.vision) for section in tower),
            *(() if self.projects_last else projection),
            *(section.under(self.text) for section in text.sections),
            *self._sound(architecture, question),
            *(projection if self.projects_last else ()),
        )

    def _sound(self, architecture: Architecture, question: Question) -> tuple[Section, ...]:
        if architecture.audio is None:
            return ()
        tower = AUDIO[self.audio_type].sections(architecture.audio, question.layout)
        return tuple(section.under("audio_tower") for section in tower)


def _tied(reader: ConfigReader) -> bool | None:
    """What one config says; None where it neither does nor has a class that would."""
    return reader.optional_flag(TIED) if TIED in {*reader.config, *reader.defaults.values} else None


def language_model(architecture: Architecture) -> Architecture:
    """The language model of a multimodal one, by itself."""
    return replace(
        architecture, model_type=architecture.language_model_type, text_model_type="", vision=None, audio=None
    )


def _part(reader: ConfigReader, key: str, model_types: tuple[str, ...], *, is_flat: bool = False) -> ConfigReader:
    """A reader for a config inside the config, with the defaults of its own class."""
    written = reader.value(key)
    if written is None and is_flat:
        written = {name: value for name, value in reader.config.items() if name not in ("model_type", key)}
    if not isinstance(written, dict):
        raise UnknownArchitectureError(f"{key} must be an object")
    model_type = written.get("model_type", model_types[0])
    if model_type == reader.model_type:  # as older files call their own parts
        model_type = model_types[0]
    defaults = defaults_of(model_type) if isinstance(model_type, str) else None
    if model_type not in model_types or defaults is None:
        raise UnknownArchitectureError(f"{key} is of another model type")
    return ConfigReader(model_type, written, defaults)


LLAMAS = ("llama", "mistral", "qwen2")
LLAVA_TOWERS = ("clip_vision_model", "siglip_vision_model", "pixtral")

TYPES: Mapping[str, Multimodal] = {
    "gemma3": Multimodal(("gemma3_text",), ("siglip_vision_model",), projectors.GEMMA_3),
    "gemma4": Multimodal(
        ("gemma4_text",), ("gemma4_vision",), projectors.GEMMA_4, projects_last=True, audio_type="gemma4_audio"
    ),
    "idefics3": Multimodal(LLAMAS, ("idefics3_vision",), projectors.CONNECTOR, "text_model", "vision_model"),
    "internvl": Multimodal(("qwen2", "llama", "qwen3"), ("internvl_vision",), projectors.INTERNVL),
    "llama4": Multimodal(
        ("llama4_text",),
        ("llama4_vision_model",),
        projectors.LLAMA_4,
        vision="vision_model",
        holds_whole_text=True,
        causal_is_text=True,
    ),
    "llava": Multimodal(LLAMAS, LLAVA_TOWERS, projectors.TWO_LAYERS, forwards_tie=True),
    "llava_next": Multimodal(LLAMAS, LLAVA_TOWERS, projectors.TWO_LAYERS_AND_NEWLINE),
    "mistral3": Multimodal(("mistral", "ministral3"), ("pixtral",), projectors.MISTRAL_3),
    "mllama": Multimodal(
        ("mllama_text_model",),
        ("mllama_vision_model",),
        projectors.MLLAMA,
        vision="vision_model",
        projects_last=True,
        causal_is_text=True,
    ),
    "paligemma": Multimodal(("gemma", "gemma2"), ("siglip_vision_model",), projectors.PALIGEMMA),
    "qwen2_5_vl": Multimodal(
        ("qwen2_5_vl_text",), ("qwen2_5_vl_vision",), vision="visual", is_flat=True, forwards_tie=True
    ),
    "qwen2_vl": Multimodal(("qwen2_vl_text",), ("qwen2_vl_vision",), vision="visual", is_flat=True, forwards_tie=True),
    "qwen3_5": Multimodal(("qwen3_5_text",), ("qwen3_5_vision",), vision="visual", causal_is_text=True),
    "qwen3_5_moe": Multimodal(("qwen3_5_moe_text",), ("qwen3_5_moe_vision",), vision="visual", causal_is_text=True),
    "qwen3_vl": Multimodal(("qwen3_vl_text",), ("qwen3_vl_vision",), vision="visual"),
    "qwen3_vl_moe": Multimodal(("qwen3_vl_moe_text",), ("qwen3_vl_moe_vision",), vision="visual", decides_tie=True),
    "smolvlm": Multimodal(LLAMAS, ("smolvlm_vision",), projectors.CONNECTOR, "text_model", "vision_model"),
}


def family(model_type: str) -> Family:
    """The family of one of `TYPES`' model types."""
    return TYPES[model_type].family()
