"""Which known word a person most likely meant: by edit distance, letter case and separators."""

from __future__ import annotations

from collections.abc import Iterable


def meant(word: str, known: Iterable[str]) -> str | None:
    """The known word that `word` is one letter away from, two for longer words, or another spelling of; else None."""
    plain = _plain(word)
    allowed = 0 if len(plain) < 4 else 1 if len(plain) < 8 else 2
    best: tuple[int, str] | None = None
    for each in dict.fromkeys(known):
        other = _plain(each)
        if abs(len(other) - len(plain)) > allowed:
            continue
        steps = distance(plain, other, allowed)
        if steps <= allowed and (best is None or (steps, each) < best):
            best = (steps, each)
    return best[1] if best is not None else None


def _plain(word: str) -> str:
    return word.lower().replace("-", "").replace("_", "").replace(" ", "")


def distance(one: str, other: str, limit: int) -> int:
    """Letters that have to be put in, left out, changed or swapped with their neighbour; `limit` + 1 for any more."""
    if one == other:
        return 0
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, start=1):
        earlier, before, row = before, row, [i, *([0] * len(other))]
        for j, wanted in enumerate(other, start=1):
            row[j] = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != wanted))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == wanted:
                row[j] = min(row[j], earlier[j - 2] + 1)
        if min(row) > limit:
            return limit + 1
    return row[-1]
