"""Folds what each release of a package says into one schema with histories, as decision 008 describes it.

A snapshot is one release: level name -> keywords of the level, among them `properties`: key -> shape. Neither knows of
other releases; of `x-deprecated` everything but `since` is said there, and `since` is found here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TypeVar

from ftlint.record import record

Shape = Mapping[str, object]
"""The keywords of one property, or of a level without its properties."""
Level = Mapping[str, object]
Snapshot = Mapping[str, Level]

T = TypeVar("T")

ACCUMULATED = ("x-imports",)
"""Level keywords that only ever grow: a name by which some release knew the class."""


@record
class _Span:
    """Releases, by their place among those read, over which something stayed the same."""

    first: int
    last: int
    shape: dict[str, object]


def fold(releases: Sequence[str], snapshots: Sequence[Snapshot]) -> dict[str, dict[str, object]]:
    """Level name -> the level with its history. `releases`: what was read, oldest first, one snapshot each."""
    names = _in_order([list(snapshot) for snapshot in snapshots])
    return {name: _level(releases, [snapshot.get(name) for snapshot in snapshots]) for name in names}


def _level(releases: Sequence[str], found: Sequence[Level | None]) -> dict[str, object]:
    present = [index for index, level in enumerate(found) if level is not None]
    levels = {index: dict(level) for index, level in enumerate(found) if level is not None}
    properties = {index: _properties(level) for index, level in levels.items()}
    accumulated: dict[str, object] = {}
    for keyword in ACCUMULATED:
        values = {str(value) for level in levels.values() for value in _list(level.pop(keyword, []))}
        if values:
            accumulated[keyword] = sorted(values, key=lambda value: (value.count("."), value))
    spans = _spans(present, levels)
    newest = spans[-1].shape
    result: dict[str, object] = {"type": newest.pop("type", "object"), **accumulated, **newest}
    result |= _window(releases, present, range(len(releases)))
    if was := [_difference(releases, span, newest) for span in spans[:-1]]:
        result["x-was"] = was
    keys = _in_order([list(properties[index]) for index in present])
    result["properties"] = {
        key: _property(releases, present, {i: properties[i][key] for i in present if key in properties[i]})
        for key in keys
    }
    return result


def _properties(level: dict[str, object]) -> dict[str, Shape]:
    found = level.pop("properties", {})
    assert isinstance(found, dict)
    return found


def _list(value: object) -> list[object]:
    assert isinstance(value, (list, tuple))
    return list(value)


def _property(releases: Sequence[str], within: Sequence[int], shapes: Mapping[int, Shape]) -> dict[str, object]:
    """One key. `within`: the releases that have its level, to which its window is relative."""
    present = sorted(shapes)
    result: dict[str, object] = {}
    was: list[object] = []
    spans = _spans(present, {index: dict(shape) for index, shape in shapes.items()})
    since: str | None = None
    for span in spans:
        deprecated = span.shape.get("x-deprecated")
        if deprecated is None:
            since = None
        else:
            assert isinstance(deprecated, Mapping)
            since = since or releases[span.first]
            # From the first release that we read on, a deprecation may be older than it.
            start = {} if since == releases[within[0]] else {"since": since}
            span.shape["x-deprecated"] = {**start, **deprecated}
            span.shape["deprecated"] = True
        if span is spans[-1]:
            result |= span.shape
        else:
            was.append({"until": releases[span.last], **span.shape})
    result |= _window(releases, present, within)
    if was:
        result["x-was"] = was
    return result


def _spans(present: Sequence[int], shapes: Mapping[int, dict[str, object]]) -> list[_Span]:
    """Equal neighbours taken together. Between two neighbours there may be releases that do not have it at all."""
    spans: list[_Span] = []
    for index in present:
        # By their text: False is not 0, 1 is not 1.0.
        if spans and _text(spans[-1].shape) == _text(shapes[index]):
            spans[-1] = _Span(spans[-1].first, index, shapes[index])
        else:
            spans.append(_Span(index, index, shapes[index]))
    return spans


def _text(shape: object) -> str:
    return json.dumps(shape, sort_keys=True)


def _difference(releases: Sequence[str], span: _Span, newest: Shape) -> dict[str, object]:
    """What was otherwise about a level; null: the keyword was not there."""
    keywords = [*newest, *(keyword for keyword in span.shape if keyword not in newest)]
    changed = {
        keyword: span.shape.get(keyword)
        for keyword in keywords
        if _text(span.shape.get(keyword)) != _text(newest.get(keyword))
    }
    return {"until": releases[span.last], **changed}


def _window(releases: Sequence[str], present: Sequence[int], within: Sequence[int]) -> dict[str, object]:
    """`x-since`, `x-until` and `x-absent`, where they say more than what it is part of."""
    window: dict[str, object] = {}
    if present[0] != within[0]:
        window["x-since"] = releases[present[0]]
    if present[-1] != within[-1]:
        window["x-until"] = releases[present[-1]]
    absent: list[list[int]] = []
    places = [index for index in within if present[0] <= index <= present[-1]]
    known = set(present)
    for before, index in zip([None, *places], places, strict=False):
        if index in known:
            continue
        if absent and absent[-1][1] == before:
            absent[-1][1] = index
        else:
            absent.append([index, index])
    if absent:
        window["x-absent"] = [[releases[first], releases[last]] for first, last in absent]
    return window


def _in_order(lists: Sequence[Sequence[T]]) -> list[T]:
    """All names: those of the newest release in its order, then those that only older ones have."""
    return list(dict.fromkeys(name for names in reversed(lists) for name in names))
