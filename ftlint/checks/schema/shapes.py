"""What a property's shape lets pass at a glance: made of the schema when the key is first met, then kept.

This is the quick path: most keys of a file are known in every release and hold a value of the right type.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

from ftlint.knowledge.schemas import Level, Raw, has_history
from ftlint.record import record
from ftlint.run.key import Section

_TYPES: dict[str, frozenset[object]] = {
    "integer": frozenset({int}),
    "number": frozenset({int, float}),
    "string": frozenset({str}),
    "boolean": frozenset({bool}),
    "null": frozenset({type(None)}),
    "object": frozenset({Section.MAPPING}),
    "array": frozenset({Section.SEQUENCE}),
}
_LIMITS: tuple[tuple[str, str, Callable[[float, float], bool]], ...] = (
    ("minimum", "at least", operator.le),
    ("exclusiveMinimum", "more than", operator.lt),
    ("maximum", "at most", operator.ge),
    ("exclusiveMaximum", "less than", operator.gt),
)


@record
class Accepted:
    """What a shape accepts. `types` None: anything; it holds Python types, and sections for what is no scalar.

    `values`: of an enumeration, with their types, since True is no 1. `levels`: the levels that a mapping may be of;
    `item_levels`: those of the mappings in a sequence; `member_levels`: those of a mapping's own values. `has_limits`:
    some values of these types are refused; `bounds`: by these comparisons alone, of the bound with the value.
    `patterns`: texts in which one of these is found are accepted beside `values`. `num_items`: of a list with a fixed
    number of them; 0 where any number will do. `item_types`: of a list's items, where its shape names nothing else.
    """

    types: frozenset[object] | None
    values: frozenset[tuple[type, object]] = frozenset()
    levels: tuple[Level, ...] = ()
    item_levels: tuple[Level, ...] = ()
    member_levels: tuple[Level, ...] = ()
    has_limits: bool = False
    bounds: tuple[tuple[Callable[[float, float], bool], float], ...] | None = None
    patterns: tuple[str, ...] = ()
    num_items: int = 0
    item_types: frozenset[object] = frozenset()

    def lets_pass(self, value: object) -> bool:
        """Whether the value is of the right kind at a glance; where it is not, somebody has to look closer."""
        kind = value if isinstance(value, Section) else type(value)
        if self.types is None or (kind in self.types and self._is_within(value)):
            return True
        if self.patterns and isinstance(value, str) and any(re.search(each, value) for each in self.patterns):
            return True
        return bool(self.values) and not isinstance(value, Section) and (kind, value) in self.values

    def _is_within(self, value: object) -> bool:
        if not self.has_limits:
            return True
        if self.bounds is None or not isinstance(value, (int, float)):
            return False
        return all(fits(bound, value) for fits, bound in self.bounds)


@record
class Property:
    """One key of a level as it is looked up: `is_plain` where it was never anything else in any release.

    `ever`: what it accepted in each of its shapes, where every release has the key and none wants to be rid of it. A
    value that passes in all of them passes whatever release is in use.
    """

    raw: Raw
    accepted: Accepted
    is_plain: bool
    ever: tuple[Accepted, ...] = ()

    def always_lets_pass(self, value: object) -> bool:
        """Whether a scalar passes at a glance in every release there is."""
        return bool(self.ever) and not isinstance(value, Section) and all(each.lets_pass(value) for each in self.ever)


def property_of(level: Level, key: str) -> Property | None:
    """The key in the level itself, without those it builds on; None where no release of it has the key."""
    try:
        return level.compiled[key]  # type: ignore[return-value]  # only this function fills it
    except KeyError:
        pass
    found = None
    raw = level.shape(key)
    if raw is not None:
        is_plain = not has_history(raw) and "x-deprecated" not in raw and "deprecated" not in raw
        accepted = accepted_by(level, raw)
        found = Property(raw, accepted, is_plain and not level.has_history, tuple(_ever(level, raw, accepted)))
    level.compiled[key] = found
    return found


_COMES_OR_GOES = ("x-since", "x-until", "x-absent")


def _ever(level: Level, raw: Raw, accepted: Accepted) -> Iterator[Accepted]:
    shapes = [raw, *(each for each in raw.get("x-was") or () if isinstance(each, dict))]
    if any(word in each for each in (raw, level.raw) for word in _COMES_OR_GOES):
        return
    if any("x-deprecated" in each or "deprecated" in each for each in shapes):
        return
    yield accepted
    yield from (accepted_by(level, each) for each in shapes[1:])


def accepted_by(level: Level, raw: Raw) -> Accepted:
    """What one shape of a key of that level accepts."""
    return _accepted(level, Frozen(raw))


class Frozen:
    """A shape as a key of a cache: by identity, for the schemas are kept as long as the process lives."""

    __slots__ = ("raw",)

    def __init__(self, raw: Raw) -> None:
        self.raw = raw

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Frozen) and other.raw is self.raw

    def __hash__(self) -> int:
        return id(self.raw)


@lru_cache(maxsize=16384)
def _accepted(level: Level, frozen: Frozen) -> Accepted:
    raw = frozen.raw
    bounds = tuple((fits, bound) for _, fits, bound in bounds_of(raw))
    types: set[object] = set()
    values: set[tuple[type, object]] = set()
    levels: list[Level] = []
    items: list[Level] = []
    members: list[Level] = []
    patterns: list[str] = []
    anything = False
    for part in alternatives(raw):
        found = _level(level, part)
        if part.get("x-python") and not _is_looked_up(raw, part):
            anything = True  # objects of a script, of which only their class is known
        elif found is not None:
            levels.append(found)
            types.add(Section.MAPPING)
        elif isinstance(part.get("enum"), list):
            values.update((type(each), each) for each in part["enum"] if not isinstance(each, (list, dict)))
        elif "const" in part:
            values.add((type(part["const"]), part["const"]))
        elif part.get("type") == "string" and isinstance(part.get("pattern"), str):
            patterns.append(part["pattern"])
        elif "type" in part:
            for name in _names(part["type"]):
                types |= _TYPES.get(name, frozenset())
            items += _levels_in(level, part.get("items"))
            members += _levels_in(level, part.get("additionalProperties"))
        else:
            anything = True
    if level.raw.get("x-auto") == "default":
        values.add((str, "auto"))
    return Accepted(
        None if anything else frozenset(types),
        frozenset(values),
        tuple(levels),
        tuple(items),
        tuple(members),
        bool(bounds) or _is_looked_into(raw),
        None if _is_looked_into(raw) else bounds,
        tuple(patterns),
        len(raw["prefixItems"]) if isinstance(raw.get("prefixItems"), list) else 0,
        _item_types(raw),
    )


def _item_types(raw: Raw) -> frozenset[object]:
    """The types of a list's items, where there is one kind of list and its items are plain values."""
    lists = [part.get("items") for part in alternatives(raw) if "array" in _names(part.get("type"))]
    if len(lists) != 1 or not isinstance(lists[0], dict) or set(lists[0]) != {"type"}:
        return frozenset()
    return frozenset().union(*(_TYPES.get(name, frozenset()) for name in _names(lists[0]["type"])))


def bounds_of(raw: Raw) -> Iterator[tuple[str, Callable[[float, float], bool], float]]:
    """The limits of a number, by its schema or by the framework's own code: in words, and how the bound compares."""
    rows = raw.get("x-checked")
    checks = [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
    for shape in (raw, *(row for row in checks if row.get("kind") == "range")):
        for word, said, fits in _LIMITS:
            bound = shape.get(word)
            if isinstance(bound, (int, float)) and not isinstance(bound, bool):
                yield said, fits, bound


def _is_looked_up(raw: Raw, part: Raw) -> bool:
    """Whether the framework looks the value up among words, so that no other object gets past."""
    rows = raw.get("x-checked")
    asks = isinstance(rows, list) and any(isinstance(row, dict) and row.get("kind") == "enum" for row in rows)
    return asks and isinstance(part.get("enum"), list)


def _is_looked_into(raw: Raw) -> bool:
    """Whether the framework asks of what class the value is."""
    rows = raw.get("x-checked")
    return isinstance(rows, list) and any(isinstance(row, dict) and row.get("kind") == "instance" for row in rows)


def alternatives(raw: Raw) -> Iterator[Raw]:
    """The shapes that a value may have, `anyOf` and `oneOf` taken apart."""
    unions = [raw[word] for word in ("anyOf", "oneOf") if isinstance(raw.get(word), list)]
    if not unions:
        yield raw
    for union in unions:
        for part in union:
            yield from alternatives(part if isinstance(part, dict) else {})


def _levels_in(level: Level, raw: object) -> list[Level]:
    if not isinstance(raw, dict):
        return []
    return [found for part in alternatives(raw) if (found := _level(level, part)) is not None]


def _level(level: Level, part: Raw) -> Level | None:
    reference: Any = part.get("$ref")
    return level.schema.referenced(reference) if isinstance(reference, str) else None


def _names(written: object) -> tuple[str, ...]:
    names = written if isinstance(written, list) else [written]
    return tuple(name for name in names if isinstance(name, str))
