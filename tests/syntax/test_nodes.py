"""The nodes of a tree, against `ast.walk`."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from ftlint.syntax import parse_text
from ftlint.syntax.document import Format, ScriptDocument
from ftlint.syntax.nodes import nodes_below, nodes_in, nodes_of

HERE = Path(__file__).parent
LEFT_OUT = (ast.expr_context, ast.operator, ast.unaryop, ast.boolop, ast.cmpop, ast.type_ignore)
EVERYTHING = """
import a, b as c
from . import d
@decorated(1)
async def f(x, /, y: int = 1, *rest, z=None, **more) -> None:
    global g
    async with x as y, z:
        await y
    async for q in w: yield [e async for e in q if e]
    return lambda k, *l: (yield)
class C(B, metaclass=M):
    a: int = 2; b += 1; del b[1:2, ...]
    def m(self): nonlocal_ = {**x, 1: 2, "k": -v}; raise E from None
try:
    assert a < b <= c is not d, f"{a!r:>{width}} {b}"
except (X, Y) as e: pass
else: a @ b if c and not d or e else {*f, g}
finally:
    while (n := next(i)): break
match x:
    case {"k": 1, **rest} | [1, *others] | P(a, b=2) | None if y: pass
"""


@pytest.mark.parametrize(
    "text", [EVERYTHING, *(path.read_text("utf-8") for path in sorted(HERE.glob("*.py")))], ids=lambda text: text[:20]
)
def test_the_same_nodes_in_the_same_order_as_ast_walk(text: str) -> None:
    tree = ast.parse(text)
    expected = [node for node in ast.walk(tree) if not isinstance(node, LEFT_OUT)]
    assert [id(node) for node in nodes_below(tree)] == [id(node) for node in expected]
    for statement in tree.body:
        assert nodes_below(statement)[0] is statement


def test_nodes_of_a_class_are_all_of_them_and_no_others() -> None:
    tree = ast.parse(EVERYTHING)
    for kind in {type(node) for node in nodes_below(tree)}:
        assert list(nodes_in(tree).of(kind)) == [node for node in ast.walk(tree) if type(node) is kind]
    assert {type(node) for node in nodes_in(tree).of(ast.Call, ast.Import)} == {ast.Call, ast.Import}
    assert list(nodes_in(None).of(ast.Call)) == []


def test_cells_that_do_not_parse_are_left_out() -> None:
    notebook = '{"cells": [%s], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}'
    cell = '{"cell_type": "code", "source": "%s", "metadata": {}, "outputs": [], "execution_count": null}'
    texts = ("import a", "def (", "b = 1")
    document = parse_text(Path("x.ipynb"), notebook % ",".join(cell % text for text in texts), Format.NOTEBOOK)
    assert isinstance(document, ScriptDocument)
    assert [type(node) for node in nodes_of(document).of(ast.Import, ast.Assign)] == [ast.Import, ast.Assign]
