"""Snapshots fold into one schema from which each of them can be had again."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.harvest.windows import at
from tools.harvest.describing import describe
from tools.harvest.histories import fold
from tools.harvest.schemas import merge_renames, render

RELEASES = ["1.0", "1.1", "1.2", "1.3"]
INT: dict[str, object] = {"type": "integer", "default": 1}


def folded(*shapes: dict[str, object] | None) -> Any:
    levels = [{"L": {"properties": {"key": shape} if shape is not None else {}}} for shape in shapes]
    return fold(RELEASES, levels)["L"]["properties"]


def test_nothing_is_said_of_what_never_changed() -> None:
    assert folded(INT, INT, INT, INT) == {"key": INT}


def test_window_and_gap() -> None:
    assert folded(None, INT, None, INT) == {"key": {**INT, "x-since": "1.1", "x-absent": [["1.2", "1.2"]]}}
    assert folded(INT, INT, None, None) == {"key": {**INT, "x-until": "1.1"}}


def test_a_default_that_changed_and_changed_back() -> None:
    other = {"type": "integer", "default": 1.0}  # 1.0 is not 1, and False is not 0
    assert folded(INT, other, INT, INT) == {
        "key": {**INT, "x-was": [{"until": "1.0", **INT}, {"until": "1.1", **other}]}
    }


def test_a_deprecation_knows_its_first_release() -> None:
    old = {**INT, "x-deprecated": {"by": "new", "effect": "moved"}}
    said = {"x-deprecated": {"since": "1.2", "by": "new", "effect": "moved"}, "deprecated": True}
    assert folded(INT, INT, old, None) == {
        "key": {**INT, **said, "x-until": "1.2", "x-was": [{"until": "1.1", **INT}]},
    }
    # In the oldest release that was read it may be older than that.
    assert folded(old, old, old, old)["key"]["x-deprecated"] == {"by": "new", "effect": "moved"}


def test_a_window_is_relative_to_its_level() -> None:
    level = {"properties": {"key": INT}}
    found = fold(RELEASES, [{}, {"L": level}, {"L": level}, {}])
    assert found == {
        "L": {"type": "object", "x-since": "1.1", "x-until": "1.2", "properties": {"key": INT}},
    }


def test_a_level_keeps_what_was_otherwise() -> None:
    snapshots: list[dict[str, dict[str, object]]] = [
        {"L": {"x-imports": ["demo.old.L"], "x-unknown": "ignored", "properties": {}}},
        {"L": {"x-imports": ["demo.L", "demo.new.L"], "x-unknown": "error", "allOf": [], "properties": {}}},
    ]
    assert fold(RELEASES[:2], snapshots)["L"] == {
        "type": "object",
        "x-imports": ["demo.L", "demo.new.L", "demo.old.L"],
        "x-unknown": "error",
        "allOf": [],
        "x-was": [{"until": "1.0", "x-unknown": "ignored", "allOf": None}],
        "properties": {},
    }


SHAPES = st.none() | st.fixed_dictionaries({"default": st.sampled_from([0, False, 1.0, 1, None])})
SNAPSHOT = st.none() | st.dictionaries(st.sampled_from("abc"), SHAPES, max_size=3)


@given(st.lists(SNAPSHOT, min_size=4, max_size=4))
def test_every_release_can_be_had_again(rows: list[dict[str, dict[str, object] | None] | None]) -> None:
    snapshots: list[dict[str, dict[str, object]]] = [
        {} if row is None else {"L": {"properties": {key: shape for key, shape in row.items() if shape is not None}}}
        for row in rows
    ]
    levels: Any = fold(RELEASES, snapshots)
    schema = {"x-releases": RELEASES, "$defs": levels}
    for release, snapshot in zip(RELEASES, snapshots, strict=True):
        level = at(schema, levels.get("L"), release)
        assert (level is None) == ("L" not in snapshot)
        for key in "abc":
            held = levels.get("L", {}).get("properties", {}).get(key)
            shape = at(schema, held, release, levels.get("L")) if level is not None else None
            expected = snapshot.get("L", {}).get("properties", {}).get(key)  # type: ignore[attr-defined]
            assert json.dumps(shape and {"default": shape["default"]}) == json.dumps(expected)


def test_text_has_a_property_on_each_line_and_tables_are_merged() -> None:
    levels = fold(RELEASES[:2], [{"L": {"properties": {"old": INT}}}, {"L": {"properties": {"new": INT}}}])
    merge_renames(levels, {"L": {"old": {"by": "new", "source": "a diff"}}})
    describe("demo", levels, {"demo": {"L": {"new": "How many"}}}, lambda name: {})
    text = render({"title": "Demo"}, levels)
    assert text.count("\n") == 12
    found = json.loads(text)["$defs"]["L"]["properties"]
    assert list(found) == ["new", "old"]
    assert found["new"]["description"] == "How many"
    assert found["old"]["x-renamed"] == "new"
