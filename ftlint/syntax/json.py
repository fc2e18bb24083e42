"""JSON text becomes a tree with spans, however half-typed; comments and other hjson habits become faults, not holes.

The parser is ours and not tree-sitter's: a strict file costs one pass without an import, and on broken text we decide
where a value ends (the line, mostly), which for configuration files is what the person meant.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace

from ftlint.spans import Span
from ftlint.syntax.document import (
    Comment,
    DataDocument,
    DataNode,
    Entry,
    FaultCause,
    Format,
    MappingNode,
    Scalar,
    SequenceNode,
    Source,
    Style,
    SyntaxFault,
)
from ftlint.syntax.limits import MAX_DEPTH

_SPACE = re.compile(r"\s*")
_STRING = re.compile(r'"[^"\\\r\n]*(?:\\.[^"\\\r\n]*)*("?)')
_LITERAL = re.compile(
    r"(?:-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?|true|false|null|NaN|-?Infinity)(?![^\s,\]}:#/])"
)
# What strict JSON does not have stays text, and is compiled when it is met.
_GAP = r"(?s:\s+|(?P<comment>#[^\r\n]*|//[^\r\n]*|/\*.*?(?:\*/|\Z)))"
_SINGLE_QUOTED = r"'[^'\\\r\n]*(?:\\.[^'\\\r\n]*)*('?)"
_MULTILINE = r"(?s:'''.*?(?:'''|\Z))"
# hjson's value without quotes goes to the end of the line; we stop earlier, for what is half-typed JSON and not hjson.
_BARE_VALUE = r"(?:(?!//|/\*)[^,\]}\[{\r\n#\"])+"
_BARE_KEY = r"(?:(?!//|/\*)[^,\]}\[{\r\n#\":\s])+"
_COLON_AHEAD = r"\s*:"
_ESCAPE = r"\\(?s:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|.|\Z)"
_SIMPLE_ESCAPES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


def parse_json(source: Source, faults: Sequence[SyntaxFault] = ()) -> DataDocument:
    """The document of a JSON text; `faults` are those already found in its bytes."""
    parser = _Parser(source)
    try:
        roots = parser.document()
    except _TooDeepError as deep:
        message = f"brackets are nested more than {MAX_DEPTH} deep"
        fault = SyntaxFault(source.location(Span(deep.position, deep.position + 1)), message, FaultCause.LIMIT)
        return DataDocument(source, Format.JSON, (), (), (*faults, fault), strict=False)
    own = _worded_as_json_loads(source, parser.faults)
    found = (*faults, *own)
    return DataDocument(source, Format.JSON, roots, tuple(parser.comments), found, strict=not found)


def unescape(content: str) -> str:
    """The text that the inside of a JSON string means; unknown escapes stand for their character."""
    return re.sub(_ESCAPE, _unescaped, content) if "\\" in content else content


def _unescaped(match: re.Match[str]) -> str:
    escape = match[0][1:]
    if len(escape) > 5:
        high, low = int(escape[1:5], 16), int(escape[7:], 16)
        return chr(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00))
    if len(escape) == 5:
        return chr(int(escape[1:], 16))
    return _SIMPLE_ESCAPES.get(escape, escape)


def _worded_as_json_loads(source: Source, faults: dict[FaultCause, SyntaxFault]) -> tuple[SyntaxFault, ...]:
    """Our faults in order of place, the first with what json.loads says; none where json.loads is content."""
    try:
        json.loads(source.text)
    except json.JSONDecodeError as error:
        verdict = f"{error.msg} (line {error.lineno} column {error.colno})"
        place = Span(error.pos, min(error.pos + 1, len(source.text)))
    except (ValueError, RecursionError) as error:  # an integer of more than 4,300 digits
        verdict, place = str(error), Span(0, 0)
    else:
        return ()
    if not faults:
        return (SyntaxFault(source.location(place), f"json.load fails: {verdict}"),)
    first, *rest = sorted(faults.values(), key=lambda fault: fault.location.span)
    return (replace(first, message=f"{first.message}; json.load fails: {verdict}"), *rest)


class _TooDeepError(Exception):
    """More brackets inside each other than we follow."""

    def __init__(self, position: int) -> None:
        self.position = position


class _Parser:
    """One pass over one text. Keeps the first fault of each cause: the later ones mostly follow from it."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.text = source.text
        self.position = 0
        self.comments: list[Comment] = []
        self.faults: dict[FaultCause, SyntaxFault] = {}
        self._closers: list[str] = []

    def document(self) -> tuple[DataNode, ...]:
        """The root, if any."""
        self._skip_gap()
        if self.position == len(self.text):
            self._fault(FaultCause.EMPTY, Span(0, 0), "the file holds no value")
            return ()
        root: DataNode | None
        if self._at_key():
            self._fault(
                FaultCause.UNCLOSED, Span(self.position, self.position + 1), "the braces around the file are missing"
            )
            root = self._members(self.position, closer="")
        else:
            root = self._value()
        self._skip_gap()
        if self.position < len(self.text):
            end = len(self.text.rstrip())
            self._fault(FaultCause.EXTRA_TEXT, Span(self.position, end), "text after the end of the value")
        return () if root is None else (root,)

    def _fault(self, cause: FaultCause, span: Span, message: str) -> None:
        self.faults.setdefault(cause, SyntaxFault(self.source.location(span), message, cause))

    def _peek(self) -> str:
        return self.text[self.position : self.position + 1]

    def _skip_gap(self) -> None:
        """Moves over white space and comments."""
        match = _SPACE.match(self.text, self.position)
        assert match is not None  # the pattern matches the empty text as well
        self.position = match.end()
        if self._peek() not in ("#", "/"):
            return
        gap_pattern = re.compile(_GAP)
        while gap := gap_pattern.match(self.text, self.position):
            if gap["comment"]:
                self._comment(Span(*gap.span()), gap[0])
            self.position = gap.end()

    def _comment(self, span: Span, text: str) -> None:
        from ftlint.syntax.positions import begins_line, ends_line

        alone = begins_line(self.text, span.start) and ends_line(self.text, span.end)
        self.comments.append(Comment(span, text, alone))
        self._fault(FaultCause.COMMENT, span, "JSON has no comments")
        if text.startswith("/*") and (len(text) < 4 or not text.endswith("*/")):
            self._fault(FaultCause.UNCLOSED, span, "this comment is never closed")

    def _at_key(self) -> bool:
        """Whether a key with its colon stands here."""
        if self._peek() in ("{", "["):
            return False
        key = _STRING.match(self.text, self.position) or re.compile(_BARE_KEY).match(self.text, self.position)
        return key is not None and re.compile(_COLON_AHEAD).match(self.text, key.end()) is not None

    def _value(self) -> DataNode | None:
        """The value here; None, without moving, where there is none."""
        character = self._peek()
        if character == '"':
            return self._string(_STRING, Style.DOUBLE_QUOTED)
        if literal := _LITERAL.match(self.text, self.position):
            self.position = literal.end()
            return Scalar(Span(*literal.span()), literal[0], literal[0], Style.PLAIN)
        if character == "{":
            self.position += 1
            return self._members(self.position - 1, closer="}")
        if character == "[":
            return self._array()
        if character == "'":
            return self._single_quoted()
        return self._bare(_BARE_VALUE, "a value without quotes that JSON does not know")

    def _string(self, pattern: re.Pattern[str], style: Style) -> Scalar:
        match = pattern.match(self.text, self.position)
        assert match is not None  # called at a quote, which is all the pattern needs
        span = Span(*match.span())
        content = match[0][1:-1] if match[1] else match[0][1:]
        if not match[1]:
            self._fault(FaultCause.UNCLOSED, span, "this string is never closed")
        self.position = span.end
        return Scalar(span, match[0], unescape(content), style)

    def _single_quoted(self) -> Scalar:
        if multiline := re.compile(_MULTILINE).match(self.text, self.position):
            self.position = multiline.end()
            scalar = Scalar(Span(*multiline.span()), multiline[0], multiline[0].strip("'"), Style.LITERAL)
        else:
            scalar = self._string(re.compile(_SINGLE_QUOTED), Style.SINGLE_QUOTED)
        self._fault(FaultCause.SINGLE_QUOTES, scalar.span, "JSON strings stand in double quotes")
        return scalar

    def _bare(self, pattern: str, message: str) -> Scalar | None:
        match = re.compile(pattern).match(self.text, self.position)
        text = match[0].rstrip() if match else ""
        if not text:
            return None
        span = Span(self.position, self.position + len(text))
        self.position = span.end
        self._fault(FaultCause.UNQUOTED, span, message)
        return Scalar(span, text, text, Style.PLAIN)

    def _open(self, closer: str) -> None:
        if len(self._closers) >= MAX_DEPTH:
            raise _TooDeepError(self.position)
        self._closers.append(closer)

    def _end(self, start: int, closer: str, last: int) -> int | None:
        """Where the collection from `start` ends, if it ends here: by its bracket, another's, or the text's end.

        `last` is where its last child ends; an unclosed collection ends there as well.
        """
        character = self._peek()
        if character and character == closer:
            self.position += 1
            return self.position
        if character and (character not in "]}" or character not in self._closers):
            return None
        if closer:
            self._fault(FaultCause.UNCLOSED, Span(start, start + 1), f"this {self.text[start]!r} is never closed")
        return last

    def _stray(self) -> None:
        """Passes over one character that can begin nothing."""
        self._fault(FaultCause.SYNTAX, Span(self.position, self.position + 1), f"{self._peek()!r} cannot stand here")
        self.position += 1

    def _separator(self, comma: int | None, has_items: bool) -> int | None:
        """The place of the comma here, if any; `comma` is that of the one before it, with nothing in between."""
        if self._peek() != ",":
            return None
        place = self.position
        if comma is not None or not has_items:
            self._fault(FaultCause.SYNTAX, Span(place, place + 1), "a comma with nothing before it")
        self.position += 1
        return place

    def _trailing(self, comma: int | None) -> None:
        if comma is not None:
            self._fault(FaultCause.TRAILING_COMMA, Span(comma, comma + 1), "a comma after the last element")

    def _array(self) -> SequenceNode:
        start = self.position
        self.position += 1
        self._open("]")
        items: list[DataNode] = []
        comma: int | None = None
        while True:
            self._skip_gap()
            if (end := self._end(start, "]", items[-1].span.end if items else start + 1)) is not None:
                break
            if (place := self._separator(comma, bool(items))) is not None:
                comma = place
                continue
            if self._peek() == '"' and "}" in self._closers and self._at_key():
                self._fault(FaultCause.UNCLOSED, Span(start, start + 1), "this '[' is never closed")
                comma, end = None, items[-1].span.end if items else start + 1
                break
            if items and comma is None:
                self._fault(
                    FaultCause.MISSING_COMMA, Span(self.position, self.position + 1), "a comma is missing before this"
                )
            item = self._value()
            if item is None:
                self._stray()
            else:
                items.append(item)
                comma = None
        self._trailing(comma)
        self._closers.pop()
        return SequenceNode(Span(start, end), tuple(items), flow=True)

    def _members(self, start: int, closer: str) -> MappingNode:
        """The entries of an object up to its brace, or of a whole file whose braces are missing (no closer)."""
        self._open(closer)
        entries: list[Entry] = []
        comma: int | None = None
        while True:
            self._skip_gap()
            if (end := self._end(start, closer, entries[-1].span.end if entries else start + len(closer))) is not None:
                break
            if (place := self._separator(comma, bool(entries))) is not None:
                comma = place
                continue
            if entries and comma is None:
                self._fault(
                    FaultCause.MISSING_COMMA, Span(self.position, self.position + 1), "a comma is missing before this"
                )
            key = self._key()
            if key is None:
                self._stray()
            else:
                entries.append(self._entry(key))
                comma = None
        self._trailing(comma)
        self._closers.pop()
        return MappingNode(Span(start, end), tuple(entries), flow=True)

    def _key(self) -> Scalar | None:
        character = self._peek()
        if character == '"':
            return self._string(_STRING, Style.DOUBLE_QUOTED)
        if character == "'":
            return self._single_quoted()
        return self._bare(_BARE_KEY, "a key without quotes")

    def _entry(self, key: Scalar) -> Entry:
        self._skip_gap()
        if self._peek() != ":":
            self._fault(FaultCause.MISSING_VALUE, key.span, f"the key {key.text!r} has no value")
            return Entry(key, None, key.span)
        colon = self.position
        self.position += 1
        self._skip_gap()
        # In `"a": ⏎ "b": 1` the string after the colon is the next line's key, and `a` has no value yet.
        is_next_key = "\n" in self.text[colon : self.position] and self._at_key()
        value = None if is_next_key else self._value()
        if value is None:
            self._fault(FaultCause.MISSING_VALUE, key.span, f"the key {key.text!r} has no value")
            return Entry(key, None, Span(key.span.start, colon + 1))
        return Entry(key, value, Span(key.span.start, value.span.end))
