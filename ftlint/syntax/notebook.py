"""Notebooks become scripts of many cells: each code cell parsed on its own, without its magics."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from pathlib import Path

from ftlint.spans import Span
from ftlint.syntax.document import FaultCause, Format, ScriptCell, ScriptDocument, Source, SyntaxFault, no_comments
from ftlint.syntax.magics import without_magics
from ftlint.syntax.python import parse_cell

_PERCENT_LINE = re.compile(r"^# %%(?P<title>[^\r\n]*)(?:\r\n|\n|\r|\Z)", re.MULTILINE)
_COMMENT_MARKER = re.compile(r"^# ?", re.MULTILINE)


def parse_notebook(path: Path, text: str, faults: Sequence[SyntaxFault] = ()) -> ScriptDocument:
    """The code cells of a notebook's JSON text. Cells of a kernel that is not Python's are left out."""
    whole = Source(path, text)
    try:
        notebook = json.loads(text)
    except json.JSONDecodeError as error:
        place = Span(error.pos, min(error.pos + 1, len(text)))
        message = f"the notebook is not JSON: {error.msg} (line {error.lineno} column {error.colno})"
        return _broken(whole, place, message, FaultCause.SYNTAX, faults)
    except (RecursionError, ValueError) as error:
        return _broken(whole, Span(0, 0), f"the notebook cannot be read: {error}", FaultCause.LIMIT, faults)
    raw_cells = _raw_cells(notebook)
    if raw_cells is None:
        return _broken(whole, Span(0, 0), "the file has no list of cells as a notebook has", FaultCause.SYNTAX, faults)
    if not _is_python(notebook):
        return ScriptDocument(path, Format.NOTEBOOK, (), tuple(faults))
    cells = tuple(
        _cell(Source(path, code, number))
        for number, raw_cell in enumerate(raw_cells, start=1)
        if (code := _code_of(raw_cell)) is not None
    )
    found = (*faults, *(fault for cell in cells for fault in cell.faults))
    return ScriptDocument(path, Format.NOTEBOOK, cells, found)


def percent_to_notebook(text: str) -> str:
    """The .ipynb text of a script in percent format: `# %%` begins a code cell, `# %% [markdown]` one of text."""
    cells: list[dict[str, object]] = []
    for title, body in _percent_cells(text):
        is_markdown = title.strip().startswith("[markdown]")
        source = _COMMENT_MARKER.sub("", body) if is_markdown else body
        lines = source_lines(source.rstrip("\r\n"))
        if is_markdown:
            cells.append({"cell_type": "markdown", "metadata": {}, "source": lines})
        else:
            code: dict[str, object] = {
                "cell_type": "code",
                "execution_count": None,
                "metadata": {},
                "outputs": [],
                "source": lines,
            }
            cells.append(code)
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    notebook = {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 4}
    return json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"


def source_lines(code: str) -> list[str]:
    """A cell's source as the list of lines that notebooks hold; split as nbformat 5.11 does."""
    return code.splitlines(keepends=True)


def _percent_cells(text: str) -> Iterator[tuple[str, str]]:
    """Title and body of each cell; text before the first marker is a cell if it is more than white space."""
    marks = list(_PERCENT_LINE.finditer(text))
    head = text[: marks[0].start()] if marks else text
    if head.strip():
        yield "", head
    for mark, following in zip_longest(marks, marks[1:]):
        yield mark["title"], text[mark.end() : following.start() if following else len(text)]


def _broken(
    source: Source, place: Span, message: str, cause: FaultCause, faults: Sequence[SyntaxFault]
) -> ScriptDocument:
    fault = SyntaxFault(source.location(place), message, cause)
    return ScriptDocument(source.path, Format.NOTEBOOK, (), (*faults, fault))


def _raw_cells(notebook: object) -> list[object] | None:
    """The cells of a notebook of format 4, or of the worksheets of format 3."""
    if not isinstance(notebook, dict):
        return None
    if isinstance(cells := notebook.get("cells"), list):
        return cells
    worksheets = notebook.get("worksheets")
    if not isinstance(worksheets, list):
        return None
    sheets = [sheet.get("cells") for sheet in worksheets if isinstance(sheet, dict)]
    return [cell for sheet in sheets if isinstance(sheet, list) for cell in sheet]


def _is_python(notebook: dict[str, object]) -> bool:
    """Whether the kernel is Python's, or not named."""
    metadata = notebook.get("metadata")
    if not isinstance(metadata, dict):
        return True
    for section, key in (("kernelspec", "language"), ("language_info", "name")):
        values = metadata.get(section)
        if isinstance(values, dict) and isinstance(language := values.get(key), str) and language:
            return language.lower() in ("python", "ipython", "python3", "python2")
    return True


def _code_of(raw_cell: object) -> str | None:
    """The source of a code cell, whichever of its forms it has; None for all else."""
    if not isinstance(raw_cell, dict) or raw_cell.get("cell_type") != "code":
        return None
    if raw_cell.get("language", "python") != "python":  # format 3 says it for each cell
        return None
    source = raw_cell.get("source", raw_cell.get("input", ""))
    if isinstance(source, list):
        return "".join(line for line in source if isinstance(line, str))
    return source if isinstance(source, str) else None


def _cell(source: Source) -> ScriptCell:
    magic_free = without_magics(source.text)
    if magic_free.code is None:
        return ScriptCell(source, ast.Module([], []), magic_free.magics, (), no_comments)
    return parse_cell(source, magic_free.code, magic_free.magics)
