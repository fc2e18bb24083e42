"""Offsets into a text become rows and columns, in the counts of people, of editors and of Python's `ast`."""

from __future__ import annotations

import re
from bisect import bisect_right
from enum import Enum
from typing import NamedTuple

# Python's tokenizer and the LSP agree on these three, unlike str.splitlines: a form feed or U+2028 ends no line.
_LINE_END = re.compile(r"\r\n|\n|\r")
_REST_IS_BLANK = re.compile(r"[ \t\f]*(?=[\r\n]|\Z)")


class PositionEncoding(Enum):
    """What a column of the LSP counts."""

    UTF8 = "utf-8"
    UTF16 = "utf-16"
    UTF32 = "utf-32"


class Position(NamedTuple):
    """A place as people count: row and column from 1, columns in code points."""

    row: int
    column: int


class LineIndex:
    """Where the lines of one text begin."""

    __slots__ = ("_is_ascii", "_starts", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self._is_ascii = text.isascii()
        self._starts = [0, *(match.end() for match in _LINE_END.finditer(text))]

    @property
    def num_lines(self) -> int:
        """Lines of the text; what follows the last line end is one, even when empty."""
        return len(self._starts)

    def position(self, offset: int) -> Position:
        """The row and column of `offset`; one outside the text is moved to the nearest end."""
        offset = min(max(offset, 0), len(self.text))
        row = bisect_right(self._starts, offset)
        return Position(row, offset - self._starts[row - 1] + 1)

    def offset(self, row: int, column: int) -> int:
        """The offset of a row and column; a column beyond the line is its end, a row beyond the text the text's end."""
        if row < 1:
            return 0
        if row > len(self._starts):
            return len(self.text)
        start, end = self.line(row)
        return min(start + max(column - 1, 0), end)

    def line(self, row: int) -> tuple[int, int]:
        """Start and end offset of a row, without its line end."""
        start = self._starts[row - 1]
        if row == len(self._starts):
            return start, len(self.text)
        end = self._starts[row] - 1
        if end > start and self.text[end] == "\n" and self.text[end - 1] == "\r":
            end -= 1
        return start, end

    def ast_offset(self, lineno: int, col_offset: int) -> int:
        """The offset of a place as `ast` counts: rows from 1, columns in UTF-8 bytes from 0."""
        if lineno > len(self._starts):
            return len(self.text)
        start = self._starts[max(lineno, 1) - 1]
        if self._is_ascii:
            return min(start + col_offset, len(self.text))
        start, end = self.line(lineno)
        return start + _prefix_length(self.text[start:end], col_offset, PositionEncoding.UTF8)

    def to_offset(self, line0: int, character: int, encoding: PositionEncoding) -> int:
        """The offset of an LSP position (both from 0); beyond the line is its end, beyond the text the text's end."""
        if line0 >= len(self._starts):
            return len(self.text)
        start, end = self.line(max(line0, 0) + 1)
        if self._is_ascii or encoding is PositionEncoding.UTF32:
            return min(start + max(character, 0), end)
        return start + _prefix_length(self.text[start:end], character, encoding)

    def to_position(self, offset: int, encoding: PositionEncoding) -> tuple[int, int]:
        """The LSP position (line and character, from 0) of `offset`."""
        row, column = self.position(offset)
        if self._is_ascii or encoding is PositionEncoding.UTF32:
            return row - 1, column - 1
        start = self._starts[row - 1]
        return row - 1, _num_units(self.text[start : start + column - 1], encoding)


def begins_line(text: str, offset: int) -> bool:
    """Whether nothing but blanks stands before `offset` in its line; looks at no more than those."""
    while offset and text[offset - 1] in " \t\f":
        offset -= 1
    return offset == 0 or text[offset - 1] in "\r\n\x85\u2028\u2029"


def ends_line(text: str, offset: int) -> bool:
    """Whether nothing but blanks stands behind `offset` in its line."""
    match = _REST_IS_BLANK.match(text, offset)
    return match is not None


def _num_units(text: str, encoding: PositionEncoding) -> int:
    """Code units of `text` in UTF-8 or UTF-16."""
    if encoding is PositionEncoding.UTF8:
        return len(text.encode("utf-8", "surrogatepass"))
    return len(text) + sum(character > "\uffff" for character in text)


def _prefix_length(line: str, num_units: int, encoding: PositionEncoding) -> int:
    """Code points of `line` that the first `num_units` code units cover; half a character counts as none."""
    if line.isascii():
        return min(max(num_units, 0), len(line))
    used = 0
    for index, character in enumerate(line):
        used += _num_units(character, encoding)
        if used > num_units:
            return index
    return len(line)
