"""setup.py: `install_requires` and `extras_require` where they are written as texts; nothing of it is run."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from ftlint.project.version_sources.lists import answer_of_lists, demands_of
from ftlint.project.version_sources.requirement_text import mention_of
from ftlint.project.version_sources.source import NOTHING_SAID, Answer, Problem, SourceFile
from ftlint.record import record
from ftlint.spans import Location
from ftlint.syntax.document import Format, ScriptCell, ScriptDocument


@record
class _Setup:
    """The cell of a setup.py and what its `setup(…)` is given, with names assigned once filled in."""

    cell: ScriptCell
    required: tuple[ast.expr, ...]
    extras: tuple[tuple[ast.expr, ...], ...]


def answer(file: SourceFile, package: str) -> Answer:
    """What the project asks for, and its extras. What is computed is passed over: it cannot be seen."""
    if not mention_of(package).search(file.text):
        return NOTHING_SAID
    setup = file.once(_setup)
    if isinstance(setup, Problem):
        return Answer(problems=(setup,))
    if setup is None:
        return NOTHING_SAID
    return answer_of_lists(
        demands_of(_texts(setup, setup.required), package),
        (demands_of(_texts(setup, extra), package) for extra in setup.extras),
    )


def _setup(file: SourceFile) -> _Setup | Problem | None:
    from ftlint.syntax import parse_text

    document = parse_text(file.path, file.text, Format.PYTHON)
    assert isinstance(document, ScriptDocument), "Python is a script"
    faults = (*document.faults, *(fault for cell in document.cells for fault in cell.faults))
    tree = document.cells[0].tree if document.cells else None
    if tree is None:
        place = faults[0].location if faults else file.location(0, 0)
        return Problem(place, f"cannot be read: {faults[0].message if faults else 'it is no Python'}")
    names = _assigned_once(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] == "setup":
            given = {keyword.arg: _behind(keyword.value, names) for keyword in node.keywords}
            extras = given.get("extras_require")
            values = extras.values if isinstance(extras, ast.Dict) else []
            return _Setup(
                document.cells[0],
                _items(given.get("install_requires")),
                tuple(_items(_behind(value, names)) for value in values),
            )
    return None


def _assigned_once(tree: ast.Module) -> dict[str, ast.expr]:
    found: dict[str, list[ast.expr]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                found.setdefault(target.id if isinstance(target, ast.Name) else "", []).append(node.value)
        elif isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
            found.setdefault(node.target.id, []).append(node.value)
    return {name: values[0] for name, values in found.items() if len(values) == 1}


def _behind(node: ast.expr, names: dict[str, ast.expr]) -> ast.expr:
    return names.get(node.id, node) if isinstance(node, ast.Name) else node


def _items(node: ast.expr | None) -> tuple[ast.expr, ...]:
    return tuple(node.elts) if isinstance(node, (ast.List, ast.Tuple, ast.Set)) else (node,) if node else ()


def _texts(setup: _Setup, nodes: tuple[ast.expr, ...]) -> Iterator[tuple[str, Location]]:
    from ftlint.syntax.python import span_of

    source = setup.cell.source
    for node in nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value, source.location(span_of(node, source))
