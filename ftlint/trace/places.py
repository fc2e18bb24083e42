"""Where the objects of a script and their entries are written; values alone do not know, being equal by content."""

from __future__ import annotations

import ast
from collections.abc import Callable

from ftlint.spans import Location
from ftlint.trace.heap import Dictionary, Instance, Record
from ftlint.trace.values import Reference, Value


class WrittenPlaces:
    """One per script; filled while it is read. Objects keep their numbers, so what is read twice is noted once."""

    def __init__(self) -> None:
        self._made: dict[int, Location] = {}
        self._entries: dict[tuple[int, str], tuple[Value, Location]] = {}
        self.loaded_with: dict[int, Reference] = {}
        """The arguments of the calls that loaded models, as dicts."""

    def note(
        self, reference: Reference, record: Record | None, node: ast.AST, locate: Callable[[ast.AST], Location]
    ) -> None:
        """An object is made by that expression; the keywords of a call and the items of a dict are its entries."""
        self._made[reference.id] = locate(node)
        for name, expression in _written(node):
            value = _entry(record, name)
            if value is not None:
                self._entries[reference.id, name] = (value, locate(expression))

    def of(self, value: Value | None) -> Location | None:
        """Where an object was made."""
        return self._made.get(value.id) if isinstance(value, Reference) else None

    def entry(self, value: Value, name: str) -> tuple[Value, Location] | None:
        """What an object got for that entry when it was made, and where that is written."""
        return self._entries.get((value.id, name)) if isinstance(value, Reference) else None


def _entry(record: Record | None, name: str) -> Value | None:
    if isinstance(record, Dictionary):
        return record.entries.get(name)
    return record.attributes.get(name) if isinstance(record, Instance) else None


def _written(node: ast.AST) -> list[tuple[str, ast.expr]]:
    if isinstance(node, ast.Call):
        return [(keyword.arg, keyword.value) for keyword in node.keywords if keyword.arg is not None]
    if isinstance(node, ast.Dict):
        pairs = zip(node.keys, node.values, strict=True)
        return [
            (key.value, item) for key, item in pairs if isinstance(key, ast.Constant) and isinstance(key.value, str)
        ]
    return []
