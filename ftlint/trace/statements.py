"""What a statement does: one small function for each kind, and blocks of them."""

from __future__ import annotations

import ast
import dataclasses
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from ftlint.run.fact import Truth
from ftlint.trace.assignment import assign
from ftlint.trace.branches import COMPOUND
from ftlint.trace.classes import define_class
from ftlint.trace.functions import define_function
from ftlint.trace.heap import Module
from ftlint.trace.machine import (
    MAX_PATHS,
    Machine,
    OutOfBudget,
    Returned,
    Signal,
    Way,
)
from ftlint.trace.operations import binary
from ftlint.trace.paths import meet, run_choices
from ftlint.trace.reading import attribute
from ftlint.trace.state import State
from ftlint.trace.values import (
    Constant,
    External,
    Opaque,
    Reference,
)

_Rule: TypeAlias = "Callable[[Machine, Any], Signal | Returned | None]"  # Any: each rule takes its own kind of node


def run_block(machine: Machine, body: Sequence[ast.stmt], states: list[State]) -> list[Way]:
    """Every way through a block, from each of the states."""
    gone: list[Way] = []
    live = states
    for statement in body:
        following: list[State] = []
        for state in live:
            ways = run_statement(machine, statement, state)
            after = [state for state, signal in ways if signal is None]
            following += meet(machine, after) if len(after) > 1 else after
            gone += [way for way in ways if way[1] is not None]
        # Paths that were apart before stay apart over a simple statement, almost always: they are compared less often.
        live = meet(machine, following) if len(following) > MAX_PATHS or type(statement) in COMPOUND else following
        if not live:
            break
    return [*((state, None) for state in meet(machine, live)), *gone]


def run_statement(machine: Machine, statement: ast.stmt, state: State) -> list[Way]:
    """Every way through one statement."""
    machine.state = state
    machine.steps_left -= 1
    if machine.steps_left < 0:
        raise OutOfBudget
    compound = COMPOUND.get(type(statement))
    if compound is not None:
        return compound(machine, statement, state)
    outer, machine.statement = machine.statement, statement
    try:
        return run_choices(machine, state, lambda: _run_simple(machine, statement))
    finally:
        machine.statement = outer


def _run_simple(machine: Machine, statement: ast.stmt) -> Signal | Returned | None:
    rule = _SIMPLE.get(type(statement))
    return rule(machine, statement) if rule is not None else None


def _expression(machine: Machine, node: ast.Expr) -> None:
    if not isinstance(node.value, ast.Constant):
        machine.evaluate(node.value)


def _assignment(machine: Machine, node: ast.Assign) -> None:
    value = machine.evaluate(node.value)
    for target in node.targets:
        assign(machine, target, value, node, node.value)


def _annotated(machine: Machine, node: ast.AnnAssign) -> None:
    if node.value is not None:
        assign(machine, node.target, machine.evaluate(node.value), node, node.value)


def _augmented(machine: Machine, node: ast.AugAssign) -> None:
    load = ast.copy_location(_as_load(node.target), node.target)
    value = binary(machine, machine.evaluate(load), node.op, machine.evaluate(node.value), node)
    assign(machine, node.target, value, node, None)


def _as_load(target: ast.expr) -> ast.expr:
    if isinstance(target, ast.Name):
        return ast.Name(target.id, ast.Load())
    if isinstance(target, ast.Attribute):
        return ast.Attribute(target.value, target.attr, ast.Load())
    assert isinstance(target, ast.Subscript)
    return ast.Subscript(target.value, target.slice, ast.Load())


def _delete(machine: Machine, node: ast.Delete) -> None:
    for target in node.targets:
        if isinstance(target, ast.Name):
            machine.bind(target.id, Opaque(("deleted", target.id), target.id))
        elif isinstance(target, ast.Attribute):
            owner = machine.evaluate(target.value)
            record = machine.record(owner)
            if isinstance(owner, Reference) and isinstance(record, Module):
                children = {name: value for name, value in record.children.items() if name != target.attr}
                machine.state.writable_heap()[owner.id] = dataclasses.replace(record, children=children)


def _import(machine: Machine, node: ast.Import) -> None:
    for alias in node.names:
        name = alias.asname or alias.name.split(".", 1)[0]
        machine.bind(name, External(alias.name if alias.asname else name))


def _import_from(machine: Machine, node: ast.ImportFrom) -> None:
    package = "." * node.level + (node.module or "")
    for alias in node.names:
        if alias.name == "*":
            continue
        # Through `attribute`, because `from torch import bfloat16` names a dtype.
        machine.bind(alias.asname or alias.name, attribute(machine, External(package), alias.name))


def _function(machine: Machine, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
    machine.bind(node.name, define_function(machine, node))


def _class(machine: Machine, node: ast.ClassDef) -> None:
    machine.bind(node.name, define_class(machine, node))


def _global(machine: Machine, node: ast.Global) -> None:
    machine.frame.global_names.update(node.names)


def _nonlocal(machine: Machine, node: ast.Nonlocal) -> None:
    machine.frame.nonlocal_names.update(node.names)


def _return(machine: Machine, node: ast.Return) -> Returned:
    return Returned(machine.evaluate(node.value) if node.value is not None else Constant(None))


def _raise(machine: Machine, node: ast.Raise) -> Signal:
    return Signal.STOP


def _assert(machine: Machine, node: ast.Assert) -> Signal | None:
    value = machine.evaluate(node.test)
    if machine.truth(value) is Truth.NO:
        return Signal.STOP
    machine.assume(value, True)
    return None


def _break(machine: Machine, node: ast.Break) -> Signal:
    return Signal.BREAK


def _continue(machine: Machine, node: ast.Continue) -> Signal:
    return Signal.CONTINUE


_SIMPLE: dict[type[ast.stmt], _Rule] = {
    ast.Expr: _expression,
    ast.Assign: _assignment,
    ast.AnnAssign: _annotated,
    ast.AugAssign: _augmented,
    ast.Delete: _delete,
    ast.Import: _import,
    ast.ImportFrom: _import_from,
    ast.FunctionDef: _function,
    ast.AsyncFunctionDef: _function,
    ast.ClassDef: _class,
    ast.Global: _global,
    ast.Nonlocal: _nonlocal,
    ast.Return: _return,
    ast.Raise: _raise,
    ast.Assert: _assert,
    ast.Break: _break,
    ast.Continue: _continue,
}
