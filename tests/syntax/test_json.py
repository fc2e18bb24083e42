from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftlint.syntax.document import FaultCause, Format
from ftlint.syntax.scalars import ScalarRules
from ftlint.syntax.walk import plain_value
from tests.syntax.samples import DEEPSPEED
from tests.syntax.trees import check_spans, parse_data, texts

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(VALUES, st.sampled_from([None, 0, 2]), st.booleans())
def test_reads_what_json_writes(value: object, indent: int | None, ensure_ascii: bool) -> None:
    document = parse_data(json.dumps(value, indent=indent, ensure_ascii=ensure_ascii), Format.JSON)
    check_spans(document)
    assert document.strict
    assert plain_value(document.roots[0], ScalarRules.JSON) == value


@given(st.integers(0, len(DEEPSPEED)))
def test_any_prefix_parses(length: int) -> None:
    document = parse_data(DEEPSPEED[:length], Format.JSON)
    check_spans(document)
    assert not document.strict


@given(st.text(alphabet="{}[]:,\"\\ue1.-#/*\n 'ab", max_size=40))
def test_any_text_parses_and_strict_means_that_json_accepts(text: str) -> None:
    document = parse_data(text, Format.JSON)
    check_spans(document)
    try:
        value = json.loads(text)
    except ValueError:
        assert not document.strict
    else:
        assert document.strict
        assert plain_value(document.roots[0], ScalarRules.JSON) == value


@pytest.mark.parametrize(
    ("text", "tree", "causes"),
    [
        ('{"a": 1, // c\n "b": 2,}', {"a": "1", "b": "2"}, [FaultCause.COMMENT, FaultCause.TRAILING_COMMA]),
        ('{"a": 1 # c\n}', {"a": "1"}, [FaultCause.COMMENT]),
        ("[1, 2,]", ["1", "2"], [FaultCause.TRAILING_COMMA]),
        ('{\n "a": 1,\n "sta\n "c": 3\n}', {"a": "1", "sta": None, "c": "3"}, [FaultCause.UNCLOSED]),
        ('{\n "a":\n "b": {"c":\n}', {"a": None, "b": {"c": None}}, [FaultCause.UNCLOSED]),
        ('{"a": [1, 2, "b": 3}', {"a": ["1", "2"], "b": "3"}, [FaultCause.UNCLOSED]),
        ('{"a": 1 "b": 2}', {"a": "1", "b": "2"}, [FaultCause.MISSING_COMMA]),
        ("{'a': 1}", {"a": "1"}, [FaultCause.SINGLE_QUOTES]),
        ('{a: 1, "b": LATER, }', {"a": "1", "b": "LATER"}, [FaultCause.UNQUOTED, FaultCause.TRAILING_COMMA]),
        ('{"a": {"b": tru', {"a": {"b": "tru"}}, [FaultCause.UNCLOSED]),
        ('{"a": 1}}', {"a": "1"}, [FaultCause.EXTRA_TEXT]),
        ('{"a": 1, "b"}', {"a": "1", "b": None}, [FaultCause.MISSING_VALUE]),
        ('{"a": "x\ty"}', {"a": "x\ty"}, [FaultCause.SYNTAX]),
    ],
)
def test_recovery(text: str, tree: object, causes: list[FaultCause]) -> None:
    document = parse_data(text, Format.JSON)
    check_spans(document)
    assert texts(document.roots[0]) == tree
    assert set(causes) <= {fault.cause for fault in document.faults}
    assert not document.strict


def test_the_first_fault_says_what_json_load_says() -> None:
    fault = parse_data('{"a": 1,\n}', Format.JSON).faults[0]
    assert fault.location.span.start == 7
    assert "Expecting property name enclosed in double quotes (line 2 column 1)" in fault.message


def test_duplicates_are_kept_and_the_last_counts() -> None:
    document = parse_data('{"a": 1, "a": 2}', Format.JSON)
    assert document.strict
    assert [entry.key.text for entry in document.roots[0].entries] == ["a", "a"]  # type: ignore[union-attr]
    assert plain_value(document.roots[0], ScalarRules.JSON) == {"a": 2}


def test_comments_know_whether_they_stand_alone() -> None:
    comments = parse_data(DEEPSPEED, Format.JSON).comments
    assert [(comment.text, comment.alone) for comment in comments] == [
        ("// written by hand", True),
        ("// sharded", False),
        ("/* precision */", True),
    ]


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 100_000, "[" * 300 + "]" * 300])
def test_deep_nesting_is_one_fault(text: str) -> None:
    document = parse_data(text, Format.JSON)
    assert [fault.cause for fault in document.faults] == [FaultCause.LIMIT]
    assert document.roots == ()


@pytest.mark.parametrize("text", ["", " \n", "// only\n"])
def test_no_value(text: str) -> None:
    document = parse_data(text, Format.JSON)
    assert document.roots == ()
    assert FaultCause.EMPTY in {fault.cause for fault in document.faults}
