"""Text from users' files made safe and measurable for a terminal: no character of it can drive the terminal."""

from __future__ import annotations

import unicodedata

TAB_CELLS = 4

# Joiners keep emoji and several scripts together, and move nothing.
_JOINERS = "\u200c\u200d"
_REPLACEMENT = "\ufffd"


def visible(text: str) -> str:
    """`text` on one line with every control and invisible character written out (`\\x1b`, `\\u202e`).

    Lone surrogates, which stand for bytes that are not UTF-8, become U+FFFD: no stream can encode them.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(map(_visible_character, text))


def replaced(text: str) -> str:
    """`text` with lone surrogates replaced, otherwise as it is: for formats that have an escaping of their own."""
    if text.isascii():
        return text
    return "".join(_REPLACEMENT if "\ud800" <= character <= "\udfff" else character for character in text)


def num_cells(text: str) -> int:
    """Columns that `text`, already made visible, takes on a terminal."""
    if text.isascii():
        return len(text)
    return sum(map(_character_cells, text))


def visible_line(text: str) -> list[str]:
    """`text` of one source line, character by character as it is to be printed, tabs expanded to their stops.

    Element i is what stands for code point i, so that spans can still be found in the printed line.
    """
    pieces: list[str] = []
    column = 0
    for character in text:
        piece = " " * (TAB_CELLS - column % TAB_CELLS) if character == "\t" else visible(character)
        column += num_cells(piece)
        pieces.append(piece)
    return pieces


def _visible_character(character: str) -> str:
    category = unicodedata.category(character)
    if category == "Cs":
        return _REPLACEMENT
    # Cc: ESC and its kind, C1 too; Cf: bidirectional overrides, zero width, byte order mark; Zl, Zp: line separators.
    if category in ("Cc", "Cf", "Zl", "Zp", "Co", "Cn") and character not in _JOINERS:
        return character.encode("unicode_escape").decode("ascii")
    return character


def _character_cells(character: str) -> int:
    if character in _JOINERS or unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
