"""Text edits that bring a name into a Python text, and what the text calls a module already."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from ftlint.findings import Edit
from ftlint.spans import Span
from ftlint.syntax.document import ScriptCell
from ftlint.syntax.python import span_of


def add_import(cell: ScriptCell, module: str, names: Sequence[str]) -> Edit | None:
    """`from module import names` behind the last import at the top level; None where all of them are there."""
    tree = cell.tree
    if tree is None:
        return None
    missing = [name for name in names if not _is_imported(tree, module, name)]
    if not missing:
        return None
    text, line_end = cell.source.text, line_end_of(cell.source.text)
    statement = f"from {module} import {', '.join(missing)}"
    last = None
    for part in tree.body:
        if isinstance(part, (ast.Import, ast.ImportFrom)):
            last = part
    if last is not None:
        end = text.find("\n", span_of(last, cell.source).end)
        end = len(text) if end < 0 else end - (text[end - 1] == "\r")
        return Edit(cell.source.location(Span(end, end)), f"{line_end}{statement}")
    first = _first_after_docstring(tree)
    start = len(text) if first is None else text.rfind("\n", 0, span_of(first, cell.source).start) + 1
    return Edit(cell.source.location(Span(start, start)), f"{statement}{line_end}")


def name_of(tree: ast.Module, module: str) -> str | None:
    """What a module is called at the top level of a text: `dist` after `import torch.distributed as dist`."""
    package, _, rest = module.partition(".")
    for part in tree.body:
        if isinstance(part, ast.Import):
            for alias in part.names:
                if alias.name == module:
                    return alias.asname or module
        elif isinstance(part, ast.ImportFrom) and not part.level:
            owner, _, last = module.rpartition(".")
            for alias in part.names:
                if part.module == owner and alias.name == last:
                    return alias.asname or last
    for part in tree.body:
        # `import torch` brings `torch.distributed` with it, as torch imports all of its packages.
        if isinstance(part, ast.Import) and rest and any(alias.name == package for alias in part.names):
            alias = next(alias for alias in part.names if alias.name == package)
            return f"{alias.asname or package}.{rest}"
    return None


def line_end_of(text: str) -> str:
    """How a text ends its lines."""
    return "\r\n" if "\r\n" in text else "\n"


def _is_imported(tree: ast.Module, module: str, name: str) -> bool:
    return any(
        isinstance(part, ast.ImportFrom)
        and part.module == module
        and not part.level
        and any(alias.name == name and alias.asname is None for alias in part.names)
        for part in tree.body
    )


def _first_after_docstring(tree: ast.Module) -> ast.stmt | None:
    body = tree.body
    if body and isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
        body = body[1:] if isinstance(body[0].value.value, str) else body
    return body[0] if body else None
