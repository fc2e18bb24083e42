"""Where the words of a script stand: what names, strings and shell commands may read, found by text and not by scope.

So it also answers for cells that do not parse and for commands that a notebook gives to the shell. Left out is what
only people read: comments, docstrings and printed texts. A comment between a call's brackets counts, for it may be an
argument taken out on purpose; so does what a comment passes on (`# f(x=name)`).
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from ftlint.record import record
from ftlint.spans import Span
from ftlint.syntax.document import ScriptCell, ScriptDocument
from ftlint.syntax.nodes import nodes_in
from ftlint.syntax.python import span_of

_WORD = re.compile(r"[A-Za-z_]\w*")
_PASSED_ON = re.compile(r"=\s*([A-Za-z_]\w*)")


@record
class Place:
    """The offset of a word in one cell, counted from 0."""

    cell: int
    offset: int


class Mentions:
    """The words of one script and their places."""

    def __init__(self, document: ScriptDocument) -> None:
        self._places: dict[str, set[Place]] = {}
        for number, cell in enumerate(document.cells):
            for word, offset in _words(cell):
                self._places.setdefault(word, set()).add(Place(number, offset))

    def places(self, word: str) -> frozenset[Place]:
        """Everywhere the word stands."""
        return frozenset(self._places.get(word, ()))


def _words(cell: ScriptCell) -> Iterator[tuple[str, int]]:
    text = cell.source.text
    for span in sorted(_for_people(cell)):
        for match in _PASSED_ON.finditer(text, span.start, span.end):
            yield match[1], match.start(1)
        text = text[: span.start] + " " * (span.end - span.start) + text[span.end :]
    for match in _WORD.finditer(text):
        yield match[0], match.start()


def _for_people(cell: ScriptCell) -> Iterator[Span]:
    """What no program reads. Of a cell that does not parse everything counts."""
    if cell.tree is None:
        return
    nodes = nodes_in(cell.tree)
    calls = []
    for call in nodes.of(ast.Call):
        calls.append(span_of(call, cell.source))
        if isinstance(call.func, ast.Name) and call.func.id == "print":
            yield from (span_of(text, cell.source) for text in call.args if _is_text(text))
    for statement in nodes.of(ast.Expr):
        if _is_text(statement.value):
            yield span_of(statement.value, cell.source)
    for comment in cell.comments:
        if not any(call.start < comment.span.start < call.end for call in calls):
            yield comment.span


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)
