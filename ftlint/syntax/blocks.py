"""Text edits of whole statements: something put before one, one put under a condition."""

from __future__ import annotations

import ast
import re

from ftlint.findings import Edit
from ftlint.spans import Span
from ftlint.syntax.document import Source
from ftlint.syntax.import_edits import line_end_of
from ftlint.syntax.python import span_of

_INDENT = re.compile(r"[ \t]*")
UNIT = "    "


def stands_alone(source: Source, statement: ast.stmt) -> bool:
    """Whether a statement begins its line and nothing but a comment follows it there."""
    span = span_of(statement, source)
    start = line_start(source.text, span.start)
    rest = re.compile(r"[ \t]*(#[^\r\n]*)?(\r?\n|$)").match(source.text, span.end)
    return not source.text[start : span.start].strip() and rest is not None


def insert_before(source: Source, statement: ast.stmt, *lines: str) -> Edit | None:
    """New lines before a statement that stands alone or opens a block, indented as it is."""
    start = line_start(source.text, span_of(statement, source).start)
    indent = indent_at(source.text, start)
    if source.text[start + len(indent) : span_of(statement, source).start].strip():
        return None  # behind a `;` or a `:` on one line
    end = line_end_of(source.text)
    return Edit(source.location(Span(start, start)), "".join(f"{indent}{line}{end}" for line in lines))


def put_under(source: Source, statement: ast.stmt, header: str, *before: str) -> tuple[Edit, ...]:
    """A statement moved under `header`, with lines before that; none where it cannot be indented line by line."""
    if not stands_alone(source, statement) or _has_text_over_lines(statement):
        return ()
    opening = insert_before(source, statement, *before, header)
    if opening is None:
        return ()
    span = span_of(statement, source)
    start = line_start(source.text, span.start)
    edits = [Edit(opening.location, opening.content + UNIT)]
    for match in re.finditer(r"\n(?=[^\r\n])", source.text[start : span.end]):
        place = start + match.end()
        edits.append(Edit(source.location(Span(place, place)), UNIT))
    return tuple(edits)


def line_start(text: str, offset: int) -> int:
    """The offset at which the line begins."""
    return text.rfind("\n", 0, offset) + 1


def indent_at(text: str, start: int) -> str:
    """The white space at the beginning of a line."""
    found = _INDENT.match(text, start)
    return found[0] if found else ""


def _has_text_over_lines(statement: ast.stmt) -> bool:
    return any(
        isinstance(part, (ast.Constant, ast.JoinedStr)) and (part.end_lineno or part.lineno) > part.lineno
        for part in ast.walk(statement)
        if isinstance(part, ast.expr)
    )
