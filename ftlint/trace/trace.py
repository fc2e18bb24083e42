"""Reads a whole script: its cells in order, then the functions that nothing in it calls; and what can be asked of it.

A *story* is what happens when somebody runs the script, or calls one of its uncalled functions. It has one *path* for
each combination of branches that makes a difference, at most sixteen.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from ftlint.run.fact import UNKNOWN
from ftlint.syntax.document import ScriptCell, ScriptDocument, Source
from ftlint.trace.calls import call_value
from ftlint.trace.events import Event, Fed, Manner, Replaced, Saved, Used
from ftlint.trace.expressions import evaluate
from ftlint.trace.functions import bind_parameters, call_function, names_reached
from ftlint.trace.heap import Class, ClassKind, Instance, Module, Replacement
from ftlint.trace.library.hugging_face import looks_like_model, run_trainer
from ftlint.trace.library.placement import mentions
from ftlint.trace.machine import Frame, Machine, OutOfBudget, Returned, Rules, Signal, Stopped, Way
from ftlint.trace.modules import hide
from ftlint.trace.paths import meet
from ftlint.trace.running import run_module
from ftlint.trace.state import State, join
from ftlint.trace.statements import run_block
from ftlint.trace.values import Arguments, Function, Opaque, Reference

NEVER_RUN = "nothing in this file runs the model yet"
STEPS_PER_CHARACTER = 1  # ten characters make a node or so: each may be read about ten times
MIN_STEPS = 20_000
MAX_STEPS = 100_000  # some seconds: beyond that a script is generated, and nothing is claimed about it
_LOADS = frozenset({"from_pretrained", "from_config", "_from_config", "create_model"})
# Scripts that mention none of these make no models. A search is a thousand times cheaper than reading them.
_MENTIONS = re.compile(r"\btorch\b|\btransformers\b|\bpeft\b|\btrl\b|from_pretrained")
_WORDS = ("torch", "transformers", "peft", "trl", "from_pretrained")
_NAMES = re.compile(r"[A-Za-z_]\w*")
_FROM_OUTSIDE = "where {name}() is called without autocast around it"


@dataclass(frozen=True, slots=True)
class Path:
    """One way through a story."""

    events: tuple[Event, ...]


@dataclass(frozen=True, slots=True)
class Story:
    """What happens when the script is run, or (`function`) when somebody else calls that function of it."""

    paths: tuple[Path, ...]
    function: str | None = None


@dataclass(frozen=True, slots=True)
class Sighting:
    """A replacement on one path: each time it happens there, and what its layers are fed later on that path."""

    replacements: tuple[Replacement, ...]
    fed: tuple[Fed, ...]


@dataclass(frozen=True, slots=True)
class ReplacedLayer:
    """One place where a submodule is replaced, on each path of the story; None where it is not replaced."""

    sightings: tuple[Sighting | None, ...]

    @property
    def replacements(self) -> tuple[Replacement, ...]:
        """Each time it happens on any path."""
        return tuple(
            replacement for sighting in self.sightings if sighting is not None for replacement in sighting.replacements
        )


@dataclass(frozen=True, slots=True)
class ScriptTrace:
    """What a script does. Where `complete` is False it was too much to read, and nothing is claimed."""

    stories: tuple[Story, ...]
    complete: bool = True
    mentions: frozenset[str] = frozenset()  # which of `placement.MENTIONED` it has

    def events(self) -> Iterator[Event]:
        """Everything that happens on any path."""
        for story in self.stories:
            for path in story.paths:
                yield from path.events

    def replaced_layers(self) -> Iterator[ReplacedLayer]:
        """Every place where a submodule is replaced, in the order of stories and text."""
        for story in self.stories:
            places = {
                event.replacement.location.sort_key()
                for path in story.paths
                for event in path.events
                if isinstance(event, Replaced)
            }
            for place in sorted(places):
                yield ReplacedLayer(tuple(_sighting(path, place) for path in story.paths))


def _sighting(path: Path, place: tuple[str, int, int, int]) -> Sighting | None:
    here = [
        event
        for event in path.events
        if isinstance(event, (Replaced, Fed)) and event.replacement.location.sort_key() == place
    ]
    replacements = tuple(event.replacement for event in here if isinstance(event, Replaced))
    return Sighting(replacements, tuple(event for event in here if isinstance(event, Fed))) if replacements else None


def trace_script(document: ScriptDocument) -> ScriptTrace:
    """What a script does. Never raises on anything that parses; reads nothing but the document."""
    if not any(_mentions_models(source.text) for source in document.sources):
        return ScriptTrace(())
    num_characters = sum(len(source.text) for source in document.sources)
    budget = min(MAX_STEPS, max(MIN_STEPS, STEPS_PER_CHARACTER * num_characters))
    source = document.cells[0].source if document.cells else Source(document.path, "")
    machine = Machine(source, budget, Rules(evaluate, call_function, call_value, run_block))
    machine.mentions = mentions(document.sources)
    try:
        return ScriptTrace(tuple(_stories(machine, document)), mentions=machine.mentions)
    except (OutOfBudget, RecursionError):
        return ScriptTrace((), complete=False)


def _mentions_models(text: str) -> bool:
    # Plain searches first: for the many files that hold a licence and little else the pattern is most of the time.
    return any(word in text for word in _WORDS) and _MENTIONS.search(text) is not None


def _stories(machine: Machine, document: ScriptDocument) -> Iterator[Story]:
    live = [machine.state]
    for cell in document.cells:
        live = _run_cell(machine, cell, live)
    after = [state.fork() for state in live]
    yield Story(_ended(machine, live))
    if after:
        yield from _uncalled(machine, after)


def _run_cell(machine: Machine, cell: ScriptCell, states: list[State]) -> list[State]:
    machine.frame = Frame((0,), cell.source)
    if any(magic.text.lstrip().startswith("%run") for magic in cell.magics):
        for state in states:
            _distrust(machine, state, None)
    if cell.tree is None:
        for state in states:
            _distrust(machine, state, set(_NAMES.findall(cell.source.text)))
        return states
    ways = run_block(machine, cell.tree.body, states)
    # A notebook goes on with its next cell after an error; a file does not.
    going_on = [state for state, signal in ways if signal is not Signal.STOP]
    return meet(machine, going_on) if going_on or cell.source.cell is None else [state for state, _ in ways[:1]]


def _distrust(machine: Machine, state: State, names: set[str] | None) -> None:
    """Code we cannot read may have done anything to what it names (None: to everything)."""
    machine.state = state
    for name, value in tuple(state.scopes[0].items()):
        if names is None or name in names:
            hide(machine, value)
            state.writable_scope(0)[name] = Opaque(("unread", name, machine.number()), name)
    if names is None or names & {"set_default_dtype", "set_default_tensor_type"}:
        state.default_dtype = UNKNOWN


def _ended(machine: Machine, states: list[State]) -> tuple[Path, ...]:
    """The paths of a story, with what would happen to models that nobody ran."""
    paths = []
    for state in (*states, *machine.ended):
        machine.state = state
        _run_the_unused(machine)
        paths.append(Path(machine.state.events()))
    machine.ended = []
    return tuple(dict.fromkeys(paths))


def _run_the_unused(machine: Machine) -> None:
    pending: dict[int, Replacement] = {}
    for event in machine.state.events():
        if isinstance(event, Replaced):
            pending[event.replacement.owner_id] = event.replacement
        elif isinstance(event, Saved) and event.by != "torch.save":  # which keeps the module as it is
            pending.pop(event.module_id, None)  # a script that makes a checkpoint; loading it gives one dtype again
        elif isinstance(event, Used):
            pending.pop(event.module_id, None)
            for owner_id, replacement in tuple(pending.items()):
                if replacement.module_id == event.module_id:
                    del pending[owner_id]  # the script runs the parts of the model by hand
    for owner_id, replacement in pending.items():
        module = machine.state.heap.get(owner_id)
        if not isinstance(module, Module):
            continue
        node = replacement.construction.call if replacement.construction is not None else replacement.value
        if node is None:
            continue
        machine.frame = Frame(machine.frame.scopes[-1:], replacement.source)
        machine.reasons = (NEVER_RUN,)
        trainers = [
            record
            for record in machine.state.heap.values()
            if isinstance(record, Instance) and record.attributes.get("model") == Reference(owner_id)
        ]
        try:
            if trainers:
                run_trainer(machine, trainers[0], node, Manner.NEVER)
            else:
                run_module(machine, owner_id, Arguments(), node, Manner.NEVER)
        except Stopped:
            pass
        finally:
            machine.reasons = ()


def _uncalled(machine: Machine, states: list[State]) -> Iterator[Story]:
    """Functions that the script defines and does not call, if they make models: somebody else calls them."""
    base = states[0]
    for state in states[1:]:
        joined = join(base, state, force=True)
        assert joined is not None
        base = joined
    base.log = None
    machine.state = base
    functions = [function for function in machine.functions if function.definition not in machine.called]
    # Those that no other function mentions come first: they will call the rest.
    mentioned = set().union(*(function.definition.names for function in functions))
    for function in sorted(functions, key=lambda function: function.definition.name in mentioned):
        if function.definition in machine.called or not _makes_models(machine, function, base):
            continue
        if not all(number in base.scopes for number in function.scopes):
            continue  # defined inside another function, which nobody calls either
        yield _story_of(machine, function, base.fork())


def _makes_models(machine: Machine, function: Function, state: State) -> bool:
    if function.class_id is not None:
        return not function.definition.names.isdisjoint(_LOADS)
    names = names_reached(machine, function.definition)
    if {"load", "load_state_dict"} <= names and not names.isdisjoint(("to", "cuda")):
        return True
    if not names.isdisjoint(_LOADS) or ("train" in names and any(name.endswith("Trainer") for name in names)):
        return True
    return any(looks_like_model(name) for name in names) or any(
        isinstance(record, Class) and record.kind is ClassKind.MODULE and record.name in names
        for record in state.heap.values()
    )


def _story_of(machine: Machine, function: Function, state: State) -> Story:
    definition = function.definition
    machine.called.add(definition)
    machine.state = state
    bound = None
    if function.class_id is not None:
        owner = machine.class_of(function.class_id)
        bound = machine.add(Instance(owner.name if owner is not None else "", {}, function.class_id, open=True))
    called = Function(definition, function.scopes, function.defaults, bound, function.class_id)
    number = machine.number()
    state.open_scope(number, bind_parameters(machine, called, Arguments(complete=False)))
    machine.frame = Frame((number, *function.scopes), definition.source, called)
    machine.active = [definition]
    by_name = definition.name in ("main", "train") or not definition.transparent
    machine.reasons = () if by_name else (_FROM_OUTSIDE.format(name=definition.name),)
    ways: list[Way] = (
        run_block(machine, definition.node.body, [state]) if isinstance(definition.node.body, list) else []
    )
    machine.active, machine.reasons = [], ()
    left: list[State] = []
    for after, signal in ways:
        if signal is Signal.STOP:
            continue
        machine.state = after
        # Whoever called gets these, and may do anything to them before the model runs.
        if isinstance(signal, Returned):
            hide(machine, signal.value)
        if bound is not None:
            hide(machine, bound)
        left.append(after)
    return Story(_ended(machine, left), definition.name)
