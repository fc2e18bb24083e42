"""What holds inside a `with`: autocast, another default dtype, or something we cannot see."""

from __future__ import annotations

import ast

from ftlint.run.fact import UNKNOWN, Truth
from ftlint.trace.assignment import assign
from ftlint.trace.events import Used
from ftlint.trace.heap import Instance
from ftlint.trace.library.accelerators import AUTOCAST
from ftlint.trace.library.devices import enter_context
from ftlint.trace.library.effects import AUTOCAST_CONTEXTS, EXPECTED_FAILURES, HARMLESS_CONTEXTS
from ftlint.trace.library.sharding import STATE_TYPE_CONTEXT, SUMMON_CONTEXT, gathering_of
from ftlint.trace.machine import (
    Machine,
    Way,
)
from ftlint.trace.modules import either
from ftlint.trace.state import State
from ftlint.trace.values import (
    Constant,
    External,
    Opaque,
    Value,
)


def enter(machine: Machine, node: ast.With | ast.AsyncWith) -> None:
    """Enter what a `with` statement names."""
    for item in node.items:
        value = machine.evaluate(item.context_expr)
        _enter_context(machine, value, item.context_expr)
        enter_context(machine, value, item.context_expr)
        if item.optional_vars is not None:
            assign(machine, item.optional_vars, value, item.context_expr, None)


def _enter_context(machine: Machine, value: Value, node: ast.expr) -> None:
    state = machine.state
    record = machine.record(value)
    name = record.name if isinstance(record, Instance) else ""
    if name in AUTOCAST_CONTEXTS:
        assert isinstance(record, Instance)
        enabled = record.attributes.get("enabled", Constant(True))
        state.autocast = machine.truth(enabled)
    elif name == "accelerate.autocast":
        assert isinstance(record, Instance)
        state.autocast = either(state.autocast, machine.truth(record.attributes[AUTOCAST]))
    elif name in (STATE_TYPE_CONTEXT, SUMMON_CONTEXT):
        assert isinstance(record, Instance)
        state.gathering = gathering_of(machine, record, node)
    elif name == "contextlib.nullcontext" or _harmless_context(machine, node):
        pass
    else:
        # A context manager we do not see may be autocast, or set the default dtype.
        state.autocast = Truth.YES if state.autocast is Truth.YES else Truth.UNKNOWN
        state.default_dtype = UNKNOWN


def _harmless_context(machine: Machine, node: ast.expr) -> bool:
    function = node.func if isinstance(node, ast.Call) else node
    if isinstance(function, ast.Attribute) and function.attr in ("no_sync", "accumulate", "main_process_first", "open"):
        return True
    callee = machine.evaluate(function) if isinstance(function, (ast.Name, ast.Attribute)) else None
    if not isinstance(callee, External):
        return isinstance(callee, Opaque) and callee.hint in ("open", "tqdm", "Progress", "progress")
    return callee.name.startswith(HARMLESS_CONTEXTS) or callee.package in ("tqdm", "rich", "mlflow", "wandb")


def expects_failure(node: ast.With | ast.AsyncWith) -> bool:
    """Whether what happens inside is meant to go wrong."""
    for item in node.items:
        called = item.context_expr.func if isinstance(item.context_expr, ast.Call) else None
        name = called.attr if isinstance(called, ast.Attribute) else called.id if isinstance(called, ast.Name) else ""
        if name in EXPECTED_FAILURES:
            return True
    return False


def used_like(before: State, inner: list[Way]) -> State:
    """What goes wrong in there is meant to; only that the models were used is kept."""
    for after, _ in inner:
        for event in after.events():
            if isinstance(event, Used):
                before.log = (event, before.log)
    return before
