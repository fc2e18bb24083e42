"""Exact parameter tables from the numbers in a config.json, without torch.

    architecture = parse_architecture(config)                     # any config.json; None: unknown, never a guess
    table = parameter_table(architecture, "AutoModelForCausalLM")  # None: this model type has no such class
    table.num_params, table.largest_layer                         # cost as much as one layer
    for tensor in table: ...                                      # every tensor, in the order of model.parameters()

Tables equal those of the classes in transformers 5.23 name by name, in order; `tests/knowledge` instantiates them on
torch's meta device and compares. Mixture-of-experts models keep the experts of a layer in fused three-dimensional
tensors since transformers 5, and in one `nn.Linear` per projection before: totals are equal, while the largest layer,
the packing of tensors and what LoRA reaches are not. `Layout.TRANSFORMERS_4` gives the older table (checked: 4.57).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from ftlint.knowledge.architectures.architecture import Architecture, Layout, ModelClass, Tower
from ftlint.knowledge.architectures.family import Question
from ftlint.knowledge.architectures.reading import ConfigReader, UnknownArchitectureError, defaults_of
from ftlint.knowledge.architectures.registry import MODEL_TYPES, find_family
from ftlint.knowledge.architectures.tensors import (
    LinearModule,
    ParameterTable,
    ParameterTensor,
    Role,
    Section,
    TiedTensor,
)

__all__ = [
    "MODEL_TYPES",
    "Architecture",
    "Layout",
    "LinearModule",
    "ModelClass",
    "ParameterTable",
    "ParameterTensor",
    "Role",
    "Section",
    "TiedTensor",
    "Tower",
    "count_parameters",
    "largest_layer",
    "linear_modules",
    "parameter_table",
    "parse_architecture",
    "takes_images",
    "usual_class",
    "why_unknown",
]


def parse_architecture(config: Mapping[str, object]) -> Architecture | None:
    """The architecture that a config.json describes; None where it does not say enough, or in wrong types.

    A missing key has the default of the model type's config class in transformers 5.23, as when the model is loaded.
    """
    try:
        return _read(config)
    except UnknownArchitectureError:
        return None


def why_unknown(config: Mapping[str, object]) -> str:
    """What keeps a config.json from describing an architecture, beginning with the key; empty where it does."""
    try:
        _read(config)
    except UnknownArchitectureError as error:
        return str(error)
    return ""


def _read(config: Mapping[str, object]) -> Architecture:
    model_type = config.get("model_type")
    if not isinstance(model_type, str):
        raise UnknownArchitectureError("model_type is missing" if model_type is None else "model_type must be text")
    family, defaults = find_family(model_type), defaults_of(model_type)
    if family is None or defaults is None:
        raise UnknownArchitectureError(f"model_type {model_type!r} is not one that ftlint knows")
    return family.read(ConfigReader(model_type, config, defaults))


def parameter_table(
    architecture: Architecture,
    model_class: ModelClass | str = ModelClass.CAUSAL_LM,
    num_labels: int = 2,
    layout: Layout = Layout.TRANSFORMERS_5,
) -> ParameterTable | None:
    """Every parameter tensor of a model of this class; None where transformers has no such class for the model type.

    `model_class` by name, such as "AutoModelForCausalLM"; `num_labels` counts for classification only (2 is
    transformers' default). A tied output layer is counted once and listed under `tied`.
    """
    if isinstance(model_class, str):
        known = {member.value: member for member in ModelClass}
        if model_class not in known:
            return None
        model_class = known[model_class]
    family, defaults = find_family(architecture.model_type), defaults_of(architecture.model_type)
    if family is None or defaults is None or model_class.value not in defaults.classes:
        return None
    return _built(architecture, Question(model_class, num_labels, layout))


@lru_cache(maxsize=128)
def _built(architecture: Architecture, question: Question) -> ParameterTable | None:
    family = find_family(architecture.model_type)
    return None if family is None else family.build(architecture, question)


def usual_class(architecture: Architecture) -> ModelClass:
    """The class with a language model's head that frameworks load a model of this type by.

    Multimodal types have one that takes images too; of those that `AutoModelForCausalLM` knows as well, some are then
    loaded without what reads images (Llama 3.2 Vision).
    """
    defaults = defaults_of(architecture.model_type)
    is_multimodal = defaults is not None and ModelClass.IMAGE_TEXT_TO_TEXT.value in defaults.classes
    return ModelClass.IMAGE_TEXT_TO_TEXT if is_multimodal else ModelClass.CAUSAL_LM


def takes_images(class_name: str) -> bool:
    """Whether a class of that name has what `AutoModelForImageTextToText` has, if its model is multimodal.

    Sequence-to-sequence classes are called `…ForConditionalGeneration` too; their types have no such auto class.
    """
    return class_name in IMAGE_CLASSES or class_name.endswith("ForConditionalGeneration")


IMAGE_CLASSES = ("AutoModelForImageTextToText", "AutoModelForMultimodalLM", "AutoModelForVision2Seq")
"""The second since transformers 5, the third until then."""


def count_parameters(
    architecture: Architecture, model_class: ModelClass | str = ModelClass.CAUSAL_LM, num_labels: int = 2
) -> int | None:
    """Number of parameters of a model of this class, tied tensors once; None as for `parameter_table`."""
    table = parameter_table(architecture, model_class, num_labels)
    return None if table is None else table.num_params


def largest_layer(table: ParameterTable) -> int:
    """Most parameters that one module owns itself, as DeepSpeed's estimators count their "largest layer"."""
    return table.largest_layer


def linear_modules(table: ParameterTable) -> tuple[LinearModule, ...]:
    """Every module that LoRA can wrap by name, in order; see `ParameterTable.linear_modules`."""
    return tuple(table.linear_modules())
