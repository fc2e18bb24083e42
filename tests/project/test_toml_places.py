"""The scanner for places agrees with tomllib about which keys there are, and its spans slice back to their values."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftlint.project.toml_places import TomlPath, load_toml, toml_places

TEXT = '''# comment with "quotes" and [brackets]
select = ["ALL", 'x', """a
]b"""]  # trailing
a.b . "c d" = 1
'lit.eral' = { x = 1, y = [ {z = "}"}, 2 ] }
date = 1979-05-27 07:32:00 # when

[hardware]
host-ram = "744GB"
"quo\\"ted" = \'\'\'it's\'\'\'
[ per-file-ignores . "configs/*" ]
x = true
[[steps]]
n = 1
[steps.inner]
m = 1.5e3
[[steps]]
n = 0x1F
empty = []
none = {}
nested = [[1, 2], [], [
  3, # three
]]
'''


def leaves(value: Any, path: TomlPath = ()) -> dict[TomlPath, Any]:
    """All values of a parsed document that hold no others, by path."""
    if isinstance(value, dict):
        parts = [(str(key), item) for key, item in value.items()]
    elif isinstance(value, list):
        parts = [(str(index), item) for index, item in enumerate(value)]
    else:
        return {path: value}
    return {key: leaf for name, item in parts for key, leaf in leaves(item, (*path, name)).items()}


def assert_agreement(text: str) -> None:
    places = toml_places(text)
    expected = leaves(load_toml(text))
    for path, leaf in expected.items():
        span = places[path].value
        assert load_toml("x = " + text[span.start : span.end])["x"] == leaf
        assert places[path].span.start <= span.start
        assert places[path].span.end == span.end
    for path in places:
        value_at(load_toml(text), path)  # no place of something that is not there


def value_at(values: Any, path: TomlPath) -> Any:
    for name in path:
        values = values[int(name)] if isinstance(values, list) else values[name]
    return values


def test_places_agree_with_tomllib() -> None:
    assert_agreement(TEXT)


@pytest.mark.parametrize("end", ["\r\n", "\n"])
def test_line_ends(end: str) -> None:
    assert_agreement('a = 1\nb = ["x", # [\n"y"]\n[t]\nc = "é"\n'.replace("\n", end))


def test_a_statement_covers_key_and_value() -> None:
    place = toml_places(TEXT)["hardware", "host-ram"]
    assert TEXT[place.span.start : place.span.end] == 'host-ram = "744GB"'
    assert TEXT[place.value.start : place.value.end] == '"744GB"'


def test_a_table_stands_at_its_header() -> None:
    place = toml_places(TEXT)["hardware",]
    assert TEXT[place.span.start : place.span.end] == "[hardware]"


BARE = st.text("abcXYZ019_-", min_size=1, max_size=5)
STRINGS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=8)


def basic(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


SCALARS = st.one_of(
    st.integers(-(10**12), 10**12).map(str),
    st.booleans().map(lambda value: str(value).lower()),
    STRINGS.map(basic),
    STRINGS.filter(lambda text: "'" not in text).map(lambda text: f"'{text}'"),
    STRINGS.map(lambda text: '"""\n' + text.replace("\\", "\\\\").replace('"', '\\"') + '\n""" # " ]'),
    st.sampled_from(["1979-05-27T07:32:00Z", "07:32:00", "inf", "1_000", "0b11", '""', "''''''", '""""two""""']),
)
VALUES = st.recursive(
    SCALARS.filter(lambda text: " # " not in text),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda items: "[ " + ",\n # ], \n ".join(items) + "\n]"),
        st.dictionaries(BARE, inner.filter(lambda text: "\n" not in text), max_size=3).map(
            lambda items: "{" + ", ".join(f"{key} = {value}" for key, value in items.items()) + "}"
        ),
    ),
    max_leaves=6,
)
KEYS = st.one_of(BARE, STRINGS.map(basic))


@given(
    st.lists(
        st.tuples(st.sampled_from(["", "[t{}]", "[ t{} . 'x y' ]", "[[a{}]]"]), KEYS, VALUES | SCALARS), max_size=6
    )
)
def test_places_agree_with_tomllib_on_anything(parts: list[tuple[str, str, str]]) -> None:
    text = ""
    for index, (header, key, value) in enumerate(parts):
        text += f"{header.format(index)}\n{key} = {value}\n"
    try:
        load_toml(text)
    except ValueError:  # a key twice
        return
    assert_agreement(text)


@given(st.text("ab=.,[]{}\"'#\\ \n1-", max_size=30))
def test_never_fails_where_tomllib_reads(text: str) -> None:
    try:
        load_toml(text)
    except ValueError:
        return
    assert_agreement(text)
