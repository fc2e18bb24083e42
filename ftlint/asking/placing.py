"""Where in a file a framework's complaint belongs: at the key it speaks of, as far as its words say which."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ftlint.asking.protocol import Answer
from ftlint.run.key import Key, KeySet, Section
from ftlint.spans import Location

_QUOTED = re.compile(r"['\"`]([^'\"`]+)['\"`]")
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")


def placed(answer: Answer, keys: KeySet, otherwise: Location) -> Iterator[tuple[Location, str]]:
    """Each complaint with its place: the key's value, its name where it is about the name, else `otherwise`.

    A validator gives paths. All others give a sentence, in which the longest key that the file has is looked for.
    """
    if answer.complaints:
        for complaint in answer.complaints:
            key = _deepest(complaint.path, keys)
            yield (otherwise if key is None else _place(key)), complaint.message
        return
    key = _named(answer.message, keys)
    yield (otherwise if key is None else _place(key)), f"{answer.exception}: {answer.message}"


def _deepest(path: tuple[str, ...], keys: KeySet) -> Key | None:
    """The key at a validator's path, which names types and functions as well and may begin inside a section."""
    names = {key.path[-1] for key in keys}
    steps = tuple(step for step in path if step in names)
    while steps:
        ending = [key for key in keys if key.path[-len(steps) :] == steps]
        if ending:
            return min(ending, key=lambda key: len(key.path))
        steps = steps[:-1]
    return None


def _named(message: str, keys: KeySet) -> Key | None:
    """The key whose name the sentence has: the longest name, and of several the one whose value it has as well.

    Without such a name the one key whose value it quotes.
    """
    words = set(_WORD.findall(message))
    named = [key for key in keys if key.path[-1] in words]
    if not named:
        quoted = set(_QUOTED.findall(message))
        valued = [key for key in keys if isinstance(key.fact.value, str) and key.fact.value in quoted]
        return valued[0] if len(valued) == 1 else None
    longest = max(len(key.path[-1]) for key in named)
    best = [key for key in named if len(key.path[-1]) == longest]
    with_value = [key for key in best if key.raw and key.raw.strip("'\"") in message]
    return (with_value or best)[0]


def _place(key: Key) -> Location:
    """The setting; of a whole section only its name."""
    return key.name_location if isinstance(key.fact.value, Section) else key.location
