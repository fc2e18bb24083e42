"""Rewrites the source of single cells inside a notebook's JSON text; all other characters stay as they are."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping

from ftlint.spans import Span
from ftlint.syntax.notebook import source_lines

# Strict JSON only: a notebook that json.loads rejects has no cells, so no edits.
_STRING = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_STRING_OR_BRACKET = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[\[\]{}]', re.DOTALL)
_BARE = re.compile(r"[^\s,\]}]+")
_PUNCTUATION = re.compile(r"[\s,:]*")
_ESCAPED_CHARACTER = re.compile(r"(?<!\\)(?:\\\\)*\\u(?!00[01])[0-9a-fA-F]{4}")


def with_sources(text: str, sources: Mapping[int, str]) -> str:
    """The notebook's text with other sources for some cells, named by their 1-based positions among all cells."""
    spans = _source_spans(text)
    escape = _escapes(text)
    pieces: list[str] = []
    done = 0
    for number, source in sorted(sources.items()):
        span = spans[number]
        pieces += [text[done : span.start], _rewritten(text, span, source, escape)]
        done = span.end
    return "".join([*pieces, text[done:]])


def _escapes(text: str) -> bool:
    """Whether the file's writer escapes what is not ASCII; Jupyter does not."""
    return text.isascii() and _ESCAPED_CHARACTER.search(text) is not None


def _source_spans(text: str) -> dict[int, Span]:
    """Where the value of each cell's `source` (`input` in format 3) stands, by the cell's position."""
    spans: dict[int, Span] = {}
    root = _members(text, _skip_gap(text, 0))
    sheets: list[dict[str, Span]] = [root]
    if "cells" not in root and "worksheets" in root:
        sheets = [_members(text, sheet.start) for sheet in _items(text, root["worksheets"].start)]
    number = 0
    for sheet in sheets:
        for cell in _items(text, sheet["cells"].start) if "cells" in sheet else ():
            number += 1
            if text[cell.start] == "{":
                members = _members(text, cell.start)
                span = members.get("source", members.get("input"))
                if span is not None:
                    spans[number] = span
    return spans


def _skip_gap(text: str, position: int) -> int:
    match = _PUNCTUATION.match(text, position)
    return match.end() if match else position


def _value_end(text: str, start: int) -> int:
    """Where the value that begins at `start` ends."""
    if text[start] == '"':
        match = _STRING.match(text, start)
        return match.end() if match else len(text)
    if text[start] not in "[{":
        match = _BARE.match(text, start)
        return match.end() if match else len(text)
    depth = 0
    for match in _STRING_OR_BRACKET.finditer(text, start):
        if match[0] in ("[", "{"):
            depth += 1
        elif match[0] in ("]", "}"):
            depth -= 1
            if depth == 0:
                return match.end()
    return len(text)


def _items(text: str, start: int) -> Iterator[Span]:
    """The items of the array at `start`."""
    if text[start] != "[":
        return
    position = _skip_gap(text, start + 1)
    while text[position] != "]":
        end = _value_end(text, position)
        yield Span(position, end)
        position = _skip_gap(text, end)


def _members(text: str, start: int) -> dict[str, Span]:
    """The values of the object at `start`; of equal keys the last, as json.loads has it."""
    members: dict[str, Span] = {}
    position = _skip_gap(text, start + 1)
    while text[position] != "}":
        key_end = _value_end(text, position)
        key: str = json.loads(text[position:key_end])
        value_start = _skip_gap(text, key_end)
        value_end = _value_end(text, value_start)
        members[key] = Span(value_start, value_end)
        position = _skip_gap(text, value_end)
    return members


def _rewritten(text: str, span: Span, source: str, escape: bool) -> str:
    """The value at `span` for another source: a string stays a string, a list a list in its layout."""
    if text[span.start] != "[":
        return json.dumps(source, ensure_ascii=escape)
    old = [
        (str(json.loads(text[item.start : item.end])), text[item.start : item.end]) for item in _items(text, span.start)
    ]
    lines = _lines_around_change(old, source, escape)
    if not lines:
        return "[]"
    first_item = next(_items(text, span.start), None)
    if first_item is None:
        opening, separator, closing = _layout_of_new_list(text, span)
    else:
        opening = text[span.start + 1 : first_item.start]
        last_item = list(_items(text, span.start))[-1]
        closing = text[last_item.end : span.end - 1]
        separator = f",{opening}" if "\n" in opening else ", "
    return f"[{opening}{separator.join(lines)}{closing}]"


def _lines_around_change(old: list[tuple[str, str]], source: str, escape: bool) -> list[str]:
    """The new items as JSON: those before and after the change as they were written, what is between anew."""
    before = start = 0
    while before < len(old) and old[before][0].endswith("\n") and source.startswith(old[before][0], start):
        start += len(old[before][0])
        before += 1
    after, end = len(old), len(source)
    while after > before and source.endswith(old[after - 1][0], start, end):
        candidate = end - len(old[after - 1][0])
        if candidate > start and source[candidate - 1] != "\n":
            break  # the item would begin in the middle of a line
        after, end = after - 1, candidate
    changed = [json.dumps(line, ensure_ascii=escape) for line in source_lines(source[start:end])]
    return [*(raw for _, raw in old[:before]), *changed, *(raw for _, raw in old[after:])]


def _layout_of_new_list(text: str, span: Span) -> tuple[str, str, str]:
    """What stands before, between and after the items of a list that had none, in a file indented like this one."""
    line_start = text.rfind("\n", 0, span.start) + 1
    line = text[line_start : span.start]
    indent = line[: len(line) - len(line.lstrip())]
    if not line_start or not indent:
        return "", ", ", ""
    line_end = "\r\n" if "\r\n" in text else "\n"
    unit = indent[: max(len(indent) // 3, 1)]  # the key stands three levels deep: file, cells, cell
    return f"{line_end}{indent}{unit}", f",{line_end}{indent}{unit}", f"{line_end}{indent}"
