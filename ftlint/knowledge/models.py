"""The bundled catalogue: architecture, checkpoint dtype and context length of models that people fine-tune."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache

from ftlint.knowledge.architectures import Architecture, parse_architecture
from ftlint.knowledge.bundled import load_object
from ftlint.record import record


@record
class CatalogueModel:
    """One model on the Hugging Face Hub, as far as we are certain of it.

    Source: `tools/harvest/models_source.json`, which names for each group of models who agrees on its numbers.
    """

    model_id: str
    architecture: Architecture
    checkpoint_dtype: str | None
    """dtype of the weights as stored, by torch's name; what transformers >= 5 loads them in. None where unknown."""
    max_position_embeddings: int | None
    """As in config.json; None where unknown, or where the model has no such limit (T5)."""
    quantization: str | None
    """How the checkpoint itself is quantized ("bnb-4bit", "fp8", "mxfp4"), else None; the architecture is the same."""


@lru_cache(maxsize=1)
def _catalogue() -> tuple[list[object], Mapping[str, list[object]]]:
    content = load_object("models.json")
    architectures, models = content["architectures"], content["models"]
    if not isinstance(architectures, list) or not isinstance(models, dict):
        raise TypeError("models.json must hold a list of architectures and an object of models")
    return architectures, models


def model_ids() -> tuple[str, ...]:
    """Every model id in the catalogue, sorted."""
    return tuple(_catalogue()[1])


def catalogued_config(model_id: str) -> Mapping[str, object] | None:
    """The numbers of a model id in the words of its config.json, without what a class fills in; None: we have none."""
    architectures, models = _catalogue()
    row = models.get(model_id)
    config = architectures[row[0]] if row is not None and isinstance(row[0], int) else None
    return config if isinstance(config, dict) else None


@lru_cache(maxsize=256)
def find_model(model_id: str) -> CatalogueModel | None:
    """The catalogue's entry for a model id, spelled exactly; None where we have none.

    Old and new names of one repository (`gpt2`, `openai-community/gpt2`), mirrors and 4-bit copies have entries of
    their own. Nothing is derived from the look of a name: `Qwen2.5-32B-foo` is unknown.
    """
    architectures, models = _catalogue()
    row = models.get(model_id)
    if row is None:
        return None
    index, dtype, positions, quantization = row
    if not isinstance(index, int):
        raise TypeError(f"models.json: {model_id} must name an architecture by its number")
    config = architectures[index]
    architecture = parse_architecture(config) if isinstance(config, dict) else None
    if architecture is None:
        raise TypeError(f"models.json: the architecture of {model_id} cannot be read")
    known_positions = positions if isinstance(positions, int) else None
    if not isinstance(config, dict) or ("n_positions" not in config and "max_position_embeddings" not in config):
        # What the class would fill in is not what this model's file says. Where positions are parameters, they are
        # part of the architecture's own numbers and stay.
        architecture = replace(architecture, max_position_embeddings=known_positions)
    return CatalogueModel(
        model_id=model_id,
        architecture=architecture,
        checkpoint_dtype=dtype if isinstance(dtype, str) else None,
        max_position_embeddings=known_positions,
        quantization=quantization if isinstance(quantization, str) else None,
    )
