"""Keys that a pydantic model's validators compare by size before pydantic has converted anything.

`"1"` for a whole number is none there: the comparison raises TypeError, though the field itself would take the text.
Read are the validators that run before the fields, from the top to the first way out; a comparison behind a condition
counts where the condition is about keys that are, or are not, there.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from tools.harvest.python_source import ClassRef, FunctionRef, Shapes
from tools.harvest.python_source.checks import ORDERINGS, Check
from tools.harvest.validators import before, values_of


def compared(reference: ClassRef, shapes: Shapes) -> dict[str, list[Check]]:
    """Key -> `number`, with `if` where other keys decide whether it is asked."""
    functions = list(before(reference, shapes))
    stored = [set(_stored(function.node.body, values_of(function))) for function in functions]
    found: dict[str, list[Check]] = {}
    for number, function in enumerate(functions):
        # Nothing says which validator comes first: what another one may have replaced is not what was written.
        others = set().union(*stored[:number], *stored[number + 1 :])
        walk = _Walk(function, others)
        walk.body(function.node.body, _Known())
        for key, checks in walk.found.items():
            known = found.setdefault(key, [])
            known += [check for check in checks if check not in known]
    return {key: [{"kind": "number"}] if {"kind": "number"} in checks else checks for key, checks in found.items()}


@dataclass(frozen=True)
class _Known:
    """What holds at a place: keys that are there, and the values that others have."""

    there: frozenset[str] = frozenset()
    values: tuple[tuple[str, object], ...] = ()

    def further(self, other: _Known) -> _Known:
        return _Known(self.there | other.there, (*self.values, *other.values))


@dataclass
class _Walk:
    """One pass through a validator."""

    function: FunctionRef
    replaced: set[str]
    found: dict[str, list[Check]] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)  # local names of what a key holds

    def body(self, statements: Sequence[ast.stmt], known: _Known) -> bool:
        """Walk statements; False where the way may have ended before the last of them."""
        for statement in statements:
            if isinstance(statement, (ast.Return, ast.Raise)):
                return False
            if isinstance(statement, ast.If):
                self._if(statement, known)
            elif isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
                self._assign(statement.targets[0].id, statement.value)
            self._forget(statement)
            if any(isinstance(node, ast.Return) for node in ast.walk(statement)):
                return False
        return True

    def _if(self, statement: ast.If, known: _Known) -> None:
        there = self._asked(statement.test, known)
        if there is not None:
            self.body(statement.body, there)

    def _asked(self, test: ast.expr, known: _Known) -> _Known | None:
        """Notes what the condition compares; what holds where it holds, None where we do not understand it."""
        parts = test.values if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And) else [test]
        for part in parts:
            self._compared(part, known)
            said = self._said(part)
            if said is None:
                return None
            known = known.further(said)
        return known

    def _compared(self, test: ast.expr, known: _Known) -> None:
        if not isinstance(test, ast.Compare) or not isinstance(test.ops[0], ORDERINGS):
            return
        for one, other in ((test.left, test.comparators[0]), (test.comparators[0], test.left)):
            key = self._key(one)
            is_number = isinstance(other, ast.Constant) and type(other.value) in (int, float)
            if key is None or not is_number or key in self.replaced or known.there - {key}:
                continue
            conditions = dict(known.values)
            check: Check = {"kind": "number", **({"if": conditions} if conditions else {})}
            checks = self.found.setdefault(key, [])
            if check not in checks:
                checks.append(check)

    def _said(self, test: ast.expr) -> _Known | None:
        """`x is None`, `x is not None`, `x`: of a key as it was written."""
        key = self._key(test)
        if key is not None:
            return _Known(frozenset((key,)))
        if isinstance(test, ast.Compare) and len(test.ops) == 1 and ast.unparse(test.comparators[0]) == "None":
            key = self._key(test.left)
            if key is not None and key not in self.replaced:
                is_there = isinstance(test.ops[0], ast.IsNot)
                if is_there or isinstance(test.ops[0], ast.Is):
                    return _Known(frozenset((key,))) if is_there else _Known(values=((key, None),))
        return None

    def _assign(self, name: str, value: ast.expr) -> None:
        self.aliases.pop(name, None)
        key = self._key(value)
        if key is not None:
            self.aliases[name] = key

    def _key(self, node: ast.expr) -> str | None:
        """The key whose value `values.get("key")`, or a local name of it, is."""
        if isinstance(node, ast.Name):
            return self.aliases.get(node.id)
        if isinstance(node, ast.Call) and ast.unparse(node.func) == f"{values_of(self.function)}.get":
            written = node.args[0] if node.args else None
            if isinstance(written, ast.Constant) and isinstance(written.value, str):
                return written.value
        return None

    def _forget(self, statement: ast.stmt) -> None:
        self.replaced |= set(_stored([statement], values_of(self.function)))
        if not isinstance(statement, ast.Assign):
            for node in ast.walk(statement):
                if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                    self.aliases.pop(node.id, None)


def _stored(statements: Sequence[ast.stmt], values: str) -> Iterator[str]:
    """The keys of `values["key"] = …`, `del values["key"]`, `values.pop("key")` and `values.setdefault("key", …)`."""
    for statement in statements:
        for node in ast.walk(statement):
            key: ast.expr | None = None
            if isinstance(node, ast.Subscript) and not isinstance(node.ctx, ast.Load):
                key = node.slice if ast.unparse(node.value) == values else None
            elif isinstance(node, ast.Call) and node.args:
                key = node.args[0] if ast.unparse(node.func) in (f"{values}.pop", f"{values}.setdefault") else None
            if isinstance(key, ast.Constant) and isinstance(key.value, str):
                yield key.value
