"""`schemas/torchtune.json` against the installed torchtune: every component's signature, and its own recipes' files."""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import inspect
import json
import sys
from collections.abc import Iterator
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest
import yaml

from tests.harvest.newest import Newest

pytestmark = [
    pytest.mark.referee,
    pytest.mark.skipif(importlib.util.find_spec("torchtune") is None, reason="the referee needs torchtune"),
]

SCHEMA = Newest("torchtune")
ROOT = "recipe"
KINDS = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)


@pytest.fixture(scope="module", autouse=True)
def _same_release() -> Iterator[None]:
    if importlib.metadata.version("torchtune") != SCHEMA.release:
        pytest.skip(f"the schema's newest release is {SCHEMA.release}")
    with pytest.MonkeyPatch.context() as patch:
        if importlib.util.find_spec("torchvision") is None:
            # It has to be built for just this torch, and signatures do not depend on it.
            for name in ("torchvision", "torchvision.transforms", "torchvision.transforms.v2"):
                patch.setitem(sys.modules, name, MagicMock(__spec__=ModuleSpec(name, None)))
        yield


def components() -> Iterator[tuple[str, str]]:
    for level, body in SCHEMA.levels.items():
        for dotted in body.get("x-imports", ()):
            yield level, dotted


def find(dotted: str) -> Any:
    module, _, name = dotted.rpartition(".")
    # None: defined only for other releases of torch.
    return getattr(importlib.import_module(module), name, None)


def test_a_component_takes_exactly_these_arguments() -> None:
    wrong = {}
    for level in SCHEMA.levels:
        if "x-imports" not in SCHEMA.levels[level] or find(level) is None:
            continue
        parameters = inspect.signature(find(level)).parameters
        names = {name for name, parameter in parameters.items() if parameter.kind not in KINDS}
        takes_any = any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in parameters.values())
        if SCHEMA.keys(level) != names or (SCHEMA.levels[level]["x-unknown"] == "open") != takes_any:
            wrong[level] = sorted(SCHEMA.keys(level) ^ names)
    assert not wrong


def test_defaults_are_those_of_the_signature() -> None:
    wrong = {}
    for level, body in SCHEMA.levels.items():
        found = find(level) if "x-imports" in body else None
        parameters = inspect.signature(found).parameters if found is not None else {}
        for name, shape in body["properties"].items() if parameters else ():
            default = parameters[name].default
            if "default" in shape and json.loads(json.dumps(default, default=str)) != shape["default"]:
                wrong[f"{level}.{name}"] = (shape["default"], default)
            if shape.get("x-required", False) != (default is inspect.Parameter.empty):
                wrong[f"{level}.{name}"] = ("required", default)
    assert not wrong


def files() -> list[Path]:
    spec = importlib.util.find_spec("recipes")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    return sorted(path for place in spec.submodule_search_locations for path in Path(place, "configs").rglob("*.yaml"))


def test_every_component_of_the_released_files_is_known() -> None:
    known = {dotted for _, dotted in components()}
    named = {name for path in files() for name in _named(yaml.safe_load(path.read_text(encoding="utf-8")))}
    unknown = {name for name in named if name.startswith("torchtune.")} - known
    assert named
    # What torchtune only hands on has a signature elsewhere.
    assert not {name for name in unknown if find(name).__module__.startswith("torchtune.")}


def _named(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        if "_component_" in value:
            yield value["_component_"]
        for below in value.values():
            yield from _named(below)
    elif isinstance(value, list):
        for below in value:
            yield from _named(below)
