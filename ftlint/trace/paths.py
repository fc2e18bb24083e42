"""How paths part inside a statement and meet again behind it."""

from __future__ import annotations

from collections.abc import Callable

from ftlint.trace.events import Fed, Replaced
from ftlint.trace.machine import MAX_PATHS, Choices, Machine, OutOfBudget, Returned, Signal, Stopped, Way
from ftlint.trace.placement_events import Dispatched, Replicated, StateLoaded
from ftlint.trace.state import State, join
from ftlint.trace.values import (
    Value,
)


def run_choices(machine: Machine, state: State, action: Callable[[], Signal | Returned | None]) -> list[Way]:
    """Do something once for each combination of the choices that turn up in it."""
    outer = machine.choices
    machine.choices = Choices()
    ways: list[Way] = []
    numbered = highest = machine.numbered
    try:
        while True:
            machine.state = state.fork()
            machine.numbered = numbered
            try:
                signal = action()
            except Stopped:
                signal = Signal.STOP
                keep_ended(machine)
            ways.append((machine.state, signal))
            highest = max(highest, machine.numbered)
            if not machine.choices.advance():
                return ways
            if len(ways) == MAX_PATHS * 4:
                raise OutOfBudget  # to leave some ways out would be to say "always" of what is "sometimes"
    finally:
        machine.choices, machine.numbered = outer, highest


def keep_ended(machine: Machine) -> None:
    """A path that stops early still counts if what interests us has happened on it."""
    link = machine.state.log
    while link is not None:
        event, link = link
        if isinstance(event, (Fed, Replaced, Dispatched, Replicated, StateLoaded)):
            machine.ended.append(machine.state)
            return


def meet(machine: Machine, states: list[State]) -> list[State]:
    """The states that still differ in something that matters, at most as many as the machine still affords."""
    if len(states) < 2:
        return states
    kept: list[State] = []
    for state in states:
        for position, other in enumerate(kept):
            machine.steps_left -= 2  # comparing states costs about as much as reading two expressions
            joined = join(other, state)
            if joined is not None:
                kept[position] = joined
                break
        else:
            kept.append(state)
    while len(kept) > machine.num_paths_affordable:
        last = kept.pop()
        joined = join(kept[-1], last, force=True)
        assert joined is not None
        kept[-1] = joined
    return kept


def meet_values(machine: Machine, ways: list[tuple[State, Value]]) -> list[tuple[State, Value]]:
    """Paths that come out of a call with their values: those that differ in nothing that matters become one."""
    if len(ways) < 2:
        return ways
    for state, value in ways:
        state.scopes[-1] = {"value": value}  # so that the values are compared with the states
    kept = meet(machine, [state for state, _ in ways])
    return [(state, state.scopes.pop(-1)["value"]) for state in kept]


def met(machine: Machine, ways: list[Way]) -> list[Way]:
    """The ways out of a statement, those that go on met where they can be."""
    live = [state for state, signal in ways if signal is None]
    return [
        *((state, None) for state in meet(machine, live)),
        *((state, signal) for state, signal in ways if signal is not None),
    ]
