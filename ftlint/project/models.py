"""From the name of a model to its architecture: a local folder, the Hugging Face cache, our catalogue, or nothing."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

from ftlint.errors import InputError
from ftlint.knowledge.architectures import Architecture, parse_architecture
from ftlint.knowledge.models import find_model
from ftlint.project.workspace import Workspace
from ftlint.run.fact import UNKNOWN, Fact
from ftlint.run.run import Input, ModelFacts
from ftlint.spans import How, Location, Origin, Span


def resolve_model(
    model: ModelFacts, folders: tuple[Path, ...], workspace: Workspace
) -> tuple[Fact[Architecture], tuple[Input, ...]]:
    """The architecture behind `model.id`, and the paths that were looked at for it.

    A path that looks local but is not there, or a config.json we cannot follow, is unknown: never a guess by name.
    """
    if model.architecture.said or not model.id.said:
        return model.architecture, ()
    if not isinstance(model.id.value, str):
        return Fact(UNKNOWN, model.id.origins), ()
    name = model.id.value
    inputs: list[Input] = []
    for folder in folders:
        local = folder / name / "config.json"
        found = workspace.exists(local)
        inputs.append(Input(local, found, model.id.location))
        if found:
            return _from_config(local, model.id, workspace), tuple(inputs)
    if _looks_local(name):
        return Fact(UNKNOWN, model.id.origins), tuple(inputs)
    cached = _cached_config(name)
    if cached is not None:
        inputs.append(Input(cached, True, model.id.location))
        architecture = _from_config(cached, model.id, workspace)
        if architecture.known:
            return architecture, tuple(inputs)
    catalogued = find_model(name)
    if catalogued is None:
        return Fact(UNKNOWN, model.id.origins), tuple(inputs)
    origin = Origin(How.DERIVED, None, f"ftlint's catalogue for {name}")
    return Fact(catalogued.architecture, (*model.id.origins, origin)), tuple(inputs)


def _looks_local(name: str) -> bool:
    return name.startswith((".", "/", "~", "\\")) or name.count("/") > 1


def _from_config(path: Path, model_id: Fact[str], workspace: Workspace) -> Fact[Architecture]:
    try:
        config = json.loads(workspace.read(path))
    except (InputError, ValueError, RecursionError):
        config = None
    architecture = parse_architecture(config) if isinstance(config, Mapping) else None
    origin = Origin(How.DERIVED, Location(path, Span(0, 0)), "the model's config.json")
    return Fact(architecture if architecture is not None else UNKNOWN, (*model_id.origins, origin))


def _cached_config(model_id: str) -> Path | None:
    """The config.json of the newest snapshot in the Hugging Face cache of this user, if the model was ever fetched."""
    home = os.environ.get("HF_HOME") or os.path.join(os.path.expanduser("~"), ".cache", "huggingface")
    hub = Path(os.environ.get("HF_HUB_CACHE") or os.path.join(home, "hub"))
    folder = hub / f"models--{model_id.replace('/', '--')}"
    try:
        revision = (folder / "refs" / "main").read_text("ascii").strip()
        config = folder / "snapshots" / revision / "config.json"
        return config if config.is_file() else None
    except (OSError, ValueError):
        return None
