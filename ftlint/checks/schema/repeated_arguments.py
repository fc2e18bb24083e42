"""Arguments that a call of a script gives twice: `ast.parse` takes them, and Python's compiler does not.

Source: CPython 3.10 to 3.14 Python/compile.c and codegen.c, `validate_keywords`: SyntaxError, "argument repeated".
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from ftlint.findings import Match, Related
from ftlint.spans import Location, Span
from ftlint.syntax.document import Format, ScriptDocument, Source
from ftlint.syntax.nodes import nodes_in
from ftlint.syntax.python import span_of


def repeated_arguments(document: ScriptDocument) -> Iterator[Match]:
    """Each writing of an argument's name that has another one behind it, whatever is called."""
    refused = "cell" if document.format is Format.NOTEBOOK else "file"
    for cell in document.cells:
        for call in nodes_in(cell.tree).of(ast.Call):
            if len(call.keywords) > 1 and len({each.arg for each in call.keywords}) < len(call.keywords):
                yield from _in_call(call, cell.source, f"Python refuses the {refused}, a SyntaxError")


def _in_call(call: ast.Call, source: Source, outcome: str) -> Iterator[Match]:
    last = {each.arg: each for each in call.keywords if each.arg is not None}
    for each in call.keywords:
        if each.arg is not None and each is not last[each.arg]:
            there = Related(_name_of(last[each.arg], source), f"`{each.arg}` is written again here")
            values = {"key": each.arg, "outcome": outcome}
            yield Match(at=_name_of(each, source), values=values, related=(there,))


def _name_of(keyword: ast.keyword, source: Source) -> Location:
    start = span_of(keyword, source).start
    return source.location(Span(start, start + len(keyword.arg or "")))
