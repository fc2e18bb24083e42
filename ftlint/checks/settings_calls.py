"""What a script assigns to plain names, and where it builds the settings of a run; read off its tree."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TypeAlias

from ftlint.knowledge.arguments import SettingsClass, arguments, settings_classes
from ftlint.record import record
from ftlint.syntax.document import ScriptDocument, Source
from ftlint.syntax.imports import Imports, imports_of, packages_imported
from ftlint.syntax.mentions import Place
from ftlint.syntax.nodes import nodes_of
from ftlint.syntax.python import span_of

Path: TypeAlias = tuple[tuple[str, tuple[int, ...]], ...]
"""The way from the script's first level down to a statement: the block's name, and the position in it."""


@record
class Stand:
    """Where in a script something stands. `scopes`: the functions and classes around it, outermost first."""

    place: Place
    source: Source
    path: Path
    scopes: tuple[ast.AST, ...]

    def is_seen_from(self, other: Stand) -> bool:
        """Whether what is bound here is bound wherever `other` runs: a later statement of the same block, or in one."""
        depth = len(self.path) - 1
        if len(other.path) <= depth or self.path[:depth] != other.path[:depth]:
            return False
        (block, position), (other_block, other_position) = self.path[depth], other.path[depth]
        return block == other_block and position < other_position

    def may_be_meant_for(self, other: Stand) -> bool:
        """Whether a name bound here could be read there: in the same scope later on, or in a function inside it."""
        if self.scopes != other.scopes[: len(self.scopes)]:
            return False
        return self.order < other.order or len(other.scopes) > len(self.scopes)

    def is_overwritten_by(self, other: Stand) -> bool:
        """Whether what is bound there holds in the end, whichever way was taken here: not from another branch."""
        depth = len(other.path) - 1
        same_block = other.path[:depth] == self.path[:depth] and other.path[depth][0] == self.path[depth][0]
        return self.scopes == other.scopes and self.order < other.order and same_block

    @property
    def order(self) -> tuple[int, int]:
        """Where it stands in the script, to sort by."""
        return self.place.cell, self.place.offset


@record
class Assigned:
    """A literal that is given to a name outside classes."""

    name: str
    value: object
    node: ast.expr
    target: ast.Name
    stand: Stand


@record
class Built:
    """A call of a settings class that says by name, and in full, what it passes."""

    settings_class: SettingsClass
    call: ast.Call
    stand: Stand


@record
class ScriptSettings:
    """`built`: calls that show all they pass. `open`: classes it also uses in ways we do not see through.

    `bindings`: how often each name is bound, in whatever scope and way.
    """

    imports: Imports
    assigned: tuple[Assigned, ...]
    built: tuple[Built, ...]
    open: tuple[SettingsClass, ...]
    bindings: Mapping[str, int]


def builds_settings(document: ScriptDocument) -> bool:
    """Whether the script may build settings at all: it calls something by the name of such a class."""
    packages = {settings_class.package for settings_class in settings_classes().values()}
    if packages.isdisjoint(packages_imported(document)):
        return False
    imports = imports_of(document)
    return any(_settings_class(call.func, imports) is not None for call in nodes_of(document).of(ast.Call))


def read_settings(document: ScriptDocument) -> ScriptSettings:
    """The literals and the settings of a script; cells that do not parse open the classes they mention."""
    imports = imports_of(document)
    assigned: list[Assigned] = []
    built: list[Built] = []
    seen_through: set[ast.AST] = set()
    stands = list(_stands(document))
    for node, stand in stands:
        assigned.extend(_assigned(node, stand))
        seen_through.update(_harmless(node))
        found = _settings_class(node.func, imports) if isinstance(node, ast.Call) else None
        if isinstance(node, ast.Call) and found is not None and _is_complete(node, found):
            built.append(Built(found, node, stand))
            seen_through.add(node.func)
    used = {
        found.name
        for node, _ in stands
        if isinstance(node, ast.expr)
        and node not in seen_through
        and (found := _settings_class(node, imports)) is not None
    }
    used |= {origin.rpartition(".")[2] for origins in imports.rebound.values() for origin in origins}
    unparsed = " ".join(cell.source.text for cell in document.cells if cell.tree is None)
    used |= {name for name in settings_classes() if name in unparsed}
    opened = tuple(settings_class for name, settings_class in settings_classes().items() if name in used)
    bindings = Counter(name for node in nodes_of(document).every for name in bound_names(node))
    return ScriptSettings(imports, tuple(assigned), tuple(built), opened, bindings)


def _stands(document: ScriptDocument) -> Iterator[tuple[ast.AST, Stand]]:
    """Every statement and expression with where it stands."""
    for number, cell in enumerate(document.cells):
        stack: list[tuple[ast.AST, Path, tuple[ast.AST, ...]]] = [
            (statement, (("", (number, index)),), ())
            for index, statement in enumerate(cell.tree.body if cell.tree is not None else ())
        ]
        while stack:
            node, path, scopes = stack.pop()
            if isinstance(node, (ast.stmt, ast.expr)):
                place = Place(number, span_of(node, cell.source).start)
                yield node, Stand(place, cell.source, path, scopes)
            is_scope = isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda))
            inner = (*scopes, node) if is_scope else scopes
            for field, value in ast.iter_fields(node):
                if isinstance(value, ast.AST):
                    stack.append((value, path, inner))
                elif isinstance(value, list):
                    for index, item in enumerate(value):
                        if isinstance(item, (ast.stmt, ast.excepthandler, ast.match_case)):
                            stack.append((item, (*path, (field, (index,))), inner))
                        elif isinstance(item, ast.AST):
                            stack.append((item, path, inner))


def _assigned(node: ast.AST, stand: Stand) -> Iterator[Assigned]:
    """The names that a statement gives a literal to: `a = 1`, `a: int = 1`, and `a = b = 1` where both are arguments.

    A name of another kind in a chain may be how the value gets to where it is needed.
    """
    if isinstance(node, ast.Assign):
        targets = node.targets
    elif isinstance(node, ast.AnnAssign):
        targets = [node.target]
    else:
        return
    if node.value is None or (stand.scopes and isinstance(stand.scopes[-1], ast.ClassDef)):
        return
    names = [target for target in targets if isinstance(target, ast.Name)]
    if len(names) < len(targets) or (len(names) > 1 and any(name.id not in arguments() for name in names)):
        return
    value = _literal(node.value)
    if value is not None:
        yield from (Assigned(name.id, value, node.value, name, stand) for name in names)


def _literal(node: ast.expr) -> object:
    """A flag, number, text, list of those, or a dtype of torch by its name; None for all else, and for None."""
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "torch":
        return f"torch.{node.attr}"
    try:
        value: object = ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return None
    if isinstance(value, (list, tuple)):
        return value if value and all(isinstance(item, (bool, int, float, str)) for item in value) else None
    return value if isinstance(value, (bool, int, float, str)) else None


def _settings_class(node: ast.expr, imports: Imports) -> SettingsClass | None:
    dotted = imports.dotted(node)
    if dotted is None:
        return None
    found = settings_classes().get(dotted.rpartition(".")[2])
    return found if found is not None and dotted.partition(".")[0] == found.package else None


def _is_complete(call: ast.Call, settings_class: SettingsClass) -> bool:
    """Whether a call shows all it passes. The first argument of a TrainingArguments is its output folder."""
    is_training = "TrainingArguments" in (settings_class.name, settings_class.parent)
    if any(isinstance(argument, ast.Starred) for argument in call.args) or len(call.args) > is_training:
        return False
    return all(keyword.arg is not None for keyword in call.keywords)


def _harmless(node: ast.AST) -> Iterator[ast.AST]:
    """The mentions of a class by which it is not built: annotations, and questions about an object's class."""
    annotations: list[ast.expr | None] = []
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        taken = node.args
        every = (*taken.posonlyargs, *taken.args, *taken.kwonlyargs, taken.vararg, taken.kwarg)
        annotations = [node.returns, *(argument.annotation for argument in every if argument is not None)]
    elif isinstance(node, ast.AnnAssign):
        annotations = [node.annotation]
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "isinstance":
        annotations = list(node.args[1:])
    for annotation in annotations:
        if annotation is not None:
            yield from ast.walk(annotation)


def bound_names(node: ast.AST) -> tuple[str, ...]:
    """The names that a node binds by itself."""
    if isinstance(node, ast.Name):
        return (node.id,) if not isinstance(node.ctx, ast.Load) else ()
    if isinstance(node, ast.arg):
        return (node.arg,)
    if isinstance(node, ast.alias):
        return (node.asname or node.name.partition(".")[0],)
    name = getattr(node, "name", None)  # of functions, classes, exceptions and patterns
    return (name,) if isinstance(name, str) else ()
