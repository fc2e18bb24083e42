"""What the names of a script stand for where an import alone decides it."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from functools import lru_cache

from ftlint.record import record
from ftlint.syntax.document import ScriptDocument
from ftlint.syntax.nodes import Nodes, nodes_of

_BINDING: tuple[type[ast.AST], ...] = (
    ast.Import, ast.ImportFrom, ast.Name, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.arg,
    ast.ExceptHandler, ast.MatchAs, ast.MatchStar,
)  # fmt: skip
"""What may bind a name, and is looked at below."""


@record
class Imports:
    """`names`: the dotted origin of each imported name that nothing else binds.

    `rebound`: all origins of those that something else binds too, or that two imports disagree on.
    """

    names: Mapping[str, str]
    rebound: Mapping[str, frozenset[str]]

    def dotted(self, node: ast.expr) -> str | None:
        """`trl.SFTConfig` for an expression that can only mean that."""
        if isinstance(node, ast.Name):
            return self.names.get(node.id)
        if isinstance(node, ast.Attribute) and (owner := self.dotted(node.value)) is not None:
            return f"{owner}.{node.attr}"
        return None


def packages_imported(document: ScriptDocument) -> frozenset[str]:
    """The first words of all that a script imports by absolute names, whatever becomes of the names."""
    nodes = nodes_of(document)
    plain = (alias.name for node in nodes.of(ast.Import) for alias in node.names)
    origins = (node.module or "" for node in nodes.of(ast.ImportFrom) if not node.level)
    return frozenset(name.partition(".")[0] for names in (plain, origins) for name in names)


def imports_of(document: ScriptDocument) -> Imports:
    """The imports of a script; in which scope each stands is not asked."""
    return _imports(nodes_of(document))


@lru_cache(maxsize=8)
def _imports(nodes: Nodes) -> Imports:
    return read_imports(nodes.of(*_BINDING))


def read_imports(nodes: Iterable[ast.AST]) -> Imports:
    """The imports among nodes of a script."""
    imported: dict[str, set[str]] = {}
    bound: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            for alias in node.names:
                name = alias.asname or alias.name.partition(".")[0]
                imported.setdefault(name, set()).add(alias.name if alias.asname else name)
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                module = "." * node.level + (node.module or "")
                imported.setdefault(alias.asname or alias.name, set()).add(f"{module}.{alias.name}")
        elif isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            bound.add(node.id)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            bound.add(node.name)
        elif isinstance(node, ast.arg):
            bound.add(node.arg)
        elif isinstance(node, (ast.ExceptHandler, ast.MatchAs, ast.MatchStar)) and node.name is not None:
            bound.add(node.name)
    names = {name: next(iter(origins)) for name, origins in imported.items() if len(origins) == 1}
    shadowed = {name for name, origins in imported.items() if name in bound or len(origins) > 1}
    return Imports(
        {name: origin for name, origin in names.items() if name not in shadowed},
        {name: frozenset(imported[name]) for name in shadowed},
    )
