"""Python text becomes an `ast` tree with its comments; text that does not parse becomes one fault."""

from __future__ import annotations

import ast
import re
import sys
import warnings
from collections.abc import Iterator, Sequence
from functools import cache, lru_cache

from ftlint.spans import Span
from ftlint.syntax.document import Comment, FaultCause, Format, ScriptCell, ScriptDocument, Source, SyntaxFault
from ftlint.syntax.newer_python import newer_release
from ftlint.syntax.positions import LineIndex, begins_line
from ftlint.syntax.text import printable

# Strings and comments, whichever begins first. Ten times as fast as `tokenize`, and it does not mind broken code. An
# unclosed string ends with its line, an unclosed triple-quoted one with the text.
LEXEMES = re.compile(
    r"(?P<comment>#[^\r\n]*)"
    r'|"""[^"\\]*(?:(?:\\.|"(?!""))[^"\\]*)*(?:"""|\\?\Z)'
    r"|'''[^'\\]*(?:(?:\\.|'(?!''))[^'\\]*)*(?:'''|\\?\Z)"
    r'|"[^"\\\r\n]*(?:\\(?:\r\n|.)[^"\\\r\n]*)*"?'
    r"|'[^'\\\r\n]*(?:\\(?:\r\n|.)[^'\\\r\n]*)*'?",
    re.DOTALL,
)
_INDENTED = re.compile(r"\s*^[ \t]+\S", re.MULTILINE)


def parse_python(source: Source, faults: Sequence[SyntaxFault] = ()) -> ScriptDocument:
    """The document of a Python file: one cell. `faults` are those already found in its bytes."""
    cell = parse_cell(source, source.text)
    return ScriptDocument(source.path, Format.PYTHON, (cell,), (*faults, *cell.faults))


def parse_cell(source: Source, code: str, magics: tuple[Comment, ...] = ()) -> ScriptCell:
    """One text of Python. `code` is what to parse: the source's text, with magics replaced one for one."""
    tree, fault = _tree(source, printable(code))
    return ScriptCell(source, tree, magics, (fault,) if fault else (), cache(lambda: tuple(_comments(code))))


def span_of(node: ast.AST, source: Source) -> Span:
    """Where a node of the source's tree stands; the whole text for nodes without a place, such as the module."""
    lineno = getattr(node, "lineno", None)
    if lineno is None:
        return Span(0, len(source.text))
    lines = line_index(source.text)
    start = lines.ast_offset(lineno, node.col_offset)  # type: ignore[attr-defined]  # a node with a row has a column
    end_lineno, end_column = getattr(node, "end_lineno", None), getattr(node, "end_col_offset", None)
    if end_lineno is None or end_column is None:  # allowed in trees built by hand
        return Span(start, start)
    return Span(start, lines.ast_offset(end_lineno, end_column))


@lru_cache(maxsize=64)
def line_index(text: str) -> LineIndex:
    """The lines of a text, kept for the texts asked about last."""
    return LineIndex(text)


def _tree(source: Source, code: str) -> tuple[ast.Module | None, SyntaxFault | None]:
    python = f"Python {sys.version_info.major}.{sys.version_info.minor}"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # invalid escapes and the like are other linters' business
            return ast.parse(code), None
    except SyntaxError as error:
        if source.cell is not None and (tree := _indented_tree(code)) is not None:
            return tree, None
        place = _place(error, source)
        release = _newer_release(error, place, source)
        if release is not None:
            message = f"this may be Python {release} or newer, and ftlint runs in {python} ({error.msg})"
            return None, SyntaxFault(source.location(place), message, FaultCause.NEWER_PYTHON)
        return None, SyntaxFault(source.location(place), f"{python} cannot parse this: {error.msg}")
    except (RecursionError, MemoryError):
        message = "the code is nested too deeply to be parsed"
        return None, SyntaxFault(source.location(Span(0, 0)), message, FaultCause.LIMIT)
    except ValueError as error:  # NUL characters, which only a notebook's cell can still have here
        return None, SyntaxFault(source.location(Span(0, 0)), f"{python} cannot parse this: {error}", FaultCause.BINARY)


def _indented_tree(code: str) -> ast.Module | None:
    """The tree of a cell whose first line is indented: IPython takes that away before Python sees it."""
    if not _INDENTED.match(code):
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(f"if True:\n{code}")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    (block, *rest) = tree.body
    tree.body = [*block.body, *rest]  # type: ignore[attr-defined]  # it is the `if` we put there
    ast.increment_lineno(tree, -1)
    return tree


def _place(error: SyntaxError, source: Source) -> Span:
    """Where the parser stopped, at least one character of it where the line has one."""
    lines = line_index(source.text)
    # The compiler counts columns in code points and from 1; 0, -1 and None mean that it does not know.
    row = min(max(error.lineno or 1, 1), lines.num_lines)
    start = lines.offset(row, error.offset or 1)
    end = lines.offset(error.end_lineno or row, error.end_offset or 0)
    return Span(start, max(end, min(start + 1, lines.line(row)[1]), start))


def _newer_release(error: SyntaxError, place: Span, source: Source) -> str | None:
    lines = line_index(source.text)
    start, end = lines.line(lines.position(place.start).row)
    return newer_release(error.msg, source.text[start:end], place.start - start)


def _comments(code: str) -> Iterator[Comment]:
    if "#" not in code:
        return
    for match in LEXEMES.finditer(code):
        if match["comment"] is None:
            continue
        start, end = match.span()
        yield Comment(Span(start, end), match[0], alone=begins_line(code, start))
