"""The committed schemas: JSON Schema that any tool reads, histories in order, and nothing left unresolved."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest

from tools.harvest.frameworks import MODULES
from tools.harvest.schemas import RENAMES, TARGET, framework

SCHEMAS: dict[str, Any] = {
    name: json.loads((TARGET / f"{name}.json").read_text(encoding="utf-8"))
    for name in MODULES
    if (TARGET / f"{name}.json").is_file()
}
STANDARD = {
    *("type", "enum", "examples", "default", "deprecated", "description", "anyOf", "allOf", "items", "prefixItems"),
    *("minItems", "additionalProperties", "properties", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"),
    *(
        "$ref",
        "title",
        "pattern",
        "maxItems",
        "minLength",
        "maxLength",
        "multipleOf",
        "const",
        "not",
        "oneOf",
        "format",
    ),
}
EFFECTS = ("warns", "moved", "ignored", "error")
UNKNOWN = ("error", "ignored", "logged", "open")


def _properties(name: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for level, content in SCHEMAS[name]["$defs"].items():
        for key, shape in content["properties"].items():
            yield level, key, shape


def test_there_is_one_for_each_framework() -> None:
    assert list(SCHEMAS) == list(MODULES)


@pytest.mark.parametrize("name", SCHEMAS)
def test_it_is_json_schema(name: str) -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMAS[name])


@pytest.mark.parametrize("name", SCHEMAS)
def test_releases_are_those_of_its_plan(name: str) -> None:
    known = framework(name)
    assert SCHEMAS[name]["x-releases"] == list(known.plan.versions()), (
        f"run: python -m tools.harvest.schemas FOLDER {name}"
    )
    assert SCHEMAS[name]["x-package"] == known.plan.package


@pytest.mark.parametrize("name", SCHEMAS)
def test_references_lead_somewhere(name: str) -> None:
    def walk(value: object) -> Iterator[str]:
        if isinstance(value, dict):
            if isinstance(reference := value.get("$ref"), str):
                yield reference
            for keyword, inner in value.items():
                if keyword not in ("default", "enum", "examples"):
                    yield from walk(inner)
        elif isinstance(value, list):
            for inner in value:
                yield from walk(inner)

    for reference in walk(SCHEMAS[name]):
        file, _, level = reference.partition("#/$defs/")
        assert level in SCHEMAS[file.removesuffix(".json") or name]["$defs"], reference


@pytest.mark.parametrize("name", SCHEMAS)
def test_histories_are_in_order(name: str) -> None:
    place = {release: index for index, release in enumerate(SCHEMAS[name]["x-releases"])}
    things = [(level, content) for level, content in SCHEMAS[name]["$defs"].items()]
    things += [(f"{level}.{key}", shape) for level, key, shape in _properties(name)]
    for where, thing in things:
        first = place[thing["x-since"]] if "x-since" in thing else 0
        last = place[thing["x-until"]] if "x-until" in thing else len(place) - 1
        assert first <= last, where
        untils = [place[was["until"]] for was in thing.get("x-was", ())]
        assert untils == sorted(set(untils)), where
        assert all(first <= until < last for until in untils), where
        gaps = [(place[start], place[end]) for start, end in thing.get("x-absent", ())]
        assert all(first < start <= end < last for start, end in gaps), where
        assert gaps == sorted(gaps), where


@pytest.mark.parametrize("name", SCHEMAS)
def test_words_are_those_of_the_decision(name: str) -> None:
    decision = (TARGET.parent / "docs" / "decisions" / "008-schemas-with-their-history.md").read_text(encoding="utf-8")
    for content in SCHEMAS[name]["$defs"].values():
        assert content["x-unknown"] in UNKNOWN
        assert f"`{content['x-values']}`" in decision
        assert {keyword for keyword in content if f"`{keyword}`" not in decision} <= STANDARD
    for level, key, shape in _properties(name):
        for said in (shape, *shape.get("x-was", ())):
            unknown = {keyword for keyword in said if f"`{keyword}`" not in decision} - STANDARD - {"until"}
            assert not unknown, f"{level}.{key}: {unknown}"
            if (deprecated := said.get("x-deprecated")) is not None:
                assert deprecated["effect"] in EFFECTS, f"{level}.{key}"
            for check in said.get("x-checked", ()):
                assert f'"{check["kind"]}"' in decision, f"{level}.{key}: {check}"


def test_renames_are_of_keys_that_are_gone() -> None:
    for name, levels in json.loads(RENAMES.read_text(encoding="utf-8")).items():
        for level, rows in levels.items():
            properties = SCHEMAS[name]["$defs"][level]["properties"]
            for key, row in rows.items():
                assert properties[key]["x-renamed"] == row["by"]
                assert row["source"]
                assert "x-until" in properties[key], f"{name} {level}.{key} is still there"
