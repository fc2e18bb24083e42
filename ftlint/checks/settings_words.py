"""Which words a script says to anybody: whether a variable, or another way to set an argument, may be in use."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping

from ftlint.checks.settings_calls import Assigned, ScriptSettings, bound_names
from ftlint.knowledge.arguments import Argument
from ftlint.syntax.document import ScriptCell, ScriptDocument
from ftlint.syntax.mentions import Mentions, Place
from ftlint.syntax.nodes import nodes_of
from ftlint.syntax.python import span_of

# Experiment trackers, with the keyword (without one: the first argument) of the dict that they note down.
_TRACKERS: Mapping[str, str | None] = {"wandb.init": "config", "mlflow.log_params": None}
# peft 0.4 to 0.21 utils/other.py: turns checkpointing on unless it is told not to.
_PREPARES, _PREPARES_BY = "prepare_model_for_kbit_training", "use_gradient_checkpointing"


class Words:
    """The words of one script. Where one stands and certainly sets or reads nothing it does not count.

    That is so for the target of a literal, `args.name` of the very settings that the script builds, a key of the dict
    that an experiment tracker notes down, and for what prepares a model for k-bit training without checkpointing.
    """

    def __init__(self, document: ScriptDocument, script: ScriptSettings) -> None:
        self._mentions = Mentions(document)
        self._assigned = script.assigned
        self._idle: dict[str, set[Place]] = {}
        for each in script.assigned:
            self._add(each.name, Place(each.stand.place.cell, span_of(each.target, each.stand.source).start))
        lists = {each.name for each in script.assigned if isinstance(each.value, (list, tuple))}
        settings = _names_of_settings(document, script)
        for number, cell in enumerate(document.cells):
            for word, offset in _idle_words(cell, script):
                self._add(word, Place(number, offset))
            for node in _nodes(cell):
                # A list can be changed through the attribute that is read.
                if isinstance(node, ast.Attribute) and node.attr not in lists and _is_read_of(node, settings):
                    self._add(node.attr, Place(number, span_of(node, cell.source).end - len(node.attr)))

    def says(self, word: str) -> bool:
        """Whether the word stands anywhere that may be a use."""
        return bool(self._uses(word))

    def says_otherwise(self, argument: Argument) -> bool:
        """Whether something may say the same as the argument, or its contrary. Its own value does not."""
        own = [each for each in self._assigned if each.name == argument.name]
        places = {place for word in argument.kin for place in self._uses(word)}
        return any(not any(_is_in_value(place, each) for each in own) for place in places)

    def _uses(self, word: str) -> frozenset[Place]:
        return self._mentions.places(word) - self._idle.get(word, set())

    def _add(self, word: str, place: Place) -> None:
        self._idle.setdefault(word, set()).add(place)


def _is_in_value(place: Place, assigned: Assigned) -> bool:
    span = span_of(assigned.node, assigned.stand.source)
    return place.cell == assigned.stand.place.cell and span.start <= place.offset < span.end


def _nodes(cell: ScriptCell) -> Iterator[ast.AST]:
    """What stands in a cell, but not in its f-strings: Python 3.11 tells wrong places for that."""
    stack: list[ast.AST] = [cell.tree] if cell.tree is not None else []
    while stack:
        node = stack.pop()
        if not isinstance(node, ast.JoinedStr):
            yield node
            stack.extend(ast.iter_child_nodes(node))


def _idle_words(cell: ScriptCell, script: ScriptSettings) -> Iterator[tuple[str, int]]:
    for node in _nodes(cell):
        if isinstance(node, ast.ImportFrom) and node.module == "peft":
            for alias in node.names:
                if alias.name == _PREPARES and alias.asname is None:
                    yield _PREPARES, span_of(alias, cell.source).start
        elif isinstance(node, ast.Call) and (dotted := script.imports.dotted(node.func)) is not None:
            if dotted in _TRACKERS:
                for key in _noted_down(node, _TRACKERS[dotted]):
                    yield str(key.value), span_of(key, cell.source).start + 1  # behind its quote
            elif dotted == f"peft.{_PREPARES}":
                for keyword in node.keywords:
                    if keyword.arg == _PREPARES_BY and _is_false(keyword.value):
                        yield _PREPARES_BY, span_of(keyword, cell.source).start
                        yield _PREPARES, span_of(node.func, cell.source).end - len(_PREPARES)


def _noted_down(call: ast.Call, keyword: str | None) -> Iterator[ast.Constant]:
    """The keys of the dict that a tracker is handed where it is written."""
    values = [each.value for each in call.keywords if each.arg == keyword] if keyword else call.args[:1]
    for value in values:
        if isinstance(value, ast.Dict):
            yield from (key for key in value.keys if isinstance(key, ast.Constant) and isinstance(key.value, str))


def _is_false(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is False


def _is_read_of(node: ast.Attribute, names: frozenset[str]) -> bool:
    return isinstance(node.ctx, ast.Load) and isinstance(node.value, ast.Name) and node.value.id in names


def _names_of_settings(document: ScriptDocument, script: ScriptSettings) -> frozenset[str]:
    """The names that stand for nothing but settings which the script builds in full."""
    if any(cell.tree is None for cell in document.cells):
        return frozenset()
    calls = {each.call for each in script.built}
    nodes = nodes_of(document).every
    targets: set[ast.AST] = set()
    for node in nodes:
        if isinstance(node, ast.Assign) and node.value in calls:
            targets.update(target for target in node.targets if isinstance(target, ast.Name))
    names = {target.id for target in targets if isinstance(target, ast.Name)}
    return frozenset(names.difference(*(bound_names(node) for node in nodes if node not in targets)))
