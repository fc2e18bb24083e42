"""Statements with a body: branches, loops, `with`, `try`, `match`."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any, TypeAlias

from ftlint.run.fact import Truth
from ftlint.trace.assignment import assign
from ftlint.trace.contexts import enter, expects_failure, used_like
from ftlint.trace.machine import (
    Machine,
    Signal,
    Way,
)
from ftlint.trace.paths import met, run_choices
from ftlint.trace.reading import element_of
from ftlint.trace.state import State, join
from ftlint.trace.values import (
    Value,
)

_CompoundRule: TypeAlias = "Callable[[Machine, Any, State], list[Way]]"


def _tested(machine: Machine, test: ast.expr, state: State) -> list[tuple[State, Truth, Value]]:
    """The condition on each path through it."""
    values: list[Value] = []

    def action() -> None:
        values.append(machine.evaluate(test))

    found = []
    for position, (after, signal) in enumerate(run_choices(machine, state, action)):
        if signal is None and position < len(values):
            machine.state = after
            found.append((after, machine.truth(values[position]), values[position]))
    return found


def _if(machine: Machine, node: ast.If, state: State) -> list[Way]:
    ways: list[Way] = []
    for after, truth, value in _tested(machine, node.test, state):
        if _is_main(node.test):
            truth = Truth.YES
        for answer, body in ((Truth.YES, node.body), (Truth.NO, node.orelse)):
            if truth in (answer, Truth.UNKNOWN):
                branch = after.fork() if truth is Truth.UNKNOWN else after
                machine.state = branch
                machine.assume(value, answer is Truth.YES)
                ways += machine.run_block(body, [branch])
    return met(machine, ways)


def _is_main(test: ast.expr) -> bool:
    return (
        isinstance(test, ast.Compare)
        and isinstance(test.left, ast.Name)
        and test.left.id == "__name__"
        and isinstance(test.ops[0], ast.Eq)
    )


def _loop(machine: Machine, body: list[ast.stmt], orelse: list[ast.stmt], state: State) -> list[Way]:
    """A loop is read once: a training loop, or a loop over a model's layers, that never runs is nothing to check."""
    through: list[State] = []
    left: list[Way] = []
    for after, signal in machine.run_block(body, [state]):
        if signal in (None, Signal.CONTINUE, Signal.BREAK):
            through.append(after)
        else:
            left.append((after, signal))
    while len(through) > 1:
        # One turn takes this branch and the next turn that one: what only some branches do may have been done.
        last = through.pop()
        joined = join(through[-1], last, force=True)
        assert joined is not None
        through[-1] = joined
    ways = machine.run_block(orelse, through) if orelse else [(after, None) for after in through]
    return [*ways, *left]


def _for(machine: Machine, node: ast.For | ast.AsyncFor, state: State) -> list[Way]:
    ways: list[Way] = []

    def action() -> None:
        assign(machine, node.target, element_of(machine, machine.evaluate(node.iter)), node.target, None)

    for after, signal in run_choices(machine, state, action):
        ways += _loop(machine, node.body, node.orelse, after) if signal is None else [(after, signal)]
    return ways


def _while(machine: Machine, node: ast.While, state: State) -> list[Way]:
    ways: list[Way] = []
    for after, truth, _ in _tested(machine, node.test, state):
        if truth is Truth.NO:
            ways += machine.run_block(node.orelse, [after])
            continue
        ways += _loop(machine, node.body, node.orelse, after)
    return met(machine, ways)


def _with(machine: Machine, node: ast.With | ast.AsyncWith, state: State) -> list[Way]:
    ways: list[Way] = []
    outer = state.autocast, state.default_dtype
    for after, signal in run_choices(machine, state, lambda: enter(machine, node)):
        if signal is not None:
            ways.append((after, signal))
            continue
        expected = expects_failure(node)
        before = after.fork() if expected else after
        inner = machine.run_block(node.body, [after])
        if expected:
            inner = [(used_like(before, inner), None)]
        for left, reason in inner:
            left.autocast, left.default_dtype = outer
            ways.append((left, reason))
    return met(machine, ways)


def _try(machine: Machine, node: ast.Try, state: State) -> list[Way]:
    before = state.fork()
    ways: list[Way] = []
    failed: list[State] = []
    for after, signal in machine.run_block(node.body, [state]):
        if signal is None:
            ways += machine.run_block(node.orelse, [after]) if node.orelse else [(after, None)]
        elif signal is Signal.STOP and node.handlers:
            failed.append(after)
        else:
            ways.append((after, signal))
    for handler in node.handlers:
        if failed or _does_something(handler):
            start = before.fork()
            machine.state = start
            if handler.name:
                machine.bind(handler.name, machine.unknown(handler))
            ways += machine.run_block(handler.body, [start])
    ways = met(machine, ways)
    if not node.finalbody:
        return ways
    final: list[Way] = []
    for after, signal in ways:
        final += [
            (last, signal if last_signal is None else last_signal)
            for last, last_signal in machine.run_block(node.finalbody, [after])
        ]
    return final


def _does_something(handler: ast.ExceptHandler) -> bool:
    """Whether a handler goes on in another way, rather than telling that something failed."""
    return any(isinstance(part, (ast.Assign, ast.AnnAssign, ast.Import, ast.ImportFrom)) for part in ast.walk(handler))


def _match(machine: Machine, node: ast.Match, state: State) -> list[Way]:
    ways: list[Way] = []
    for after, signal in run_choices(machine, state, lambda: _discard(machine.evaluate(node.subject))):
        if signal is not None:
            ways.append((after, signal))
            continue
        for case in node.cases:
            branch = after.fork()
            machine.state = branch
            for part in ast.walk(case.pattern):
                captured = getattr(part, "name", None) or getattr(part, "rest", None)
                if isinstance(captured, str):
                    machine.bind(captured, machine.unknown(part))
            ways += machine.run_block(case.body, [branch])
        if not any(isinstance(case.pattern, ast.MatchAs) and case.pattern.pattern is None for case in node.cases):
            ways.append((after, None))
    return met(machine, ways)


def _discard(value: Value) -> None:
    return None


COMPOUND: dict[type[ast.stmt], _CompoundRule] = {
    ast.If: _if,
    ast.For: _for,
    ast.AsyncFor: _for,
    ast.While: _while,
    ast.With: _with,
    ast.AsyncWith: _with,
    ast.Try: _try,
    ast.Match: _match,
}
