"""Names of files: whether two are the same, and how one ends, as far as a script shows it."""

from __future__ import annotations

import ast
from collections.abc import Hashable

from ftlint.trace.machine import Machine
from ftlint.trace.values import Constant, Opaque, Value

SAFETENSORS = ".safetensors"
_DEPTH = 4


def path_key(path: Value | None) -> Hashable:
    """What stands for a file's name; None where nothing does."""
    if isinstance(path, Constant) and isinstance(path.value, str):
        return path
    return path.key if isinstance(path, Opaque) else None


def ends_in(machine: Machine, value: Value | None, expression: ast.expr | None, ending: str) -> bool:
    """Whether a file's name ends so: the value where it is known, else the end of what it is put together from."""
    if isinstance(value, Constant):
        return isinstance(value.value, str) and value.value.endswith(ending)
    return expression is not None and _ends_in(machine, expression, ending, _DEPTH)


def _ends_in(machine: Machine, node: ast.expr, ending: str, depth: int) -> bool:
    if isinstance(node, ast.Constant):
        return isinstance(node.value, str) and node.value.endswith(ending)
    if not depth:
        return False
    last: ast.expr | None = None
    if isinstance(node, ast.Name):
        last = machine.written_as.get((machine.frame.source, node.id))
    elif isinstance(node, ast.JoinedStr) and node.values:
        last = node.values[-1]
    elif isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Div)):
        last = node.right
    elif isinstance(node, ast.Call) and node.args and not node.keywords:
        last = node.args[-1]  # `os.path.join(…)`, `Path(…)`, `str(…)`
    return last is not None and _ends_in(machine, last, ending, depth - 1)
