"""Which calls of a script are made only where the release in use has what they pass."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from ftlint.syntax.imports import Imports
from ftlint.syntax.nodes import Nodes, nodes_below

# What a test mentions that asks which release it runs with, or what a class takes.
_ASKS = frozenset(
    "__version__ version Version parse_version signature getfullargspec hasattr getattr fields __dataclass_fields__ "
    "__annotations__ __code__ co_varnames compare_versions LooseVersion".split()
)
_DEMANDS = frozenset({"require_version", "require_version_core", "check_version"})
_EXPECTATIONS = frozenset({"raises", "assertRaises", "assertRaisesRegex", "suppress"})
_CATCHES = frozenset({"TypeError", "Exception", "BaseException", "ValueError", "AttributeError", "ImportError"})


class Guards:
    """What a script does about releases and to the classes it imports."""

    def __init__(self, nodes: Nodes, imports: Imports) -> None:
        self._patched = set(_patched(nodes, imports))
        # Hardly any script demands an older release; where none does, no statement is searched for it.
        self._demands = frozenset(call for call in nodes.of(ast.Call) if _demands_older(call))
        # A flag that is named after a test, `is_new = version.parse(...) >= ...`, guards where it is tested.
        self._flags = {
            target.id
            for node in nodes.of(ast.Assign)
            if _asks(node.value, frozenset())
            for target in node.targets
            if isinstance(target, ast.Name)
        }

    def is_patched(self, dotted: str) -> bool:
        """Whether the script assigns something to the class of that name, or to the name in its module."""
        return any(
            dotted == name or name.startswith(f"{dotted}.") or dotted.startswith(f"{name}.") for name in self._patched
        )

    def unguarded_calls(self, tree: ast.Module) -> Iterator[ast.Call]:
        """The calls that are made whatever the release."""
        stack: list[ast.AST] = [tree]
        while stack:
            node = stack.pop()
            if isinstance(node, ast.Call):
                yield node
            if isinstance(node, (ast.If, ast.IfExp)) and _asks(node.test, self._flags):
                stack.append(node.test)
                continue
            if isinstance(node, ast.Try) and any(_may_catch(handler) for handler in node.handlers):
                handled = [each for handler in node.handlers for each in handler.body]
                stack.extend(reversed([*node.orelse, *node.finalbody, *handled]))
                continue
            if isinstance(node, (ast.With, ast.AsyncWith)) and any(_expects(item.context_expr) for item in node.items):
                continue  # it is there to see it fail
            stack.extend(reversed(list(self._reached(node))))

    def _reached(self, node: ast.AST) -> Iterator[ast.AST]:
        """What is in a node; of a block's statements those before one that leaves it for some releases."""
        for _, value in ast.iter_fields(node):
            if isinstance(value, ast.AST):
                yield value
            elif isinstance(value, list):
                for item in value:
                    if isinstance(item, ast.AST):
                        yield item
                    is_left = isinstance(item, ast.If) and _asks(item.test, self._flags) and _leaves(item.body)
                    if is_left or (isinstance(item, ast.stmt) and self._wants_older(item)):
                        break

    def _wants_older(self, statement: ast.stmt) -> bool:
        """Whether a statement demands an older release when it is run."""
        if not self._demands or isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            return False
        return not self._demands.isdisjoint(nodes_below(statement))


def _asks(test: ast.expr, flags: frozenset[str] | set[str]) -> bool:
    words = {
        node.id if isinstance(node, ast.Name) else node.attr
        for node in nodes_below(test)
        if isinstance(node, (ast.Name, ast.Attribute))
    }
    return bool(words & _ASKS) or bool(words & flags)


def _expects(context: ast.expr) -> bool:
    """Whether an error is what the author waits for: `with pytest.raises(ValueError):`."""
    return isinstance(context, ast.Call) and ast.unparse(context.func).rpartition(".")[2] in _EXPECTATIONS


def _demands_older(call: ast.Call) -> bool:
    """Whether it raises unless some package is older than a release: `require_version("trl>=0.8.6,<=0.9.6")`.

    Source: transformers 4.28 to 5.23 utils/versions.py.
    """
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    if name not in _DEMANDS or not call.args:
        return False
    wanted = call.args[0]
    return (
        isinstance(wanted, ast.Constant)
        and isinstance(wanted.value, str)
        and re.search("<|==", wanted.value) is not None
    )


def _leaves(body: list[ast.stmt]) -> bool:
    return any(isinstance(node, (ast.Raise, ast.Return)) for node in body)


def _may_catch(handler: ast.ExceptHandler) -> bool:
    if handler.type is None:
        return True
    names = {node.id for node in ast.walk(handler.type) if isinstance(node, ast.Name)}
    return bool(names & _CATCHES)


def _patched(nodes: Nodes, imports: Imports) -> Iterator[str]:
    for node in nodes.of(ast.Assign, ast.Call):
        targets: list[ast.expr] = []
        if isinstance(node, ast.Assign):
            targets = node.targets
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "setattr":
            targets = node.args[:1]
        for target in targets:
            dotted = imports.dotted(target)
            if dotted is not None and (isinstance(target, ast.Attribute) or isinstance(node, ast.Call)):
                yield dotted
