"""Schemas answer by release, across files, and survive damage."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ftlint.knowledge import schemas
from ftlint.knowledge.schemas import Level, damages, schema, shape_at

CLASSES: dict[str, Any] = {
    "title": "Trainers",
    "x-package": "trainers",
    "x-releases": ["0.9.0", "0.10.0", "1.0.0", "1.2.0"],
    "$defs": {
        "Config": {
            "x-imports": ["trainers.Config"],
            "x-unknown": "error",
            "x-was": [{"until": "0.9.0", "x-unknown": "ignored"}],
            "allOf": [{"$ref": "base.json#/$defs/Base"}],
            "properties": {
                "length": {"type": "integer", "x-since": "0.10.0"},
                "old": {"type": "string", "x-until": "1.0.0", "x-was": [{"until": "0.9.0", "type": "integer"}]},
                "gap": {"x-absent": [["0.10.0", "1.0.0"]]},
            },
        }
    },
}
BASE: dict[str, Any] = {
    "x-package": "base",
    "x-releases": ["4.0"],
    "$ref": "#/$defs/Base",
    "$defs": {"Base": {"properties": {"seed": {"type": "integer"}}}},
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    for name, content in (("trainers", CLASSES), ("base", BASE)):
        (tmp_path / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")
    monkeypatch.setattr(schemas, "schemas_folder", lambda: tmp_path)
    monkeypatch.setattr(schemas, "_DAMAGES", {})
    schema.cache_clear()
    yield tmp_path
    schema.cache_clear()


def _level(name: str = "trainers", level: str = "Config") -> Level:
    found = schema(name).level(level)
    assert found is not None
    return found


@pytest.mark.usefixtures("folder")
def test_a_key_has_its_shape_of_each_release() -> None:
    level = _level()
    shapes = {
        key: [shape_at(level.schema, level.properties[key], place) for place in range(4)]
        for key in ("length", "old", "gap")
    }
    assert [shape is not None for shape in shapes["length"]] == [False, True, True, True]
    assert [shape is not None for shape in shapes["old"]] == [True, True, True, False]
    assert [shape is not None for shape in shapes["gap"]] == [True, False, False, True]
    assert [shape and shape["type"] for shape in shapes["old"]] == ["integer", "string", "string", None]


@pytest.mark.usefixtures("folder")
def test_a_level_keeps_what_did_not_change() -> None:
    earliest, newest = _level().shape_at(0), _level().shape_at(3)
    assert earliest is not None
    assert newest is not None
    assert (earliest["x-unknown"], newest["x-unknown"]) == ("ignored", "error")
    assert earliest["x-imports"] == newest["x-imports"]


@pytest.mark.usefixtures("folder")
def test_releases_are_found_between_those_that_were_read() -> None:
    home = schema("trainers")
    assert home.place_of("0.10.0") == (1, 1)
    assert home.place_of("0.10.3") == (1, 2)
    assert home.place_of("0.8") == (-1, 0)
    assert home.place_of("2.0") == (3, 4)


@pytest.mark.usefixtures("folder")
def test_a_class_has_the_keys_of_what_it_builds_on() -> None:
    assert [level.name for level in _level().family] == ["Config", "Base"]
    assert "seed" in set(_level().names())
    assert schema("trainers").level_by_import("trainers.Config") is _level()
    assert schema("base").root is _level("base", "Base")
    assert schema("trainers").root is None


@pytest.mark.parametrize("content", ["", "{", "[]", '{"$defs": 3}', "[" * 100_000, "\x00"])
def test_a_damaged_file_is_named_and_knows_nothing(folder: Path, content: str) -> None:
    (folder / "base.json").write_text(content, encoding="utf-8")
    assert schema("base").root is None
    assert schema("base").level_names == ()
    (line,) = damages()
    assert "base.json" in line
    assert "not checked" in line
    assert [level.name for level in _level().family] == ["Config"]


def test_a_missing_file_is_named(folder: Path) -> None:
    (folder / "base.json").unlink()
    assert schema("base").root is None
    assert "base.json" in damages()[0]


def test_damage_inside_is_as_if_it_were_not_written(folder: Path) -> None:
    broken = json.loads(json.dumps(CLASSES))
    broken["x-releases"] = "all"
    broken["$defs"]["Config"].update({"properties": 3, "allOf": [7], "x-was": "?"})
    broken["$defs"]["Other"] = 5
    (folder / "trainers.json").write_text(json.dumps(broken), encoding="utf-8")
    assert schema("trainers").level("Other") is None
    assert _level().properties == {}
    assert [level.name for level in _level().family] == ["Config"]
    assert _level().shape_at(0) is not None
