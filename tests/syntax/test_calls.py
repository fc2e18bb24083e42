from __future__ import annotations

import ast
from pathlib import Path

import pytest

from ftlint.findings import Edit
from ftlint.syntax.calls import add_keyword, remove_keyword, replace_keyword_value
from ftlint.syntax.document import Source


def _call(text: str) -> tuple[Source, ast.Call]:
    calls = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)]
    return Source(Path("x.py"), text), calls[0]


def _applied(text: str, edit: Edit | None) -> str:
    assert edit is not None
    edited = text[: edit.location.span.start] + edit.content + text[edit.location.span.end :]
    ast.parse(edited)
    return edited


@pytest.mark.parametrize(
    ("text", "edited"),
    [
        ("f()", "f(k=1)"),
        ("f( )", "f(k=1 )"),
        ("f(a)", "f(a, k=1)"),
        ("f(a,)", "f(a, k=1)"),
        ("f((a))", "f((a), k=1)"),
        ("(f)((a), b=(1))", "(f)((a), b=(1), k=1)"),
        ("f(*a, **b)", "f(*a, **b, k=1)"),
        ("f(x for x in y)", "f((x for x in y), k=1)"),
        ("f((x for x in y))", "f((x for x in y), k=1)"),
        ("f(k=2, b=3)", "f(k=1, b=3)"),
        ("f(')', a)", "f(')', a, k=1)"),
        ("é.f('𝄞', a)", "é.f('𝄞', a, k=1)"),
        ("f(\n    a,\n    b,\n)", "f(\n    a,\n    b,\n    k=1,\n)"),
        ("f(\n    a,\n    b\n)", "f(\n    a,\n    b,\n    k=1\n)"),
        ("f(\n    a,  # one)\n    b  # two)\n)", "f(\n    a,  # one)\n    b,  # two)\n    k=1\n)"),
        ("f(\n    a,\n    b,  # two\n    # three\n)", "f(\n    a,\n    b,  # two\n    k=1,\n    # three\n)"),
        ("  \nx = f(a,\n      b)", "  \nx = f(a,\n      b, k=1)"),
        ("f(  # why\n)", "f(k=1  # why\n)"),
        ("f(a\n)", "f(a,\n    k=1\n)"),
        ("f(x for x in y\n)", "f((x for x in y), k=1)"),
    ],
)
def test_add_keyword(text: str, edited: str) -> None:
    assert _applied(text, add_keyword(*_call(text), "k", "1")) == edited


@pytest.mark.parametrize(
    ("text", "edited"),
    [
        ("f(k=1)", "f()"),
        ("f(k=(1),)", "f()"),
        ("f(a, k=1)", "f(a)"),
        ("f(a, k=1,)", "f(a,)"),
        ("f(k=1, b=2)", "f(b=2)"),
        ("f((a), k=(1), **c)", "f((a), **c)"),
        ("f(\n    a,\n    k=1,  # why\n    b=2,\n)", "f(\n    a,\n    b=2,\n)"),
        ("f(\n    a,\n    k=1,\n)", "f(\n    a,\n)"),
        ("f(\n    a,  # one\n    k=1\n)", "f(\n    a  # one\n)"),
        ("f(\n    k=1\n)", "f(\n)"),
        ("f(k=1,\n  b=2)", "f(\n  b=2)"),
    ],
)
def test_remove_keyword(text: str, edited: str) -> None:
    assert _applied(text, remove_keyword(*_call(text), "k")) == edited


def test_replace_keyword_value() -> None:
    text = "f(a, k={'x': 1}, **c)"
    assert _applied(text, replace_keyword_value(*_call(text), "k", "None")) == "f(a, k=None, **c)"


def test_a_keyword_that_is_not_there() -> None:
    source, call = _call("f(a)")
    assert replace_keyword_value(source, call, "k", "1") is None
    assert remove_keyword(source, call, "k") is None
