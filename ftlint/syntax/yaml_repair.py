"""Mends a YAML text where PyYAML stumbles, so that one half-typed line does not hide the keys around it."""

from __future__ import annotations

import re
from bisect import bisect_left
from typing import TYPE_CHECKING

from ftlint.record import record
from ftlint.spans import Span
from ftlint.syntax.document import FaultCause

if TYPE_CHECKING:
    from yaml.error import YAMLError

_LINE_BREAK = re.compile("[\r\n\x85\u2028\u2029]")
_LINE = re.compile("[^\r\n\x85\u2028\u2029]*")
# What libyaml calls a character that YAML forbids.
_FORBIDDEN = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]|\ufeff")
_KEY = re.compile(r"[ \t]*(?:-[ \t]+)*(?:[^\s'\"#{\[&*!|>%@`,-][^:#]*|'[^']*'|\"[^\"]*\")[ \t]*:(?=[ \t])")
_COLON = re.compile(r":\s")
_BARE_WORD = re.compile(r"[\w.\-/]+[ \t]*$")

_NO_KEY = "this line is neither a `key: value` nor part of a value"
_PLAIN_WORDS = {
    "could not find expected ':'": _NO_KEY,
    "mapping values are not allowed in this context": "a second `: ` in one line; quote a value that contains one",
    "mapping values are not allowed here": "a second `: ` in one line; quote a value that contains one",
    "did not find expected key": "this does not continue the block above; look at its indentation",
    "did not find expected '-' indicator": "this does not continue the list above; look at its indentation",
    "found unexpected end of stream": "this quote is never closed",
    "did not find expected ',' or ']'": "this '[' is never closed, or a comma is missing",
    "did not find expected ',' or '}'": "this '{' is never closed, or a comma is missing",
    "block sequence entries are not allowed in this context": "a list item cannot stand here",
    "did not find expected node content": "a value was expected here",
}
_AT_CONTEXT = (
    "while scanning a simple key",
    "while scanning a quoted scalar",
    "while parsing a flow",
    "while parsing a tag",
)


@record
class Stumble:
    """Where PyYAML gives up: `problem` and `context` are offsets into the source, `context` -1 where it names none."""

    message: str
    cause: FaultCause
    problem: int
    context: int
    context_words: str

    def span(self, text: str) -> Span:
        """What to show: the rest of the line that has to change."""
        start = min(self.place, len(text))
        match = _LINE.match(text, start)
        line = match[0].rstrip() if match else ""
        return Span(start, start + len(line)) if line else Span(max(start - 1, 0), start)

    @property
    def place(self) -> int:
        """Where the mistake stands: what was begun and not finished, else what could not be read on."""
        return self.context if self.context >= 0 and self.context_words.startswith(_AT_CONTEXT) else self.problem


class Mended:
    """A text with some characters blanked and some colons put in, and the way back to the offsets of the source."""

    __slots__ = ("insertions", "text")

    def __init__(self, text: str, insertions: tuple[int, ...] = ()) -> None:
        self.text = text
        self.insertions = insertions
        """Offsets into `text` of the characters that the source does not have, in order."""

    def to_source(self, offset: int) -> int:
        """An offset into `text` as one into the source."""
        return offset - bisect_left(self.insertions, offset) if self.insertions else offset

    def from_source(self, offset: int) -> int:
        """The other way round; before an inserted character, where both are possible."""
        for insertion in self.insertions:
            if insertion < offset:
                offset += 1
        return offset

    def is_insertion(self, offset: int) -> bool:
        """Whether an inserted character stands just before this offset into `text`."""
        return offset - 1 in self.insertions

    def with_blank(self, start: int, end: int) -> Mended:
        """The text with spaces from `start` to `end`."""
        inside = [place for place in self.insertions if start <= place < end]
        if inside:  # a mended line that still stumbles: take the characters out again with the rest
            kept = "".join(char for place, char in enumerate(self.text) if place not in inside)
            shift = {place: bisect_left(inside, place) for place in (*self.insertions, end)}
            insertions = tuple(place - shift[place] for place in self.insertions if place not in inside)
            return Mended(kept, insertions).with_blank(start, end - shift[end])
        return Mended(self.text[:start] + " " * (end - start) + self.text[end:], self.insertions)

    def with_colon(self, place: int) -> Mended:
        """The text with a colon put in at `place`."""
        before = [other for other in self.insertions if other < place]
        after = [other + 1 for other in self.insertions if other >= place]
        return Mended(f"{self.text[:place]}:{self.text[place:]}", (*before, place, *after))


def stumble_of(error: YAMLError, mended: Mended) -> Stumble:
    """What PyYAML's exception says, in plain words and in offsets of the source."""
    problem_mark = getattr(error, "problem_mark", None)
    if problem_mark is None:  # a ReaderError, whose position counts other things than characters
        forbidden = _FORBIDDEN.search(mended.text)
        place = mended.to_source(forbidden.start()) if forbidden else 0
        name = f"U+{ord(forbidden[0]):04X}" if forbidden else "some"
        return Stumble(f"YAML allows no {name} character", FaultCause.FORBIDDEN_CHARACTER, place, -1, "")
    context_mark = getattr(error, "context_mark", None)
    words: str = getattr(error, "problem", None) or "YAML syntax error"
    context: str = getattr(error, "context", None) or ""
    problem = min(problem_mark.index, len(mended.text))
    cause, message = FaultCause.SYNTAX, _PLAIN_WORDS.get(words, words)
    if "cannot start any token" in words:
        character = mended.text[problem : problem + 1]
        message = f"{character!r} cannot begin a value; quote it"
        if character == "\t":
            cause, message = FaultCause.TAB, "a tab cannot indent YAML; use spaces"
    elif words.startswith(("mapping values are not", "did not find expected <document start>")):
        # A line without a colon above the first key, which then reads as if it went on with that line.
        line_start, _ = _line_at(mended.text, problem)
        above = _line_with_text_above(mended.text, line_start)
        if above is not None and not _COLON.search(mended.text, line_start, problem):
            problem, message = above, _NO_KEY
    elif context.startswith(("while scanning a quoted", "while parsing a flow")):
        cause = FaultCause.UNCLOSED
    detail = f"{context}: {words}" if context else words
    return Stumble(
        f"{message}; PyYAML fails: {detail}",
        cause,
        mended.to_source(problem),
        -1 if context_mark is None else mended.to_source(min(context_mark.index, len(mended.text))),
        context,
    )


def mend(mended: Mended, stumble: Stumble) -> Mended | None:
    """The text without what PyYAML stumbled over; None where nothing is left to take away."""
    text = mended.text
    if stumble.cause is FaultCause.FORBIDDEN_CHARACTER:
        return Mended(_FORBIDDEN.sub(" ", text), mended.insertions) if _FORBIDDEN.search(text) else None
    place = mended.from_source(stumble.place)
    start, end = _line_at(text, place)
    if not text[start:end].strip():
        # The fault shows only behind the line that has it: go back to the last line with text.
        stripped = len(text[:start].rstrip())
        if not stripped:
            return None
        start, end = _line_at(text, stripped)
        place = start
    if stumble.message.startswith(_NO_KEY) and (word := _BARE_WORD.match(text, place, end)):
        colon = place + len(word[0].rstrip())
        if not mended.is_insertion(colon) and text[start:place].strip() in ("", "-"):
            return mended.with_colon(colon)
    key = _KEY.match(text, start, end)
    if key and key.end() <= place and text[key.end() : end].strip():
        return mended.with_blank(key.end(), end)  # keeps the key, without its value
    return mended.with_blank(start, end)


def _line_with_text_above(text: str, line_start: int) -> int | None:
    """Where the text begins of the last line before this one that has any, comments aside."""
    while line_start > 0:
        line_start, line_end = _line_at(text, line_start - 1)
        line = text[line_start:line_end]
        content = line.lstrip()
        if content and not content.startswith("#"):
            return line_end - len(content)
    return None


def _line_at(text: str, place: int) -> tuple[int, int]:
    """Start and end of the line around `place`."""
    start = place
    while start > 0 and not _LINE_BREAK.match(text, start - 1):
        start -= 1
    match = _LINE.match(text, place)
    return start, match.end() if match else place
