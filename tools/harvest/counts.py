"""Rebuilds `tests/knowledge/model_counts.json`: what torch counts for every architecture in the catalogue.

Each model class is built by transformers itself on torch's meta device, so that the table owes nothing to our own
formulas. One line per architecture, named by the first of its models: class -> [parameters, largest layer]. Run as
`python -m tools.harvest.counts`; needs transformers and torch, and some minutes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import torch
import transformers

from ftlint.knowledge.architectures import ModelClass
from ftlint.knowledge.bundled import load_object

TARGET = Path(__file__).parents[2] / "tests" / "knowledge" / "model_counts.json"


def representatives() -> Iterator[tuple[str, dict[str, object]]]:
    """(model id, config) once per architecture of the catalogue, by model id."""
    content = load_object("models.json")
    architectures, models = content["architectures"], content["models"]
    assert isinstance(architectures, list)
    assert isinstance(models, dict)
    seen: set[int] = set()
    for model_id, row in models.items():
        if row[0] not in seen:
            seen.add(row[0])
            yield model_id, architectures[row[0]]


def instantiate(config: dict[str, object], model_class: str, num_labels: int = 2) -> torch.nn.Module:
    """The real model class with this config.json, on the meta device, embeddings tied as the class ties them."""
    settings = transformers.CONFIG_MAPPING[str(config["model_type"])].from_dict(dict(config))
    settings.num_labels = num_labels
    with torch.device("meta"):
        model: torch.nn.Module = getattr(transformers, model_class).from_config(settings)
    model.tie_weights()
    return model


def count(model: torch.nn.Module) -> tuple[int, int]:
    """(parameters, most parameters that one module owns itself)."""
    largest = max(sum(p.numel() for p in module.parameters(recurse=False)) for module in model.modules())
    return sum(p.numel() for p in model.parameters()), largest


def classes_of(config: dict[str, object]) -> list[str]:
    """The auto classes that know this model type, as our data says."""
    entry = load_object("architectures.json")[str(config["model_type"])]
    assert isinstance(entry, dict)
    return [member.value for member in ModelClass if member.value in entry["classes"]]


def main() -> None:
    """Write the file anew."""
    lines = []
    for model_id, config in representatives():
        counts = {name: count(instantiate(config, name)) for name in classes_of(config)}
        lines.append(f"{json.dumps(model_id)}: {json.dumps(counts)}")
    TARGET.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
