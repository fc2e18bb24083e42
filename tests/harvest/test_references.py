"""What the levels of a schema say of each other has to be there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tools.harvest.frameworks import MODULES

SCHEMAS = Path(__file__).parents[2] / "schemas"


def load(name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((SCHEMAS / f"{name}.json").read_text(encoding="utf-8"))
    return content


def _nodes(value: object) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
    below = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for inner in below:
        yield from _nodes(inner)


@pytest.mark.parametrize("name", MODULES)
def test_it_is_json_schema(name: str) -> None:
    Draft202012Validator.check_schema(load(name))


@pytest.mark.parametrize("name", MODULES)
def test_levels_that_are_referred_to_exist(name: str) -> None:
    schema = load(name)
    for node in _nodes(schema):
        targets = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
        choose = node.get("x-choose")
        targets += choose["levels"].values() if isinstance(choose, dict) and "levels" in choose else []
        for target in targets:
            file, _, level = target.partition("#/$defs/")
            assert level in (load(file.removesuffix(".json")) if file else schema)["$defs"], target


@pytest.mark.parametrize("name", MODULES)
def test_spellings_and_releases_that_are_named_exist(name: str) -> None:
    schema = load(name)
    for level in schema["$defs"].values():
        for shape in level["properties"].values():
            assert shape.get("x-alias-of") in (None, *level["properties"])
            for word in ("x-since", "x-until"):
                assert shape.get(word) in (None, *schema["x-releases"])
