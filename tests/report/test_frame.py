from __future__ import annotations

from ftlint.report.color import Palette
from ftlint.report.frame import code_frame, gutter_cells, last_row
from ftlint.report.visible import num_cells
from ftlint.spans import Span
from ftlint.syntax.positions import LineIndex


def frame(text: str, start: int, end: int, width: int = 60) -> list[str]:
    lines, span = LineIndex(text), Span(start, end)
    gutter = gutter_cells(last_row(lines, span))
    return list(code_frame(lines, span, gutter=gutter, width=width, palette=Palette(False), mark=str))


def framed(text: str, marked: str, width: int = 60) -> list[str]:
    start = text.index(marked)
    return frame(text, start, start + len(marked), width)


def test_one_line_with_its_neighbours() -> None:
    assert framed("one\ntwo words\nthree\nfour\n", "words") == [
        "  |",
        "1 | one",
        "2 | two words",
        "  |     ^^^^^",
        "3 | three",
    ]


def test_row_numbers_stand_right() -> None:
    text = "".join(f"line {row}\n" for row in range(1, 12))
    assert framed(text, "line 9\n") == ["   |", " 8 | line 8", " 9 | line 9", "   | ^^^^^^", "10 | line 10"]


def test_tabs_and_wide_characters() -> None:
    assert framed("\t日本: x", "x") == ["  |", "1 |     日本: x", "  |           ^"]
    assert framed("日本\t: 語", "語") == ["  |", "1 | 日本    : 語", "  |           ^^"]


def test_control_characters_are_written_out_and_measured() -> None:
    assert framed("a\x1b[2Jb: x", "x") == ["  |", "1 | a\\x1b[2Jb: x", "  |            ^"]


def test_line_ends_do_not_count() -> None:
    assert framed("a: 1\r\nb: 2\r\n", "b: 2") == ["  |", "1 | a: 1", "2 | b: 2", "  | ^^^^"]
    assert framed("a: 1\rb: 2", "b: 2") == ["  |", "1 | a: 1", "2 | b: 2", "  | ^^^^"]


def test_long_lines_are_cut_around_the_span() -> None:
    text = f'{{"x": "{"a" * 5000}", "stage": 2, "y": "{"b" * 5000}"}}'
    shown = framed(text, '"stage": 2')
    assert shown == [
        "  |",
        '1 | …aaaaaaaaaaa", "stage": 2, "y": "bbbbbbbbbbbbbbbbbbbbbb…',
        "  |                ^^^^^^^^^^",
    ]
    assert all(len(line) <= 60 for line in shown)


def test_a_long_span_is_cut_at_the_right() -> None:
    text = f'  "{"a" * 200}"'
    shown = frame(text, 2, len(text))
    assert shown[1].endswith("a…")
    assert set(shown[2].removeprefix("  |   ")) == {"^"}
    assert max(map(num_cells, shown)) <= 60


def test_wide_characters_stay_within_the_width() -> None:
    text = "語" * 300 + "x" + "語" * 300
    shown = framed(text, "x")
    assert max(map(num_cells, shown)) <= 60
    assert num_cells(shown[2].rstrip("^")) == num_cells(shown[1].split("x")[0])


def test_an_empty_span_has_a_caret() -> None:
    assert frame("a:\n", 2, 2) == ["  |", "1 | a:", "  |   ^"]
    assert frame("a:\n", 3, 3) == ["  |", "1 | a:", "2 |", "  | ^"]
    assert frame("", 0, 0) == ["  |", "1 |", "  | ^"]
    assert frame("", 7, 9) == ["  |", "1 |", "  | ^"]


def test_several_lines() -> None:
    text = "call(\n    first,\n\n    second,\n)\n"
    assert frame(text, 0, len(text) - 1) == [
        "  |",
        "1 | call(",
        "  | ^^^^^",
        "2 |     first,",
        "  |     ^^^^^^",
        "3 |",
        "4 |     second,",
        "  |     ^^^^^^^",
        "  | … 1 more line",
    ]


def test_a_span_that_takes_its_line_end_stays_on_its_line() -> None:
    assert frame("a: 1\nb: 2\n", 0, 5) == ["  |", "1 | a: 1", "  | ^^^^", "2 | b: 2"]
