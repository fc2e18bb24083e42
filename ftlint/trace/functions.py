"""Functions of the script: defined, and read anew at each call."""

from __future__ import annotations

import ast

from ftlint.run.fact import Truth
from ftlint.syntax.nodes import nodes_below
from ftlint.trace.heap import Dictionary, EntryKey
from ftlint.trace.library.devices import differentiates_nothing
from ftlint.trace.library.effects import AUTOCAST_CONTEXTS
from ftlint.trace.machine import (
    MAX_DEPTH,
    Frame,
    Machine,
    Returned,
)
from ftlint.trace.modules import hide
from ftlint.trace.paths import meet_values
from ftlint.trace.state import State, holds_module
from ftlint.trace.values import (
    NONE,
    Arguments,
    External,
    Function,
    FunctionDefinition,
    Opaque,
    Role,
    Tuple,
    Value,
)

# Decorators by the last part of their name that change nothing of what is traced.
_TRANSPARENT = frozenset(
    {
        "no_grad", "inference_mode", "enable_grad", "lru_cache", "cache", "wraps", "staticmethod", "classmethod",
        "property", "override", "abstractmethod", "compile", "torch_compile", "cached_property", "overload",
        "record", "typechecked", "profile", "timer", "main", "command", "dataclass",
    }
)  # fmt: skip


_ROLES = {
    "staticmethod": Role.STATIC,
    "classmethod": Role.CLASS,
    "property": Role.PROPERTY,
    "cached_property": Role.PROPERTY,
}


SHORT = 12  # names in a function that is read in any case


# Without any of these a function neither makes a model nor chooses a dtype.
_MODEL_WORDS = frozenset(
    {
        "torch", "nn", "from_pretrained", "from_config", "dtype", "torch_dtype", "bfloat16", "float16", "half",
        "bf16", "fp16", "Linear", "Sequential", "Trainer", "SFTTrainer", "TrainingArguments", "Accelerator", "exit",
        "setattr", "globals",
    }
)  # fmt: skip


# `@hydra.main`, `@app.command()`: whoever calls the function passes other arguments than the call shows.
_REBINDING = frozenset({"main", "command"})


def definition_of(machine: Machine, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> FunctionDefinition:
    """What there is to know about a function before it is called; worked out once per `def`."""
    known = machine.definitions.get(node)
    if known is not None:
        return known
    names: set[str] = set()
    generates = nests = False
    for part in nodes_below(node):
        if isinstance(part, ast.Name):
            names.add(part.id)
        elif isinstance(part, ast.Attribute):
            names.add(part.attr)
        elif isinstance(part, ast.Constant):
            continue  # before what is rare: a third of all nodes
        elif isinstance(part, (ast.Yield, ast.YieldFrom)):
            generates = True
        elif isinstance(part, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)) and part is not node:
            nests = True
    transparent, autocast, role = True, False, Role.METHOD
    for decorator in () if isinstance(node, ast.Lambda) else node.decorator_list:
        value = machine.evaluate(decorator.func if isinstance(decorator, ast.Call) else decorator)
        last = decorator.func if isinstance(decorator, ast.Call) else decorator
        name = last.attr if isinstance(last, ast.Attribute) else last.id if isinstance(last, ast.Name) else ""
        role = _ROLES.get(name, role)
        autocast |= isinstance(value, External) and value.name in AUTOCAST_CONTEXTS
        transparent &= name in _TRANSPARENT - _REBINDING or autocast
    definition = FunctionDefinition(
        node,
        machine.frame.source,
        frozenset(names),
        transparent,
        role,
        autocast,
        generates,
        nests,
        not isinstance(node, ast.Lambda) and differentiates_nothing(node.decorator_list),
    )
    machine.definitions[node] = definition
    return definition


def define_function(
    machine: Machine, node: ast.FunctionDef | ast.AsyncFunctionDef, class_id: int | None = None
) -> Function:
    """`def name(…)`: defaults are evaluated where it stands."""
    parameters = node.args
    positional = [*parameters.posonlyargs, *parameters.args]
    defaults = [
        (parameter.arg, machine.evaluate(value))
        for parameter, value in zip(
            positional[len(positional) - len(parameters.defaults) :], parameters.defaults, strict=True
        )
    ]
    for parameter, value in zip(parameters.kwonlyargs, parameters.kw_defaults, strict=True):
        if value is not None:
            defaults.append((parameter.arg, machine.evaluate(value)))
    # Methods do not see the class's own scope.
    scopes = machine.frame.scopes[1:] if class_id is not None else machine.frame.scopes
    function = Function(definition_of(machine, node), scopes, tuple(defaults), None, class_id)
    machine.functions.append(function)
    return function


def call_function(machine: Machine, function: Function, arguments: Arguments, node: ast.AST) -> Value:
    """What a function of the script returns: its body is read with these arguments, each time anew."""
    definition = function.definition
    too_deep = (
        len(machine.active) >= MAX_DEPTH or machine.active.count(definition) > 0 or machine.steps_left < machine.reserve
    )
    if not definition.transparent or definition.generates or too_deep or not _matters(machine, function, arguments):
        for argument in arguments.all():
            hide(machine, argument)
        hide(machine, function)
        return machine.unknown(node)
    machine.called.add(definition)

    def produce() -> list[tuple[State, Value]]:
        return _read_body(machine, function, arguments, node)

    return machine.choose(produce)


def _matters(machine: Machine, function: Function, arguments: Arguments) -> bool:
    """Whether a call can have to do with models or dtypes: it is given one, sees one, or names what makes one.

    Most functions of a script prepare data. What they return is unknown then, as if they stood in another file.
    """
    definition = function.definition
    if len(definition.names) <= SHORT:
        return True
    names = names_reached(machine, definition)
    if not names.isdisjoint(_MODEL_WORDS):
        return True
    given = (*arguments.all(), function.bound) if function.bound is not None else arguments.all()
    if any(holds_module(value, machine.state) for value in given):
        return True
    scopes = (machine.state.scopes.get(number, {}) for number in function.scopes)
    return any(
        name in names and holds_module(value, machine.state) for scope in scopes for name, value in scope.items()
    )


def names_reached(machine: Machine, definition: FunctionDefinition) -> frozenset[str]:
    """The names in a function and in the functions of the script that it may call."""
    known = machine.names_reached.get(definition)
    if known is None:
        reached: set[str] = set()
        waiting = set(definition.names)
        by_name = {function.definition.name: function.definition for function in machine.functions}
        while waiting:
            name = waiting.pop()
            if name not in reached:
                reached.add(name)
                called = by_name.get(name)
                waiting |= called.names if called is not None else set()
        known = machine.names_reached[definition] = frozenset(reached)
    return known


def _read_body(machine: Machine, function: Function, arguments: Arguments, node: ast.AST) -> list[tuple[State, Value]]:
    definition = function.definition
    outer_frame, outer_choices, outer_autocast = machine.frame, machine.choices, machine.state.autocast
    outer_guard, outer_without_gradients = machine.state.guard, machine.state.without_gradients
    number = machine.number()
    machine.state.open_scope(number, bind_parameters(machine, function, arguments, node))
    machine.frame = Frame((number, *function.scopes), definition.source, function)
    machine.active.append(definition)
    if definition.autocast:
        machine.state.autocast = Truth.YES
    if definition.without_gradients:
        machine.state.without_gradients = True
    try:
        ways: list[tuple[State, Value]] = []
        if isinstance(definition.node, ast.Lambda):
            machine.choices = outer_choices  # an expression: its choices are those of the statement around it
            ways.append((machine.state, machine.evaluate(definition.node.body)))
            ways = [(machine.state, ways[0][1])]
        else:
            for state, signal in machine.run_block(definition.node.body, [machine.state]):
                if signal is None:
                    ways.append((state, NONE))
                elif isinstance(signal, Returned):
                    ways.append((state, signal.value))
        for state, _ in ways:
            state.autocast, state.guard = outer_autocast, outer_guard
            if definition.without_gradients:
                state.without_gradients = outer_without_gradients
            if not definition.nests:
                state.scopes.pop(number, None)
        return meet_values(machine, ways)
    finally:
        machine.active.pop()
        machine.frame, machine.choices = outer_frame, outer_choices


def bind_parameters(
    machine: Machine, function: Function, arguments: Arguments, call: ast.AST | None = None
) -> dict[str, Value]:
    """The scope a call begins with; a parameter that may have been passed unseen is unknown."""
    node = function.definition.node
    parameters = node.args
    names = [parameter.arg for parameter in (*parameters.posonlyargs, *parameters.args)]
    given = list(arguments.positional)
    if function.bound is not None and function.definition.role is not Role.STATIC:
        given.insert(0, function.bound)
    scope: dict[str, Value] = dict(zip(names, given, strict=False))
    defaults = dict(function.defaults)
    rest = tuple(given[len(names) :])
    unused = dict(arguments.keywords)
    for name in (*names, *(parameter.arg for parameter in parameters.kwonlyargs)):
        if name in unused:
            scope[name] = unused.pop(name)
        elif name not in scope:
            default = defaults.get(name)
            if default is not None and arguments.complete:
                scope[name] = default
            else:
                scope[name] = Opaque(("parameter", name, node.lineno, machine.number()), name)
    if parameters.vararg is not None:
        scope[parameters.vararg.arg] = Tuple(rest) if arguments.complete else machine.unknown()
    if parameters.kwarg is not None:
        rest_of_keywords = machine.add(Dictionary(dict[EntryKey, Value](unused.items()), open=not arguments.complete))
        if call is not None:
            machine.note_place(rest_of_keywords, call)
        scope[parameters.kwarg.arg] = rest_of_keywords
    return scope
