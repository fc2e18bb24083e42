"""The nodes of a script's trees by their class: walked once for all who ask for calls, imports or assignments.

`ast.walk` takes longer over a large file than parsing it does, and a dozen rules each want one kind of node.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import TypeVar

from ftlint.syntax.document import ScriptDocument

N = TypeVar("N", bound=ast.AST)

# Fields that never hold a node anyone asks for: texts and numbers, and how a name or an operator is used.
_LEAVES = frozenset(
    "arg attr asname conversion ctx id is_async kind level module op ops rest simple tag type_comment".split()
)
_inner_fields: dict[type[ast.AST], tuple[str, ...]] = {ast.Constant: ()}


def nodes_below(root: ast.AST) -> list[ast.AST]:
    """A node and all below it, as `ast.walk` orders them; contexts and operators are left out."""
    found = [root]
    for node in found:  # which grows
        fields = _inner_fields.get(node.__class__)
        if fields is None:
            fields = _fields_of(node.__class__)
        for field in fields:
            value = getattr(node, field, None)
            if value.__class__ is list:
                found.extend([item for item in value if isinstance(item, ast.AST)])
            elif isinstance(value, ast.AST):
                found.append(value)
    return found


def _fields_of(kind: type[ast.AST]) -> tuple[str, ...]:
    fields = _inner_fields[kind] = tuple(field for field in kind._fields if field not in _LEAVES)
    return fields


class Nodes:
    """All nodes of some trees. Owned by the cache of this module, and never changed once it is made."""

    __slots__ = ("_by_class", "every")

    def __init__(self, trees: Sequence[ast.AST]) -> None:
        self.every = [node for tree in trees for node in nodes_below(tree)]
        """In the order of `ast.walk`, tree after tree."""
        self._by_class: dict[type[ast.AST], list[ast.AST]] = {}
        by_class = self._by_class
        for node in self.every:
            alike = by_class.get(node.__class__)
            if alike is None:
                by_class[node.__class__] = [node]
            else:
                alike.append(node)

    def of(self, *kinds: type[N]) -> Iterator[N]:
        """Those of exactly these classes, class after class."""
        for kind in kinds:
            yield from self._by_class.get(kind, ())  # type: ignore[misc]  # that is how they were sorted


def nodes_of(document: ScriptDocument) -> Nodes:
    """The nodes of all cells that parse."""
    return _walked(tuple(cell.tree for cell in document.cells if cell.tree is not None))


def nodes_in(tree: ast.AST | None) -> Nodes:
    """The nodes of one cell; none of one that does not parse."""
    return _walked(() if tree is None else (tree,))


@lru_cache(maxsize=8)  # rules go through a project file by file, and trees are large
def _walked(trees: tuple[ast.AST, ...]) -> Nodes:
    return Nodes(trees)
