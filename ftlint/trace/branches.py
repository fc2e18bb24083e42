"""Statements with a body: branches, loops, `with`, `try`, `match`."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any, TypeAlias

from ftlint.run.fact import Truth
from ftlint.trace.assignment import assign
from ftlint.trace.contexts import enter, expects_failure, used_like
from ftlint.trace.library.devices import leave_contexts
from ftlint.trace.machine import (
    Machine,
    Signal,
    Way,
)
from ftlint.trace.paths import meet, met, run_choices
from ftlint.trace.ranks import lets_rank_zero_through
from ftlint.trace.reading import element_of, unfold
from ftlint.trace.sharding import Guard
from ftlint.trace.state import State, holds_module, join
from ftlint.trace.telling import Aside, aside_of
from ftlint.trace.values import NONE, Tuple, Value

_CompoundRule: TypeAlias = "Callable[[Machine, Any, State], list[Way]]"

MAX_TURNS = 16  # of loops that are read turn by turn, one inside another
# A loop that uses one of these may name another submodule in each turn.
_BY_NAME = frozenset(
    {"setattr", "getattr", "_modules", "add_module", "register_module", "set_submodule", "get_submodule"}
)


def _tested(machine: Machine, test: ast.expr, state: State) -> list[tuple[State, Truth, Value]]:
    """The condition on each path through it."""
    values: list[Value] = []

    def action() -> None:
        values.append(NONE)  # so that a way that stops while the condition is read has its place too
        values[-1] = machine.evaluate(test)

    found = []
    for position, (after, signal) in enumerate(run_choices(machine, state, action)):
        if signal is None:
            machine.state = after
            found.append((after, machine.truth(values[position]), values[position]))
    return found


def _if(machine: Machine, node: ast.If, state: State) -> list[Way]:
    ways: list[Way] = []
    guards, outer = lets_rank_zero_through(node.test), state.guard
    for after, truth, value in _tested(machine, node.test, state):
        if _is_main(node.test):
            truth = Truth.YES
        elif truth is Truth.UNKNOWN and (aside := _aside(machine, node)) is not Aside.NONE:
            if aside is Aside.RAISES:
                machine.assume(value, False)  # whoever goes on is on the other side
            ways.append((after, None))
            continue
        sides: list[list[Way]] = []
        for answer, body in ((Truth.YES, node.body), (Truth.NO, node.orelse)):
            if truth in (answer, Truth.UNKNOWN):
                branch = after.fork() if truth is Truth.UNKNOWN else after
                machine.state = branch
                machine.assume(value, answer is Truth.YES)
                if guards is answer and outer is None:
                    branch.guard = Guard(machine.location(node.test), node)
                sides.append(machine.run_block(body, [branch]))
        if all(any(signal is None for _, signal in side) for side in sides):
            # Both sides go on together; after `if rank != 0: return` rank 0 stays alone.
            for side in sides:
                for left, _ in side:
                    left.guard = outer
        ways += (way for side in sides for way in side)
    return met(machine, ways)


def _aside(machine: Machine, node: ast.If) -> Aside:
    known = machine.asides.get(node)
    if known is None:
        known = machine.asides[node] = aside_of(node)
    return known


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
    guard = state.guard
    for after, signal in machine.run_block(body, [state]):
        if signal in (None, Signal.CONTINUE, Signal.BREAK):
            after.guard = guard  # `if rank != 0: continue` ends with its turn
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
    turns: list[tuple[Value, ...] | None] = []

    def action() -> None:
        turns.append(None)
        value = machine.evaluate(node.iter)
        turns[-1] = _turns(machine, node, value)
        if turns[-1] is None:
            assign(machine, node.target, element_of(machine, value), node.target, None)

    for (after, signal), items in zip(run_choices(machine, state, action), turns, strict=True):
        if signal is not None:
            ways.append((after, signal))
        elif items is not None:
            ways += _turn_by_turn(machine, node, items, after)
        else:
            ways += _loop(machine, node.body, node.orelse, after)
    return ways


def _turns(machine: Machine, node: ast.For | ast.AsyncFor, value: Value) -> tuple[Value, ...] | None:
    """What a loop goes over, where it has to be read turn by turn: over modules, or over names of submodules."""
    items = unfold(machine, value)
    if items is None or len(items) < 2 or len(items) * machine.turns > MAX_TURNS:
        return None
    names = any(
        (isinstance(part, ast.Name) and part.id in _BY_NAME)
        or (isinstance(part, ast.Attribute) and part.attr in _BY_NAME)
        for statement in node.body
        for part in ast.walk(statement)
    )
    return items if names or holds_module(Tuple(items), machine.state) else None


def _turn_by_turn(machine: Machine, node: ast.For | ast.AsyncFor, items: tuple[Value, ...], state: State) -> list[Way]:
    live, ended, left = [state], list[State](), list[Way]()
    machine.turns *= len(items)
    for item in items:
        for each in live:
            machine.state = each
            assign(machine, node.target, item, node.target, None)
        going_on: list[State] = []
        for after, signal in machine.run_block(node.body, live):
            if signal in (None, Signal.CONTINUE):
                going_on.append(after)
            elif signal is Signal.BREAK:
                ended.append(after)
            else:
                left.append((after, signal))
        live = meet(machine, going_on)
    machine.turns //= len(items)
    ways = machine.run_block(node.orelse, live) if node.orelse else [(after, None) for after in live]
    return [*met(machine, [*ways, *((after, None) for after in ended)]), *left]


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
    outer = state.autocast, state.default_dtype, state.gathering, state.without_gradients
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
            left.autocast, left.default_dtype, left.gathering, left.without_gradients = outer
            machine.state = left
            leave_contexts(machine, node)
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
