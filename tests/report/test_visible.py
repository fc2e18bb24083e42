from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftlint.report.visible import num_cells, visible, visible_line


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain text", "plain text"),
        ("名前 é", "名前 é"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("a\nb\r\tc", "a\\nb\\r\\tc"),
        ("\x9b31m", "\\x9b31m"),  # the one-character form of ESC [
        ("user\u202egpj.exe", "user\\u202egpj.exe"),
        ("\ufeffbom\u2028", "\\ufeffbom\\u2028"),
        ("bad \udcff byte", "bad \ufffd byte"),
        ("👩\u200d👧", "👩\u200d👧"),
    ],
)
def test_visible(text: str, shown: str) -> None:
    assert visible(text) == shown


@given(st.text())
def test_nothing_visible_drives_a_terminal(text: str) -> None:
    shown = visible(text)
    assert not any(unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") for character in shown)
    assert not any(character in shown for character in "\u202a\u202b\u202d\u202e\u2066\u2067\u2068\u2069")
    shown.encode("utf-8")


def test_cells() -> None:
    assert num_cells("abc") == 3
    assert num_cells("日本") == 4
    assert num_cells("e\u0301") == 1


def test_tabs_go_to_their_stops() -> None:
    assert visible_line("\ta\tb") == ["    ", "a", "   ", "b"]
    assert visible_line("日\tb") == ["日", "  ", "b"]
