"""A level as a plain JSON Schema for other editors: what the releases in use accept, and no more history.

Draft 7, which VS Code's JSON service and yaml-language-server read fully. What a value may be is not worked out a
second time: the judge of our own findings is asked about one value of each kind, so that both say the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from ftlint.checks.schema.fitting import PLACEHOLDER, judge
from ftlint.checks.schema.in_use import ABSENT, Availability, Offer, SchemasInUse
from ftlint.checks.schema.judging import readers_of
from ftlint.checks.schema.shapes import accepted_by
from ftlint.checks.schema.unknown_keys import PRIVATE
from ftlint.knowledge.schemas import Level, Raw
from ftlint.run.fact import Fact, KeyValue
from ftlint.run.key import Key, Section
from ftlint.spans import Location, Span

Plain: TypeAlias = "dict[str, Any]"  # Any: JSON
KeyOf: TypeAlias = "Callable[[KeyValue | Section], Key]"

DRAFT = "http://json-schema.org/draft-07/schema#"
_LIMITS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
_NOWHERE = Location(Path(), Span(0, 0))
# One value of each kind that JSON has; what the judge lets pass of it, the plain schema lets pass.
_SAMPLES: tuple[tuple[str, KeyValue | Section], ...] = (
    ("null", None),
    ("boolean", True),
    ("integer", 3),
    ("number", 3.5),
    ("string", "a text of no kind"),
    ("object", Section.MAPPING),
    ("array", Section.SEQUENCE),
)
# Texts that are numbers or answers, which some readers convert: a name, a sample, and what texts it stands for.
_TEXTS = (
    ("whole_number_as_text", "3", r"^\s*[-+]?\d[\d_]*\s*$"),
    ("point_number_as_text", "3.0", r"^\s*[-+]?\d[\d_]*\.0*\s*$"),
    ("number_as_text", "3.5", r"^\s*[-+]?(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][-+]?\d+)?\s*$"),
    (
        "answer_as_text",
        "true",
        r"^\s*(?:[tT][rR][uU][eE]|[fF][aA][lL][sS][eE]|[yY](?:[eE][sS])?|[nN][oO]?|[oO][nN]|[oO][fF][fF]|[tTfF01])\s*$",
    ),
)
_FILLED_IN = "filled_in_later"
_SHARED = {name: {"type": "string", "pattern": pattern} for name, _, pattern in _TEXTS} | {
    _FILLED_IN: {"type": "string", "pattern": PLACEHOLDER}
}


def plain_schema(levels: tuple[Level, ...], in_use: SchemasInUse, dialect: str) -> Plain:
    """The schema of a document of that dialect, or of a class, that may be of any of these levels at its top."""
    title = f"{dialect}, as ftlint reads it"
    writer = _Writer(in_use, dialect)
    tops = [writer.reference(level) for level in levels]
    writer.finish()
    top: Plain = {"$schema": DRAFT, "title": title}
    top |= {"allOf": tops} if len(tops) == 1 else {"anyOf": tops}
    return {**top, "definitions": {**_SHARED, **dict(sorted(writer.definitions.items()))}}


class _Writer:
    """Writes each level once, and those it refers to until there are no more."""

    def __init__(self, in_use: SchemasInUse, dialect: str) -> None:
        self._dialect = dialect
        self.definitions: dict[str, Plain] = {}
        self._in_use = in_use
        self._names: dict[tuple[str, str], str] = {}
        self._waiting: list[tuple[Level, str]] = []

    def reference(self, level: Level) -> Plain:
        """A reference to that level, which is then written as well."""
        identity = (level.schema.name, level.name)
        if identity not in self._names:
            name = re.sub(r"\W+", "_", f"{level.schema.name}_{level.name}").strip("_")
            while name in self._names.values():
                name += "_"
            self._names[identity] = name
            self._waiting.append((level, name))
        return {"$ref": f"#/definitions/{self._names[identity]}"}

    def finish(self) -> None:
        """Write what is referred to."""
        while self._waiting:
            level, name = self._waiting.pop()
            self.definitions[name] = self._level(level)

    def _level(self, level: Level) -> Plain:
        choices = [*self._replacements(level)]
        own = self._own(level)
        if not choices:
            return own
        # A key inside decides what this is.
        is_another = {"anyOf": [choice["if"] for choice in choices]}
        return {"type": "object", "if": is_another, "then": {"allOf": choices}, "else": own}

    def _own(self, level: Level) -> Plain:
        names = dict.fromkeys(level.names())
        found: Plain = {"type": "object"}
        if isinstance(level.raw.get("description"), str):
            found["description"] = level.raw["description"]
        properties: dict[str, Plain] = {}
        conditions: list[Plain] = []
        for name in names:
            availability = self._in_use.availability(level, name)
            if not availability.offers:
                if availability.unread:
                    properties[name] = {}
                continue
            properties[name] = self._property(level, name, availability)
            conditions += self._choices(level, name)
        found["properties"] = properties
        if conditions:
            found["allOf"] = conditions
        if self._refuses(level):
            found["patternProperties"] = {PRIVATE: {}}
            found["additionalProperties"] = False
        return found

    def _refuses(self, level: Level) -> bool:
        """Whether every release in use raises on a key it does not know, and we know all of them."""
        kinds = [kind for kind in self._in_use.keyword(level, "x-unknown") if kind != ABSENT]
        homes = {each.schema for each in level.family}
        return kinds == ["error"] and not self._in_use.caveat(*homes)

    def _property(self, level: Level, name: str, availability: Availability) -> Plain:
        parts = [self._shape(level, name, offer) for offer in availability.offers]
        distinct = [part for index, part in enumerate(parts) if part not in parts[:index]]
        newest = availability.offers[-1].shape
        found: Plain = dict(distinct[0]) if len(distinct) == 1 else {"anyOf": distinct}
        if isinstance(newest.get("description"), str):
            found["description"] = newest["description"]
        if "default" in newest and newest["default"] is not None:
            found["default"] = newest["default"]
        deprecated = newest.get("x-deprecated")
        if isinstance(deprecated, dict) or newest.get("deprecated") is True:
            by = deprecated.get("by") if isinstance(deprecated, dict) else None
            # No keyword of draft 7; both editors read it and strike the key out.
            found["deprecationMessage"] = f"deprecated; write {by}" if by else "deprecated"
        return found

    def _shape(self, level: Level, name: str, offer: Offer) -> Plain:
        accepted = accepted_by(offer.level, offer.shape)
        if accepted.types is None or "x-read-where" in {**offer.level.raw, **offer.shape}:
            return {}  # what another key of the file decides is left to the rules
        key_of = _keys(name)
        readers = readers_of(level, self._dialect, self._in_use)
        passes = {
            kind: any(judge(offer.level, offer.shape, key_of(value), reader) is None for reader in readers)
            for kind, value in _SAMPLES
        }
        parts: list[Plain] = []
        if accepted.values:
            parts.append({"enum": [value for _, value in sorted(accepted.values, key=repr)]})
            if not passes["string"]:
                parts += self._in_other_letters(offer, accepted.values, readers, key_of)
        parts += [{"type": "string", "pattern": pattern} for pattern in accepted.patterns]
        scalars = [kind for kind in ("null", "boolean", "string") if passes[kind]]
        if passes["number"]:
            scalars.append("number")
        elif passes["integer"] or self._takes_whole_numbers(offer, readers, key_of):
            scalars.append("integer")
        if scalars:
            parts.append({"type": scalars[0] if len(scalars) == 1 else scalars, **self._limits(offer, readers, key_of)})
        if not passes["boolean"] and self._takes(False, offer, readers, key_of):
            parts.append({"enum": [False]})  # `no` without quotes, to YAML
        if "integer" not in scalars and "number" not in scalars and self._takes_answers(offer, readers, key_of):
            parts.append({"enum": [0, 1]})
        if not passes["string"]:
            parts += [
                _shared(text)
                for text, sample, _ in _TEXTS
                if any(judge(offer.level, offer.shape, key_of(sample), reader) is None for reader in readers)
            ]
            parts.append(_shared(_FILLED_IN))
        if passes["object"]:
            parts += self._mappings(offer)
        if passes["array"]:
            parts.append({"type": "array", **self._items(offer)})
        return parts[0] if len(parts) == 1 else {"anyOf": parts}

    def _takes_whole_numbers(self, offer: Offer, readers: tuple[str, ...], key_of: KeyOf) -> bool:
        """Whether some whole number passes where 3 is outside the limits."""
        bounds = [row.get(word) for row in _rows(offer.shape) for word in _LIMITS]
        samples = [bound + step for bound in bounds if isinstance(bound, (int, float)) for step in (-1, 0, 1)]
        return any(
            judge(offer.level, offer.shape, key_of(int(value)), reader) is None
            for value in samples
            for reader in readers
        )

    def _takes_answers(self, offer: Offer, readers: tuple[str, ...], key_of: KeyOf) -> bool:
        """Whether 0 and 1 stand for no and yes."""
        return self._takes(0, offer, readers, key_of) and self._takes(1, offer, readers, key_of)

    def _takes(self, value: KeyValue, offer: Offer, readers: tuple[str, ...], key_of: KeyOf) -> bool:
        return any(judge(offer.level, offer.shape, key_of(value), reader) is None for reader in readers)

    def _limits(self, offer: Offer, readers: tuple[str, ...], key_of: KeyOf) -> Plain:
        """Those limits of the shape that the judge holds numbers to."""
        found: Plain = {}
        for row in _rows(offer.shape):
            for word in _LIMITS:
                bound = row.get(word)
                if not isinstance(bound, (int, float)) or isinstance(bound, bool):
                    continue
                beyond = bound - 1 if word in ("minimum", "exclusiveMinimum") else bound + 1
                if all(judge(offer.level, offer.shape, key_of(beyond), reader) is not None for reader in readers):
                    found[word] = bound
        return found

    def _in_other_letters(
        self, offer: Offer, values: frozenset[tuple[type, object]], readers: tuple[str, ...], key_of: KeyOf
    ) -> Iterator[Plain]:
        """Words of an enumeration in any letters, where the framework does not mind."""
        words = sorted(str(value) for kind, value in values if kind is str and value != "auto")
        swapped = [word.swapcase() for word in words if word.swapcase() != word]
        if swapped and all(
            any(judge(offer.level, offer.shape, key_of(word), reader) is None for reader in readers) for word in swapped
        ):
            letters = "|".join("".join(_either(letter) for letter in word) for word in words)
            yield {"type": "string", "pattern": f"^(?:{letters})$"}

    def _mappings(self, offer: Offer) -> Iterator[Plain]:
        accepted = accepted_by(offer.level, offer.shape)
        if accepted.levels and "x-choose" not in offer.shape:
            yield from (self.reference(each) for each in accepted.levels)
        elif accepted.member_levels:
            members = [self.reference(each) for each in accepted.member_levels]
            yield {"type": "object", "additionalProperties": {"anyOf": [*members, _NO_MAPPING]}}
        else:
            yield {"type": "object"}

    def _items(self, offer: Offer) -> Plain:
        accepted = accepted_by(offer.level, offer.shape)
        if not accepted.item_levels:
            return {}
        return {"items": {"anyOf": [*(self.reference(each) for each in accepted.item_levels), _NO_MAPPING]}}

    def _choices(self, level: Level, name: str) -> Iterator[Plain]:
        """The sections whose keys another key beside them decides: `params` by `type`."""
        for each in level.family:
            raw = each.shape(name)
            choice = raw.get("x-choose") if raw is not None else None
            if isinstance(choice, dict):
                for condition, chosen in self._conditions(each, choice):
                    section = {"anyOf": [self.reference(chosen), _NO_MAPPING]}
                    yield {"if": condition, "then": {"properties": {name: section}}}

    def _replacements(self, level: Level) -> Iterator[Plain]:
        choice = level.raw.get("x-choose")
        if isinstance(choice, dict):
            for condition, chosen in self._conditions(level, choice):
                if chosen is not level:
                    yield {"if": condition, "then": self.reference(chosen)}

    def _conditions(self, level: Level, choice: Raw) -> Iterator[tuple[Plain, Level]]:
        by, known = choice.get("by"), choice.get("levels")
        if not isinstance(by, str) or not isinstance(known, dict):
            return
        for word, reference in known.items():
            chosen = level.schema.referenced(reference) if isinstance(reference, str) else None
            if chosen is not None:
                said: Plain = {"const": word}
                if choice.get("fold") is True:
                    said = {"type": "string", "pattern": f"^{''.join(_either(letter) for letter in word)}$"}
                yield {"properties": {by: said}, "required": [by]}, chosen


def _shared(name: str) -> Plain:
    return {"$ref": f"#/definitions/{name}"}


_NO_MAPPING: Mapping[str, Any] = {"not": {"type": "object"}}


def _rows(shape: Raw) -> Iterator[Raw]:
    yield shape
    checked = shape.get("x-checked")
    yield from (row for row in (checked if isinstance(checked, list) else []) if isinstance(row, dict))


def _either(letter: str) -> str:
    low, high = letter.lower(), letter.upper()
    return re.escape(letter) if low == high else f"[{low}{high}]"


def _keys(name: str) -> KeyOf:
    """Makes keys of that name with a value, as the judge takes them."""

    def key_of(value: KeyValue | Section) -> Key:
        raw = f'"{value}"' if isinstance(value, str) else str(value)
        return Key("plain", (name,), Fact(value), raw, _NOWHERE, _NOWHERE, _NOWHERE)

    return key_of
