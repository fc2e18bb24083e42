"""Where the objects of a script and their entries are written; values alone do not know, being equal by content."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from ftlint.spans import Location
from ftlint.syntax.document import Source
from ftlint.syntax.python import span_of
from ftlint.trace.heap import Dictionary, Instance, Record
from ftlint.trace.sharding import Site
from ftlint.trace.values import Reference, Value


@dataclass(frozen=True, slots=True)
class Place:
    """An expression in a text. Its location is worked out when somebody asks: most are never asked for."""

    source: Source
    node: ast.AST

    @property
    def location(self) -> Location:
        """Where it stands."""
        return self.source.location(span_of(self.node, self.source))


class WrittenPlaces:
    """One per script; filled while it is read. Objects keep their numbers, so what is read twice is noted once."""

    def __init__(self) -> None:
        self._made: dict[int, tuple[Place, Record | None]] = {}
        self._entries: dict[tuple[int, str], dict[Value, Place]] = {}
        self.handed_away: set[int] = set()
        """Modules that a function of another file was given, on whatever path: it may have frozen or adapted them."""
        self.loaded_with: dict[int, Reference] = {}
        """The arguments of the calls that loaded models."""

    def note(self, reference: Reference, record: Record | None, place: Place) -> None:
        """An object is made by that expression; the keywords of a call and the items of a dict are its entries."""
        self._made[reference.id] = (place, record)

    def note_entry(self, reference: Reference, name: str, value: Value, place: Place) -> None:
        """An object gets an entry from somewhere else: a later assignment, or a dict behind `**`."""
        # Paths of a script that are followed side by side may give it different values.
        self._entries.setdefault((reference.id, name), {})[value] = place

    def of(self, value: Value | None) -> Location | None:
        """Where an object was made."""
        made = self._made.get(value.id) if isinstance(value, Reference) else None
        return made[0].location if made is not None else None

    def call_of(self, value: Value | None) -> Site | None:
        """The call that made an object."""
        made = self._made.get(value.id) if isinstance(value, Reference) else None
        if made is None or not isinstance(made[0].node, ast.Call):
            return None
        return Site(made[0].source, made[0].node)

    def entry(self, owner: Value | None, name: str, value: Value) -> Place | None:
        """Where it is written that an object has that value for that entry."""
        if not isinstance(owner, Reference):
            return None
        noted = self._entries.get((owner.id, name), {}).get(value)
        if noted is not None or owner.id not in self._made:
            return noted
        place, record = self._made[owner.id]
        written = _written(place.node, name)
        return Place(place.source, written) if written is not None and _value(record, name) == value else None


def _value(record: Record | None, name: str) -> Value | None:
    if isinstance(record, Dictionary):
        return record.entries.get(name)
    return record.attributes.get(name) if isinstance(record, Instance) else None


def _written(node: ast.AST, name: str) -> ast.expr | None:
    if isinstance(node, ast.Call):
        return next((keyword.value for keyword in node.keywords if keyword.arg == name), None)
    if isinstance(node, ast.Dict):
        pairs = zip(node.keys, node.values, strict=True)
        items = [item for key, item in pairs if isinstance(key, ast.Constant) and key.value == name]
        return items[-1] if items else None  # of two, the later one holds
    return None
