from __future__ import annotations

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftlint.syntax.positions import LineIndex, Position, PositionEncoding

TEXTS = st.text(alphabet="ab\n\r\té𝄞\x0b\x0c\u2028 ", max_size=40)


@given(TEXTS, st.data())
def test_positions_and_offsets_are_inverse(text: str, data: st.DataObject) -> None:
    lines = LineIndex(text)
    offset = data.draw(st.integers(0, len(text)))
    row, column = lines.position(offset)
    start, end = lines.line(row)
    assert lines.offset(row, column) == min(offset, end)  # between \r and \n is no column of its own
    assert start == offset - column + 1


@given(TEXTS, st.sampled_from(list(PositionEncoding)), st.data())
def test_lsp_positions_and_offsets_are_inverse(text: str, encoding: PositionEncoding, data: st.DataObject) -> None:
    lines = LineIndex(text)
    offset = data.draw(st.integers(0, len(text)))
    line, character = lines.to_position(offset, encoding)
    _, end = lines.line(line + 1)
    assert lines.to_offset(line, character, encoding) == min(offset, end)


def test_positions_outside_the_text_are_moved_to_its_end() -> None:
    lines = LineIndex("ab\ncd")
    assert lines.position(99) == Position(2, 3)
    assert lines.offset(9, 1) == 5
    assert lines.offset(1, 99) == 2
    assert lines.to_offset(7, 0, PositionEncoding.UTF16) == 5
    assert lines.to_offset(0, 99, PositionEncoding.UTF16) == 2


def test_utf16_counts_two_units_beyond_the_basic_plane() -> None:
    lines = LineIndex("é𝄞x")
    assert lines.to_position(2, PositionEncoding.UTF16) == (0, 3)
    assert lines.to_position(2, PositionEncoding.UTF8) == (0, 6)
    assert lines.to_position(2, PositionEncoding.UTF32) == (0, 2)
    assert lines.to_offset(0, 2, PositionEncoding.UTF16) == 1  # in the middle of the pair


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("odd", ["", "'\x0c'; ", "'\u2028'; ", "'\x0b\x85'; ", "'é𝄞'; "])
def test_ast_offsets_find_every_name(line_end: str, odd: str) -> None:
    text = line_end.join([f"{odd}alpha", "\x0cbeta", "'''", f"{odd}", f"'''; {odd}gamma", ""])
    lines = LineIndex(text)
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Name):
            start = lines.ast_offset(node.lineno, node.col_offset)
            assert text[start : start + len(node.id)] == node.id
