from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ftlint.findings import Edit
from ftlint.syntax.document import DataDocument, Format
from ftlint.syntax.editing import apply_to_text, delete_key, rename_key, set_value
from ftlint.syntax.scalars import ScalarRules
from ftlint.syntax.walk import plain_value
from tests.syntax.trees import check_spans, parse_data

DEEPSPEED = """\
{
  // top
  "train_batch_size": 8, // size
  "zero_optimization": {
    "stage": 2,
    "offload_param": {"device": "cpu", "pin_memory": true}  // off
  },
  "betas": [1, 2, 3],
  "empty": {}
}
"""

RECIPE = """\
# head
model: foo  # m
lr: 2e-5
zero:
  stage: 2   # st
  off:
    device: cpu
# between
list:
- a
- b: 1
  c: 2   # cc
flow: {a: 1, b: [x, y]}
empty:
text: |
  hello
last: 1"""

KEYS = st.sampled_from(["a", "b", "lr", "off", "größe", "2", "a b", "x: y", "#", "'", "", "-", "zero_optimization"])
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-5, 10**12)
    | st.floats(allow_nan=False)
    | st.sampled_from(
        ["cpu", "yes", "2e-5", "1:30", "", " x", "a: b", "a #b", "null", "it's", 'q"', "é", "\u2028", "-", "- a"]
    )
    | st.text(max_size=6)
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=6
)
MAPPINGS = st.dictionaries(KEYS, VALUES, min_size=1, max_size=4)


def _edited(document: DataDocument, edits: tuple[Edit, ...]) -> str:
    return apply_to_text(document.source.text, [(edit.location.span, edit.content) for edit in edits])


def _rules(format: Format) -> ScalarRules:
    return ScalarRules.JSON if format is Format.JSON else ScalarRules.PYYAML


def _value(text: str, format: Format) -> Any:
    (root,) = parse_data(text, format).roots
    return plain_value(root, _rules(format), text_keys=True)


@st.composite
def layouts(draw: st.DrawFn) -> tuple[Any, str, Format]:
    """Data, and a text that holds it in one of many layouts, with comments between and behind the lines."""
    data = draw(MAPPINGS)
    if draw(st.booleans()):
        text = json.dumps(data, indent=draw(st.sampled_from([None, 2, 4, "\t"])), ensure_ascii=False)
        format = (
            draw(st.sampled_from([Format.JSON, Format.YAML]))
            if "\t" not in text and "\u2028" not in text
            else Format.JSON
        )
        marker = "//" if format is Format.JSON else "#"
    else:
        flow = draw(st.sampled_from([False, None]))
        text = yaml.safe_dump(
            data, allow_unicode=True, default_flow_style=flow, indent=draw(st.sampled_from([2, 4])), width=9999
        )
        format, marker = Format.YAML, "#"
    if draw(st.booleans()):
        lines = text.split("\n")
        for index in range(len(lines) - 1):
            if draw(st.booleans()) and lines[index].rstrip().endswith((",", "{", "[", ":", *"0123456789")):
                lines[index] += f"  {marker} note {index}"
        text = "\n".join(lines)
    if draw(st.booleans()):
        text = text.replace("\n", "\r\n")
    try:
        hypothesis.assume(_value(text, format) == data or data != data)
    except ValueError:
        hypothesis.reject()
    return data, text, format


def _paths(data: Any) -> list[list[str | int]]:
    children = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    return [path for key, value in children for path in ([key], *([key, *rest] for rest in _paths(value)))]


def _at(data: Any, path: list[str | int]) -> Any:
    for step in path:
        data = data[step]
    return data


@given(layouts(), VALUES, st.data())
def test_set_value(layout: tuple[Any, str, Format], value: Any, draw: st.DataObject) -> None:
    data, text, format = layout
    path = draw.draw(st.sampled_from(_paths(data)))
    document = parse_data(text, format)
    edits = set_value(document, path, value)
    hypothesis.event("no edits" if not edits else "edits")
    if edits:
        wanted = copy.deepcopy(data)
        _at(wanted, path[:-1])[path[-1]] = value
        check_spans(parse_data(_edited(document, edits), format))
        assert _value(_edited(document, edits), format) == wanted


@given(layouts(), KEYS, VALUES, st.data())
def test_put_in(layout: tuple[Any, str, Format], name: str, value: Any, draw: st.DataObject) -> None:
    data, text, format = layout
    mappings = [
        [],
        *(path for path in _paths(data) if isinstance(_at(data, path), dict) and name not in _at(data, path)),
    ]
    path = draw.draw(st.sampled_from(mappings))
    hypothesis.assume(name not in _at(data, path))
    document = parse_data(text, format)
    edits = set_value(document, [*path, name, "deeper"], value)
    hypothesis.event("no edits" if not edits else "edits")
    if edits:
        edited = _edited(document, edits)
        wanted = copy.deepcopy(data)
        _at(wanted, path)[name] = {"deeper": value}
        assert _value(edited, format) == wanted
        notes = [comment.text for comment in document.comments]
        assert [comment.text for comment in parse_data(edited, format).comments] == notes


@given(layouts(), st.data())
def test_delete_key(layout: tuple[Any, str, Format], draw: st.DataObject) -> None:
    data, text, format = layout
    path = draw.draw(st.sampled_from(_paths(data)))
    document = parse_data(text, format)
    edits = delete_key(document, path)
    hypothesis.event("no edits" if not edits else "edits")
    if edits:
        wanted = copy.deepcopy(data)
        del _at(wanted, path[:-1])[path[-1]]
        assert _value(_edited(document, edits), format) == wanted


@given(layouts(), KEYS, st.data())
def test_rename_key(layout: tuple[Any, str, Format], name: str, draw: st.DataObject) -> None:
    data, text, format = layout
    path = draw.draw(st.sampled_from([path for path in _paths(data) if isinstance(path[-1], str)]))
    document = parse_data(text, format)
    edits = rename_key(document, path, name)
    taken = name in _at(data, path[:-1])
    assert bool(edits) != taken
    if edits:
        wanted = copy.deepcopy(data)
        container = _at(wanted, path[:-1])
        container[name] = container.pop(path[-1])
        assert _value(_edited(document, edits), format) == wanted


_CASES: list[tuple[str, list[str | int], Any, str, str]] = [
    (DEEPSPEED, ["zero_optimization", "stage"], 3, '"stage": 2,', '"stage": 3,'),
    (DEEPSPEED, ["empty", "x"], 1, '"empty": {}', '"empty": {\n    "x": 1\n  }'),
    (DEEPSPEED, ["betas", 1], 9, "[1, 2, 3]", "[1, 9, 3]"),
    (
        DEEPSPEED,
        ["zero_optimization", "offload_optimizer", "device"],
        "cpu",
        "true}  // off\n",
        'true},  // off\n    "offload_optimizer": {\n      "device": "cpu"\n    }\n',
    ),
    (
        DEEPSPEED,
        ["zero_optimization", "offload_param", "fast"],
        False,
        '"pin_memory": true}',
        '"pin_memory": true, "fast": false}',
    ),
    (RECIPE, ["zero", "stage"], 3, "stage: 2   # st", "stage: 3   # st"),
    (RECIPE, ["lr"], 2e-5, "lr: 2e-5", "lr: 2.0e-05"),
    (RECIPE, ["model"], "yes", "model: foo  # m", "model: 'yes'  # m"),
    (RECIPE, ["model"], {"a": 1}, "model: foo  # m", "model:  # m\n  a: 1"),
    (RECIPE, ["zero", "off", "pin"], True, "device: cpu\n", "device: cpu\n    pin: true\n"),
    (RECIPE, ["empty", "a", "b"], [1], "empty:\n", "empty:\n  a:\n    b:\n      - 1\n"),
    (RECIPE, ["empty"], 5, "empty:\n", "empty: 5\n"),
    (RECIPE, ["bf16"], True, "last: 1", "last: 1\nbf16: true"),
    (RECIPE, ["flow", "c"], {"d": "x"}, "[x, y]}", "[x, y], c: {d: x}}"),
    (RECIPE, ["list", 1, "d"], 1, "c: 2   # cc\n", "c: 2   # cc\n  d: 1\n"),
    ("# only\n", ["a", "b"], 1, "# only\n", "# only\na:\n  b: 1\n"),
    ('{"a":1}', ["b"], 2, '"a":1', '"a":1, "b":2'),
    ('{\r\n    "a": 1\r\n}', ["b"], 2, '"a": 1', '"a": 1,\r\n    "b": 2'),
]


@pytest.mark.parametrize(("text", "path", "value", "old", "new"), _CASES)
def test_set_value_keeps_the_style(text: str, path: list[str | int], value: Any, old: str, new: str) -> None:
    document = parse_data(text, Format.JSON if text.startswith("{") else Format.YAML)
    assert text.count(old) == 1
    assert _edited(document, set_value(document, path, value)) == text.replace(old, new)


@pytest.mark.parametrize(
    ("text", "path", "old", "new"),
    [
        (DEEPSPEED, ["train_batch_size"], '  "train_batch_size": 8, // size\n', ""),
        (DEEPSPEED, ["zero_optimization", "stage"], '    "stage": 2,\n', ""),
        (DEEPSPEED, ["empty"], '[1, 2, 3],\n  "empty": {}\n', "[1, 2, 3]\n"),
        (DEEPSPEED, ["betas", 2], "[1, 2, 3]", "[1, 2]"),
        (DEEPSPEED, ["zero_optimization", "offload_param", "device"], '"device": "cpu", ', ""),
        (RECIPE, ["model"], "model: foo  # m\n", ""),
        (RECIPE, ["zero"], "zero:\n  stage: 2   # st\n  off:\n    device: cpu\n", ""),
        (RECIPE, ["zero", "off", "device"], "off:\n    device: cpu\n", "off: {}\n"),
        (RECIPE, ["list", 0], "- a\n", ""),
        (RECIPE, ["list", 1, "b"], "- b: 1\n  c: 2", "- c: 2"),
        (RECIPE, ["text"], "text: |\n  hello\n", ""),
        (RECIPE, ["flow", "a"], "{a: 1, b", "{b"),
    ],
)
def test_delete_key_takes_its_line(text: str, path: list[str | int], old: str, new: str) -> None:
    document = parse_data(text, Format.JSON if text.startswith("{") else Format.YAML)
    assert text.count(old) == 1
    assert _edited(document, delete_key(document, path)) == text.replace(old, new)


def test_duplicates_go_together() -> None:
    document = parse_data('{"a": 1, "b": 2, "a": 3}', Format.JSON)
    assert _edited(document, delete_key(document, ["a"])) == '{"b": 2}'


@pytest.mark.parametrize(
    ("text", "path"),
    [("a: *x\n", ["a"]), ("a: 1\nlea\n", ["a"]), ("a: &x {b: 1}\nc: *x\n", ["c", "b"]), ("a: 1\n", ["a", "b"])],
)
def test_no_edit_where_it_would_not_be_sure(text: str, path: list[str | int]) -> None:
    assert set_value(parse_data(text, Format.YAML), path, 5) == ()


def test_edits_name_the_file() -> None:
    (edit,) = set_value(parse_data("a: 1\n", Format.YAML), ["a"], 2)
    assert (edit.location.path, edit.location.cell, edit.content) == (Path("file"), None, "2")
