from __future__ import annotations

import ast
import io
import sysconfig
import tokenize
import warnings
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftlint.syntax import parse, parse_text
from ftlint.syntax.document import FaultCause, Format, ScriptDocument, Source
from ftlint.syntax.python import span_of
from tests.syntax.samples import SCRIPT


def _parse(text: str) -> ScriptDocument:
    document = parse_text(Path("train.py"), text, Format.PYTHON)
    assert isinstance(document, ScriptDocument)
    return document


@given(st.integers(0, len(SCRIPT)))
def test_any_prefix_parses(length: int) -> None:
    document = _parse(SCRIPT[:length])
    (cell,) = document.cells
    assert (cell.tree is None) == bool(document.faults)
    for comment in cell.comments:
        assert cell.source.slice(comment.span) == comment.text


def test_comments() -> None:
    (cell,) = _parse(SCRIPT).cells
    assert [(comment.text, comment.alone) for comment in cell.comments] == [
        ("# -*- coding: utf-8 -*-", True),
        ("# a comment", False),
    ]


def test_span_of_counts_code_points() -> None:
    (cell,) = _parse("é = '𝄞'; model.to(ñx)\n").cells
    assert cell.tree is not None
    slices = {type(node).__name__: cell.source.slice(span_of(node, cell.source)) for node in ast.walk(cell.tree)}
    assert slices["Call"] == "model.to(ñx)"
    assert slices["Constant"] == "'𝄞'"
    assert slices["Module"] == cell.source.text


@pytest.mark.parametrize(
    ("text", "place"),
    [("print 'x'\n", "print 'x'"), ("x = 'é' + ]\n", "]"), ("def f(:\n  pass\n", ":"), ("f(\n", "("), ("x = '\n", "'")],
)
def test_a_syntax_error_is_one_fault_at_its_place(text: str, place: str) -> None:
    document = _parse(text)
    (fault,) = document.faults
    assert document.cells[0].tree is None
    assert document.cells[0].source.slice(fault.location.span) == place


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("(" * 1000, FaultCause.SYNTAX),
        ("-" * 100_000 + "1", FaultCause.LIMIT),
        ("a+" * 100_000 + "a", FaultCause.LIMIT),
        ("x = '\0'", FaultCause.BINARY),
    ],
)
def test_what_python_cannot_bear_is_a_fault(text: str, cause: FaultCause) -> None:
    assert [fault.cause for fault in _parse(text).faults] == [cause]


def test_undecodable_bytes_do_not_hide_the_rest() -> None:
    document = parse(Path("train.py"), b"x = 1  # caf\xe9\ny = 2\n", Format.PYTHON)
    assert isinstance(document, ScriptDocument)
    assert [fault.cause for fault in document.faults] == [FaultCause.ENCODING]
    assert document.cells[0].tree is not None


def test_warnings_of_the_compiler_are_not_ours() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert _parse("x = '\\d'; 1 is 1\n").faults == ()


def test_comments_are_those_of_tokenize() -> None:
    """Referee: the standard library's own files."""
    folder = Path(sysconfig.get_path("stdlib"))
    for path in sorted(folder.glob("[a-f]*.py")):
        source = Source(path, path.read_text(encoding="utf-8"))
        tokens = tokenize.generate_tokens(io.StringIO(source.text).readline)
        expected = [token.string for token in tokens if token.type == tokenize.COMMENT]
        assert [comment.text for comment in _parse(source.text).cells[0].comments] == expected, path
