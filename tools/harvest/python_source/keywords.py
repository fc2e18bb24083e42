"""Keys that a function takes out of a dictionary or of its `**kwargs`: `kwargs.pop("…")` and its kin."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tools.harvest.python_source.modules import FunctionRef
from tools.harvest.python_source.values import NotConstant, Values


def taken(node: ast.AST, dictionary: str) -> dict[str, ast.expr | None]:
    """Key -> its default, None where there is none: of every key that is read of this dictionary in a piece of code.

    `dictionary`: how it is spelled there (`kwargs`, `self.fsdp_config`). Order of appearance.
    """
    found: dict[str, ast.expr | None] = {}
    for key, default in _reads(node, dictionary):
        if key not in found or found[key] is None:
            found[key] = default
    return found


def _reads(node: ast.AST, dictionary: str) -> Iterator[tuple[str, ast.expr | None]]:
    for inner in ast.walk(node):
        if isinstance(inner, ast.Call) and isinstance(inner.func, ast.Attribute) and inner.args:
            is_read = inner.func.attr in ("pop", "get", "setdefault") and ast.unparse(inner.func.value) == dictionary
            key = _literal(inner.args[0])
            if is_read and key is not None:
                yield key, inner.args[1] if len(inner.args) > 1 else None
        elif isinstance(inner, ast.Subscript) and isinstance(inner.ctx, ast.Load):
            key = _literal(inner.slice)
            if key is not None and ast.unparse(inner.value) == dictionary:
                yield key, None
        elif isinstance(inner, ast.Compare) and isinstance(inner.ops[0], (ast.In, ast.NotIn)):
            is_asked = ast.unparse(inner.comparators[0]) == dictionary
            key = _literal(inner.left)
            if is_asked and key is not None:
                yield key, None


def taken_in_loops(function: FunctionRef, dictionary: str, values: Values) -> tuple[str, ...]:
    """Keys that a loop over a constant list of names takes: `for name in ["a", "b"]: kwargs.pop(name, None)`."""
    found: dict[str, None] = {}
    constants = {
        node.targets[0].id: node.value
        for node in ast.walk(function.node)
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }
    for node in ast.walk(function.node):
        loops: list[tuple[ast.expr, ast.expr, ast.AST]] = []
        if isinstance(node, ast.For):
            loops.append((node.target, node.iter, node))
        elif isinstance(node, (ast.DictComp, ast.ListComp, ast.SetComp)):
            loops += [(generator.target, generator.iter, node) for generator in node.generators]
        for target, iterated, body in loops:
            listed = constants.get(iterated.id, iterated) if isinstance(iterated, ast.Name) else iterated
            if isinstance(target, ast.Name) and f"{dictionary}.pop({target.id}" in ast.unparse(body):
                try:
                    names = values.constant(listed, function.module)
                except NotConstant:
                    continue
                if isinstance(names, list):
                    found |= dict.fromkeys(name for name in names if isinstance(name, str))
    return tuple(found)


def _literal(node: ast.expr) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None
