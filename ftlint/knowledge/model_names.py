"""Which catalogued model a misspelled id was meant to be.

Ids of different models are alike to the letter (`Qwen3-8B`, `Qwen3-4B`), so likeness as text says little: names are
compared word by word. A word with a digit in it is a size or a version, and never a misspelling of another one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

WORD = re.compile(r"[^\W_]+")
LIKE_ENOUGH = 0.75
"""Least likeness (difflib's ratio) of a word to the one it was meant to be: one letter of four or five."""


def nearest_model_id(wanted: str, known: Iterable[str]) -> str | None:
    """The known id that `wanted` is a misspelling of; None where none is really near.

    Another case wins over everything; then come a misspelled owner, other separators, a word misspelled, a word too
    many or too few at an end, and last the same name of another owner, which may be a mirror.
    """
    found = [(distance, model_id) for model_id in known if (distance := _distance(wanted, model_id)) is not None]
    return min(found)[1] if found else None


def _distance(wanted: str, known: str) -> tuple[int, float] | None:
    """(kind of difference, unlikeness), the nearest least; None for names of two models."""
    if wanted.casefold() == known.casefold():
        return 0, 0.0
    owner, _, name = wanted.casefold().rpartition("/")
    known_owner, _, known_name = known.casefold().rpartition("/")
    unlikeness = _unlikeness(owner, known_owner)
    if unlikeness > 1 - LIKE_ENOUGH:
        return (5, 0.0) if name == known_name else None
    words, known_words = WORD.findall(name), WORD.findall(known_name)
    if words == known_words:
        return 1, unlikeness
    if "".join(words) == "".join(known_words):
        return 2, unlikeness
    return _between(words, known_words)


def _between(words: list[str], known_words: list[str]) -> tuple[int, float] | None:
    if len(words) == len(known_words):
        pairs = [(one, other) for one, other in zip(words, known_words, strict=True) if one != other]
        if len(pairs) > 1 or any(_has_digit(word) for pair in pairs for word in pair):
            return None
        unlikeness = sum(_unlikeness(one, other) for one, other in pairs)
        return (3, unlikeness) if unlikeness <= 1 - LIKE_ENOUGH else None
    # A word more in the middle (`Qwen2.5-Coder-7B`) makes another model; at an end it says how a model was packed.
    longer, shorter = sorted((words, known_words), key=len, reverse=True)
    for word, rest in ((longer[-1], longer[:-1]), (longer[0], longer[1:])):
        if rest == shorter and not _has_digit(word):
            return 4, float(len(word))
    return None


def _has_digit(word: str) -> bool:
    return any(character.isdigit() for character in word)


def _unlikeness(one: str, other: str) -> float:
    import difflib  # only a mistake needs it

    return 1 - difflib.SequenceMatcher(None, one, other).ratio()
