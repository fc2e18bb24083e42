"""The outline of a data document: which keys it has where, cheap enough to ask of every file in a tree."""

from __future__ import annotations

from functools import cached_property

from ftlint.syntax.document import DataDocument, DataNode, MappingNode, Scalar
from ftlint.syntax.walk import target_of


class Outline:
    """The first mapping of a document by key names; scalars by their text."""

    def __init__(self, document: DataDocument) -> None:
        self.document = document

    @cached_property
    def top(self) -> dict[str, DataNode | None]:
        """The entries of the topmost mapping, empty where the document is something else."""
        roots = self.document.roots
        return children(roots[0]) if len(roots) == 1 else {}

    def has(self, dotted: str) -> bool:
        """Whether there is a key at that dotted path."""
        return self._entry(dotted) is not _ABSENT

    def text(self, dotted: str) -> str | None:
        """The text of the scalar at that dotted path; None for anything else."""
        node = self._entry(dotted)
        return node.text if isinstance(node, Scalar) else None

    def _entry(self, dotted: str) -> DataNode | object | None:
        level = self.top
        *parents, last = dotted.split(".")
        for name in parents:
            level = children(level.get(name))
        if last not in level:
            return _ABSENT
        value = level[last]
        return target_of(value) if value is not None else None


_ABSENT = object()


def children(node: DataNode | None) -> dict[str, DataNode | None]:
    """A mapping's values by key text, the last of equal keys; empty for anything else."""
    found = target_of(node) if node is not None else None
    if not isinstance(found, MappingNode):
        return {}
    return {entry.key.text: entry.value for entry in found.entries}
