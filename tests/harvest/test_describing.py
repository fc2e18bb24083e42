"""Our sentences: short, about keys that exist, on the keys that people use most, and in the committed files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tools.harvest.describing import LONGEST, describe
from tools.harvest.frameworks import MODULES
from tools.harvest.schemas import DESCRIPTIONS, TARGET, committed_levels, described_anew

TABLE: dict[str, dict[str, dict[str, str]]] = json.loads(DESCRIPTIONS.read_text(encoding="utf-8"))
SENTENCES = [
    (f"{name} {level}.{key}", text)
    for name, levels in TABLE.items()
    for level, rows in levels.items()
    for key, text in rows.items()
]
# Package, level, key, and in how many files of the corpus it stands; the most used first.
MOST_USED: list[tuple[str, str, str, int]] = json.loads(
    Path(__file__).with_name("most_used_keys.json").read_text(encoding="utf-8")
)


def test_sentences_are_short_and_plain() -> None:
    for where, text in SENTENCES:
        assert 3 <= len(text) <= LONGEST, where
        assert text == text.strip(), where
        assert not text.endswith("."), where
        assert not any(character in text for character in "\n\t`*"), where


@pytest.mark.parametrize("name", MODULES)
def test_committed_files_have_the_sentences_as_they_are_now(name: str) -> None:
    # Raises KeyError for a row about a key that is not there.
    committed = (TARGET / f"{name}.json").read_text(encoding="utf-8")
    assert described_anew(name) == committed, f"run: python -m tools.harvest.schemas --descriptions {name}"


def test_the_most_used_keys_are_described() -> None:
    assert [count for *_, count in MOST_USED] == sorted((count for *_, count in MOST_USED), reverse=True)
    levels = {name: committed_levels(name) for name in MODULES}
    without = []
    for name, level, key, _ in MOST_USED:
        properties = levels[name][level]["properties"]
        shape = properties[properties[key].get("x-alias-of", key)]
        if "description" not in shape:
            without.append(f"{name} {level}.{key}")
    assert len(MOST_USED) >= 200
    assert not without


def _levels() -> dict[str, Any]:
    return {
        "Base": {"properties": {"rate": {"default": 1}, "size": {"default": 2}}},
        "Own[a]": {
            "allOf": [{"$ref": "#/$defs/Base"}],
            "properties": {"rate": {"description": "stale", "default": 3}, "size": {}, "alias": {"x-alias-of": "size"}},
        },
        "Own[b]": {"allOf": [{"$ref": "other.json#/$defs/Far"}], "properties": {"far": {}, "rate": {}}},
    }


def _describe(table: dict[str, Any]) -> dict[str, Any]:
    levels = _levels()
    far = {
        "Far": {"allOf": [{"$ref": "#/$defs/Farther"}], "properties": {}},
        "Farther": {"properties": {"far": {"default": 5}}},
    }
    describe("demo", levels, table, lambda name: {"other": far}[name])
    return {
        f"{level}.{key}": shape.get("description")
        for level, body in levels.items()
        for key, shape in body["properties"].items()
    }


def test_own_sentences_win_over_patterns_and_patterns_over_inherited_ones() -> None:
    found = _describe({"demo": {"Base": {"rate": "base", "size": "base"}, "Own*": {"rate": "all"}}})
    assert found == {
        "Base.rate": "base",
        "Base.size": "base",
        "Own[a].rate": "all",
        "Own[a].size": "base",
        "Own[a].alias": None,
        "Own[b].far": None,
        "Own[b].rate": "all",
    }
    found = _describe({"demo": {"Own*": {"rate": "all"}, "Own[b]": {"rate": "one"}}})
    assert (found["Own[a].rate"], found["Own[b].rate"]) == ("all", "one")


def test_an_entry_speaks_of_several_levels() -> None:
    found = _describe({"demo": {"Own[b], Base": {"rate": "both", "size": "base"}, "Own[b]": {"rate": "one"}}})
    assert (found["Base.rate"], found["Base.size"], found["Own[b].rate"]) == ("both", "base", "one")


def test_sentences_are_inherited_across_packages() -> None:
    assert _describe({"other": {"Farther": {"far": "there"}}})["Own[b].far"] == "there"


def test_a_sentence_that_was_taken_back_is_gone() -> None:
    assert set(_describe({}).values()) == {None}


@pytest.mark.parametrize("rows", [{"Base": {"gone": "x"}}, {"None*": {"rate": "x"}}, {"None": {"rate": "x"}}])
def test_rows_about_keys_that_are_not_there_are_refused(rows: dict[str, Any]) -> None:
    with pytest.raises(KeyError):
        _describe({"demo": rows})
