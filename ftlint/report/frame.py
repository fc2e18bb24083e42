"""The lines a finding stands on, with its span underlined, fitted into a width."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from ftlint.report.color import Palette
from ftlint.report.visible import num_cells, visible_line
from ftlint.spans import Span
from ftlint.syntax.positions import LineIndex

Style = Callable[[str], str]

CONTEXT_ROWS = 1
MAX_MARKED_ROWS = 4
_ELLIPSIS = "…"
_MIN_ROOM = 20


def gutter_cells(*last_rows: int) -> int:
    """The width of the row numbers in frames that end at these rows."""
    return max(len(str(row)) for row in last_rows)


def last_row(lines: LineIndex, span: Span) -> int:
    """The last row a frame of `span` shows."""
    first, last = _marked_rows(lines, span)
    return min(min(last, first + MAX_MARKED_ROWS - 1) + CONTEXT_ROWS, lines.num_lines)


def code_frame(
    lines: LineIndex, span: Span, *, gutter: int, width: int, palette: Palette, mark: Style
) -> Iterator[str]:
    """The lines of `span` and one around it, with row numbers `gutter` cells wide and `mark`ed underlines.

    No line is longer than `width` cells: of longer ones the part around the span is shown.
    """
    first, last = _marked_rows(lines, span)
    shown_last = min(last, first + MAX_MARKED_ROWS - 1)
    room = max(width - gutter - 3, _MIN_ROOM)
    # One window for all lines, or columns would not stand below each other.
    skipped = _num_skipped(lines, first, span, room)
    edge = palette.frame(" " * gutter + " |")
    yield edge
    for row in range(max(first - CONTEXT_ROWS, 1), last_row(lines, span) + 1):
        pieces = _pieces(lines, row, skipped, room)
        text = "".join(piece.text for piece in pieces).rstrip()
        if text in ("", _ELLIPSIS) and not first <= row <= shown_last:
            continue
        yield f"{palette.frame(f'{row:>{gutter}} |')} {text}".rstrip()
        if first <= row <= shown_last and (underline := _underline(pieces, lines.line(row), span, row == first)):
            yield f"{edge} {_indent(underline)}{mark(underline.lstrip())}"
        if row == shown_last and last > shown_last:
            yield f"{edge} {palette.quiet(_more(last - shown_last))}"
            return


class _Piece(NamedTuple):
    """What is printed for the code point at `offset`, or for what was left out there."""

    offset: int
    text: str
    num_cells: int


def _marked_rows(lines: LineIndex, span: Span) -> tuple[int, int]:
    first = lines.position(span.start).row
    # A span that ends right after a line end does not reach into the next line.
    return first, max(lines.position(max(span.end - 1, span.start)).row, first)


def _num_skipped(lines: LineIndex, row: int, span: Span, room: int) -> int:
    """How many code points to leave out at the start of every line, so that the start of the span can be seen."""
    start, end = lines.line(row)
    needed_end = min(end, max(span.end, span.start + 1))
    if needed_end - start < room and sum(map(num_cells, visible_line(lines.text[start:needed_end]))) < room:
        return 0
    # A quarter of the room for what stands before the span.
    return max(min(span.start, end) - start - room // 4, 0)


def _pieces(lines: LineIndex, row: int, skipped: int, room: int) -> list[_Piece]:
    """One source line without its first `skipped` code points, cut to `room` cells."""
    start, end = lines.line(row)
    begin = min(start + skipped, end)
    pieces = [_Piece(begin - 1, _ELLIPSIS, 1)] if begin > start else []
    used = len(pieces)
    # Nearly every character takes a cell, so what is far outside is never looked at: a line may have megabytes.
    for offset, text in enumerate(visible_line(lines.text[begin : min(begin + room, end)]), begin):
        cells = num_cells(text)
        if used + cells > room - (offset + 1 < end):
            return [*pieces, _Piece(offset, _ELLIPSIS, 1)]
        used += cells
        pieces.append(_Piece(offset, text, cells))
    return pieces


def _underline(pieces: list[_Piece], line: tuple[int, int], span: Span, is_first: bool) -> str:
    """Carets under the pieces of the span; one caret where an empty span stands. Indentation is not underlined."""
    start, end = max(span.start, line[0]), min(span.end, line[1])
    if start >= end:
        return " " * sum(piece.num_cells for piece in pieces if piece.offset < start) + "^" if is_first else ""
    under, begun = "", is_first
    for piece in pieces:
        inside = start <= piece.offset < end
        begun = begun or (inside and not piece.text.isspace())
        under += ("^" if inside and begun else " ") * piece.num_cells
    return under.rstrip()


def _indent(underline: str) -> str:
    return " " * (len(underline) - len(underline.lstrip()))


def _more(num_rows: int) -> str:
    return f"{_ELLIPSIS} {num_rows} more {'line' if num_rows == 1 else 'lines'}"
