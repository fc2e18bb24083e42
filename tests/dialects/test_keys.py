"""Keys: paths, values, places, duplicates, merges; and what happens to aliases that multiply."""

from __future__ import annotations

from functools import partial

from ftlint.dialects.keys import read_keys
from ftlint.run.fact import UNKNOWN, Truth
from ftlint.run.key import Section
from ftlint.syntax.document import Format
from ftlint.syntax.scalars import ScalarRules, resolve
from tests.dialects.reading import document

as_yaml = partial(resolve, rules=ScalarRules.PYYAML)
as_json = partial(resolve, rules=ScalarRules.JSON)


def test_paths_values_and_places() -> None:
    text = "a: {b: 1, c: [x, 2.5]}\nd: null\n"
    doc = document(text, Format.YAML)
    keys = read_keys("d", doc, as_yaml)
    assert {key.dotted: key.fact.value for key in keys} == {
        "a": Section.MAPPING, "a.b": 1, "a.c": Section.SEQUENCE, "a.c.0": "x", "a.c.1": 2.5, "d": None,
    }  # fmt: skip
    key = keys.key("a.b")
    assert key is not None
    assert text[key.value_location.span.start : key.value_location.span.end] == "1"
    assert text[key.name_location.span.start : key.name_location.span.end] == "b"
    assert text[key.location.span.start : key.location.span.end] == "b: 1"


def test_the_last_of_equal_keys_counts_and_the_first_is_a_duplicate() -> None:
    keys = read_keys("d", document('{"a": {"x": 1}, "a": {"y": 2}}', Format.JSON), as_json)
    assert keys.fact("a.y").value == 2
    assert not keys.fact("a.x").said
    assert [key.dotted for key in keys.duplicates] == ["a"]


def test_a_merge_key_gives_way_and_is_no_duplicate() -> None:
    text = "base: &b {x: 1, y: 1}\nuse:\n  x: 2\n  <<: *b\n"
    keys = read_keys("d", document(text, Format.YAML), as_yaml)
    assert (keys.fact("use.x").value, keys.fact("use.y").value) == (2, 1)
    assert keys.duplicates == ()


def test_absence_proves_nothing_in_a_broken_file() -> None:
    keys = read_keys("d", document('{"a": 1, "b": ', Format.JSON), as_json)
    assert keys.fact("a").value == 1
    assert keys.written("c") is Truth.UNKNOWN


def test_a_value_the_loader_makes_an_object_of_is_unknown() -> None:
    keys = read_keys("d", document("when: 2024-01-01\n", Format.YAML), as_yaml)
    assert keys.fact("when").value is UNKNOWN


def test_aliases_that_multiply_end_at_a_limit() -> None:
    levels = "\n".join(f"k{n + 1}: &a{n + 1} [{', '.join([f'*a{n}'] * 10)}]" for n in range(12))
    keys = read_keys("d", document(f"k0: &a0 [x]\n{levels}\n", Format.YAML), as_yaml)
    assert not keys.complete
    assert len(keys.keys) < 30_000
