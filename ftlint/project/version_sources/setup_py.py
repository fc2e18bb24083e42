"""setup.py: `install_requires` and `extras_require` where they are written as texts; nothing of it is run.

A table of requirements that is looked into by name (`deps["trl"]`, `deps_list("trl", "peft")`) is computed, but what it
holds under a name is the one requirement of that name that the file writes down in a list.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping

from ftlint.project.specifiers import normalised_name
from ftlint.project.version_sources.lists import answer_of_lists, demands_of
from ftlint.project.version_sources.requirement_text import mention_of, parsed_requirement
from ftlint.project.version_sources.source import LONGEST_LINE, NOTHING_SAID, Answer, Problem, SourceFile
from ftlint.record import record
from ftlint.spans import Location
from ftlint.syntax.document import Format, ScriptCell, ScriptDocument


@record
class _Setup:
    """The cell of a setup.py and what its `setup(…)` is given, with names assigned once filled in.

    `table`: the requirements in the file's lists by their package, those that are there once.
    """

    cell: ScriptCell
    required: tuple[ast.expr, ...]
    extras: tuple[tuple[ast.expr, ...], ...]
    table: Mapping[str, ast.Constant]


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
            given = {keyword.arg: keyword.value for keyword in node.keywords}
            extras = tuple(tuple(_items(value, names)) for value in _extras(given.get("extras_require"), tree, names))
            required = given.get("install_requires")
            return _Setup(document.cells[0], tuple(_items(required, names)), extras, _table(tree))
    return None


def _extras(node: ast.expr | None, tree: ast.Module, names: Mapping[str, ast.expr]) -> Iterator[ast.expr]:
    """The lists of a dict of extras, and those put into it by name."""
    found = _behind(node, names) if node is not None else None
    yield from found.values if isinstance(found, ast.Dict) else ()
    for statement in tree.body if isinstance(node, ast.Name) else ():
        target = statement.targets[0] if isinstance(statement, ast.Assign) else None
        if isinstance(target, ast.Subscript) and isinstance(target.value, ast.Name) and isinstance(node, ast.Name):
            yield from (statement.value,) if target.value.id == node.id and isinstance(statement, ast.Assign) else ()


def _table(tree: ast.Module) -> dict[str, ast.Constant]:
    texts = (
        (text.value, text)
        for statement in tree.body
        if isinstance(statement, ast.Assign) and isinstance(statement.value, (ast.List, ast.Tuple))
        for text in statement.value.elts
        if isinstance(text, ast.Constant) and isinstance(text.value, str)
    )
    found: dict[str, list[ast.Constant]] = {}
    for text, node in texts:
        parsed = parsed_requirement(text) if len(text) <= LONGEST_LINE else None
        if parsed is not None:
            found.setdefault(parsed.package, []).append(node)
    return {package: written[0] for package, written in found.items() if len(written) == 1}


def _assigned_once(tree: ast.Module) -> dict[str, ast.expr]:
    found: dict[str, list[ast.expr]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                found.setdefault(target.id if isinstance(target, ast.Name) else "", []).append(node.value)
        elif isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
            found.setdefault(node.target.id, []).append(node.value)
    return {name: values[0] for name, values in found.items() if len(values) == 1}


def _behind(node: ast.expr, names: Mapping[str, ast.expr]) -> ast.expr:
    return names.get(node.id, node) if isinstance(node, ast.Name) else node


def _items(node: ast.expr | None, names: Mapping[str, ast.expr]) -> Iterator[ast.expr]:
    """The items of a list; of two that are added, of both."""
    found = _behind(node, names) if node is not None else None
    if isinstance(found, (ast.List, ast.Tuple, ast.Set)):
        yield from found.elts
    elif isinstance(found, ast.BinOp) and isinstance(found.op, ast.Add):
        yield from _items(found.left, {})
        yield from _items(found.right, {})
    elif found is not None:
        yield found


def _texts(setup: _Setup, nodes: tuple[ast.expr, ...]) -> Iterator[tuple[str, Location]]:
    from ftlint.syntax.python import span_of

    source = setup.cell.source
    for node in nodes:
        written = [node] if isinstance(node, ast.Constant) else [setup.table.get(name) for name in _names_in(node)]
        for text in written:
            if text is not None and isinstance(text.value, str):
                yield text.value, source.location(span_of(text, source))


def _names_in(node: ast.expr) -> Iterator[str]:
    """The packages that are looked up: `deps["trl"]`, `deps_list("trl", "peft")`."""
    asked = [node.slice] if isinstance(node, ast.Subscript) else node.args if isinstance(node, ast.Call) else []
    for item in asked:
        if isinstance(item, ast.Constant) and isinstance(item.value, str):
            yield normalised_name(item.value)
