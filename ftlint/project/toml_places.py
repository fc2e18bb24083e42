"""Where the keys of a TOML text stand: tomllib reads the values, this scanner only finds their spans.

It trusts that tomllib has accepted the text, and so needs no error handling: keys, strings, brackets and comments are
enough to know where a value ends. `tests/project/test_toml_places.py` holds it against tomllib.
"""

from __future__ import annotations

import re
import sys
from typing import TypeAlias

from ftlint.record import record
from ftlint.spans import Span

TomlPath: TypeAlias = "tuple[str, ...]"  # items of arrays are counted as "0", "1" …

_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_INLINE_BLANK = re.compile(r"[ \t]*")
_KEY_PART = re.compile(r"""[A-Za-z0-9_-]+|"(?:\\.|[^"\\])*"|'[^']*'""")
_STRING = re.compile(
    r'''"""(?:\\.|[^\\])*?"""(?:"{0,2})|\'\'\'.*?\'\'\'(?:'{0,2})|"(?:\\.|[^"\\])*"|'[^']*\'''', re.DOTALL
)
_BARE_VALUE = re.compile(r"[^,\]}#\r\n]+")

_ENDLESS_KEY = r"(?<![\w-])(?:[\w-]+[ \t]*\.[ \t]*){100}"


@record
class TomlPlace:
    """One key: `span` covers key and value as a statement, `value` the value alone. Items of arrays have no key."""

    span: Span
    value: Span


def toml_places(text: str) -> dict[TomlPath, TomlPlace]:
    """The places of all keys and array items of a valid TOML text; a table's place is its first `[header]`."""
    return _Scanner(text).scan()


class _Scanner:
    """One pass over one text."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.offset = 0
        self.places: dict[TomlPath, TomlPlace] = {}
        self.array_lengths: dict[TomlPath, int] = {}

    def scan(self) -> dict[TomlPath, TomlPlace]:
        table: TomlPath = ()
        self._skip(_BLANK)
        while self.offset < len(self.text):
            if self.text[self.offset] == "[":
                table = self._header()
            else:
                self._statement(table)
            self._skip(_BLANK)
        return self.places

    def _header(self) -> TomlPath:
        """`[a.b]` or `[[a.b]]`; the answer counts elements of arrays of tables."""
        start = self.offset
        brackets = 2 if self.text.startswith("[[", start) else 1
        self.offset += brackets
        names = self._key()
        self.offset += brackets
        path = self._inside_arrays(names[:-1]) + names[-1:]
        place = TomlPlace(Span(start, self.offset), Span(start, self.offset))
        self.places.setdefault(path, place)
        if brackets == 1:
            return self._inside_arrays(names)
        index = self.array_lengths.get(path, 0)
        self.array_lengths[path] = index + 1
        element = (*path, str(index))
        self.places[element] = place
        return element

    def _inside_arrays(self, names: TomlPath) -> TomlPath:
        """A table's path, in which a name of an array of tables means its newest element."""
        path: TomlPath = ()
        for name in names:
            path = (*path, name)
            if path in self.array_lengths:
                path = (*path, str(self.array_lengths[path] - 1))
        return path

    def _statement(self, table: TomlPath) -> None:
        """`key = value`."""
        start = self.offset
        path = table + self._key()
        self.offset += 1  # the equals sign
        self._skip(_INLINE_BLANK)
        value = self._value(path)
        self.places[path] = TomlPlace(Span(start, value.end), value)

    def _key(self) -> TomlPath:
        """A dotted key; leaves the offset on what follows it and its blanks."""
        names: list[str] = []
        while True:
            self._skip(_INLINE_BLANK)
            part = self._take(_KEY_PART)
            names.append(_unquoted(part))
            self._skip(_INLINE_BLANK)
            if self.text[self.offset] != ".":
                return tuple(names)
            self.offset += 1

    def _value(self, path: TomlPath) -> Span:
        """Passes over one value and notes the places of what is inside it."""
        start = self.offset
        opening = self.text[start]
        if opening in "\"'":
            self._take(_STRING)
        elif opening == "[":
            self._array(path)
        elif opening == "{":
            self._inline_table(path)
        else:
            self.offset = start + len(self._take(_BARE_VALUE).rstrip(" \t"))
        return Span(start, self.offset)

    def _array(self, path: TomlPath) -> None:
        self.offset += 1
        self._skip(_BLANK)
        index = 0
        while self.text[self.offset] != "]":
            item = (*path, str(index))
            value = self._value(item)
            self.places[item] = TomlPlace(value, value)
            index += 1
            self._skip_comma()
        self.offset += 1

    def _inline_table(self, path: TomlPath) -> None:
        self.offset += 1
        self._skip(_BLANK)
        while self.text[self.offset] != "}":
            self._statement(path)
            self._skip_comma()
        self.offset += 1

    def _skip_comma(self) -> None:
        self._skip(_BLANK)
        if self.text[self.offset] == ",":
            self.offset += 1
            self._skip(_BLANK)

    def _skip(self, pattern: re.Pattern[str]) -> None:
        match = pattern.match(self.text, self.offset)
        assert match is not None, "blanks may be empty"
        self.offset = match.end()

    def _take(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self.text, self.offset)
        if match is None:
            raise ValueError(f"not the TOML that tomllib accepted, at offset {self.offset}")
        self.offset = match.end()
        return match[0]


def is_endless_key(text: str) -> bool:
    """Whether a key has so many dots that tomllib would take seconds: its time grows with their square."""
    return first_endless_key(text) is not None


def first_endless_key(text: str) -> int | None:
    """Where the first such key begins; 20 seconds for 100,000 characters of `a.a.a`."""
    match = re.search(_ENDLESS_KEY, text)
    return match.start() if match else None


def _unquoted(part: str) -> str:
    """The name that one part of a key means."""
    if part.startswith("'"):
        return part[1:-1]
    if not part.startswith('"'):
        return part
    if "\\" not in part:
        return part[1:-1]
    value: str = load_toml(f"x = {part}")["x"]  # type: ignore[assignment]  # a quoted key is a string
    return value


def load_toml(text: str) -> dict[str, object]:
    """What tomllib reads; raises its TOMLDecodeError, which is a ValueError."""
    values: dict[str, object]
    if sys.version_info >= (3, 11):
        import tomllib

        values = tomllib.loads(text)
    else:
        import tomli

        values = tomli.loads(text)
    return values
