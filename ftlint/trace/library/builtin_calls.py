"""Python's own functions and the standard library's, as far as they move models, dtypes and settings about."""

from __future__ import annotations

import ast
import dataclasses
from collections.abc import Callable
from typing import TypeAlias

from ftlint.run.fact import Truth
from ftlint.trace.assignment import set_attribute
from ftlint.trace.heap import Class, Dictionary, EntryKey, Instance, Items, Module, ModuleKind
from ftlint.trace.library.models import has_head
from ftlint.trace.machine import Machine
from ftlint.trace.modules import copy_module, hide, lose
from ftlint.trace.reading import attribute, element_of, unfold
from ftlint.trace.values import (
    NONE,
    Arguments,
    Constant,
    External,
    Function,
    Opaque,
    PartOf,
    Reference,
    Tuple,
    Value,
)

MAX_ROWS = 8
PARTIAL = "functools.partial"
CALLED, GIVEN = "what is called", "what is given first"  # no keywords of Python's can have these names

Handler: TypeAlias = "Callable[[Machine, External, Arguments, ast.Call], Value]"


def _getattr(machine: Machine, callee: External, arguments: Arguments, node: ast.Call) -> Value:
    if len(arguments.positional) < 2:
        return machine.unknown(node)
    owner, name = arguments.positional[:2]
    if isinstance(name, Constant) and isinstance(name.value, str):
        module = machine.module(owner)
        if len(arguments.positional) > 2 and module is not None and name.value not in module.children:
            return machine.unknown(node)  # the default says that it may not be there
        return attribute(machine, owner, name.value)
    if isinstance(owner, Reference) and machine.module(owner):
        return PartOf(owner.id)
    lose(machine, owner)
    return machine.unknown(node)


def _setattr(machine: Machine, callee: External, arguments: Arguments, node: ast.Call) -> Value:
    if len(arguments.positional) < 3:
        return NONE
    owner, name, value = arguments.positional[:3]
    if isinstance(name, Constant) and isinstance(name.value, str):
        set_attribute(machine, owner, name.value, value, node, node.args[2] if len(node.args) > 2 else None)
    else:
        hide(machine, owner)
    return NONE


def _hasattr(machine: Machine, callee: External, arguments: Arguments, node: ast.Call) -> Value:
    owner, name = arguments.get("", 0), arguments.get("", 1)
    record = machine.record(owner)
    if isinstance(record, (Module, Instance)) and isinstance(name, Constant) and isinstance(name.value, str):
        known = record.children if isinstance(record, Module) else record.attributes
        if name.value in known:
            return Constant(True)
        if isinstance(record, Module) and isinstance(owner, Reference):
            if record.kind is ModuleKind.MODEL and has_head(record.name, name.value, record.family) is Truth.YES:
                return Constant(True)
            return Opaque(("hasattr", owner.id, name.value))
    return machine.unknown(node)


def _dict(machine: Machine, callee: External, arguments: Arguments, node: ast.Call) -> Value:
    entries: dict[EntryKey, Value] = {}
    open = not arguments.complete
    for value in arguments.positional:
        record = machine.record(value)
        if isinstance(value, PartOf):
            return value  # `dict(model.named_parameters())`
        if isinstance(record, Dictionary):
            entries.update(record.entries)
            open |= record.open
        else:
            open = True
    entries.update(arguments.keywords)
    made = machine.add(Dictionary(entries, open))
    machine.note_place(made, node)
    return made


def _namespace(machine: Machine, callee: External, arguments: Arguments, node: ast.Call) -> Value:
    open = not arguments.complete or bool(arguments.positional)
    return machine.add(Instance(callee.name, dict(arguments.keywords), open=open))


def _sequence(machine: Machine, callee: External, arguments: Arguments, node: ast.Call) -> Value:
    value = arguments.get("iterable", 0)
    if value is None:
        return machine.add(Items())
    if isinstance(value, PartOf):
        return value
    items = unfold(machine, value)
    return machine.add(Items(items or (), open=items is None))


def _passing(machine: Machine, callee: External, arguments: Arguments, node: ast.Call) -> Value:
    """`next`, `iter`, `reversed` …: what comes out is what went in, seen one by one."""
    if not arguments.positional:
        return machine.unknown(node)
    value = arguments.positional[-1] if callee.last == "filter" else arguments.positional[0]
    if isinstance(value, PartOf):
        return value
    return element_of(machine, value) if callee.last == "next" else value


def _enumerate(machine: Machine, callee: External, arguments: Arguments, node: ast.Call) -> Value:
    known = [unfold(machine, value) for value in arguments.positional[: 1 if callee.last == "enumerate" else None]]
    lengths = {len(items) if items is not None else 0 for items in known}
    # A list of one may stand for many that are alike.
    if len(lengths) == 1 and 1 < next(iter(lengths)) <= MAX_ROWS and arguments.complete:
        columns = [items for items in known if items is not None]
        if callee.last == "enumerate":
            started = len(arguments.all()) > 1
            columns.insert(0, tuple(machine.unknown(node) if started else Constant(i) for i in range(len(columns[0]))))
        return machine.add(Items(tuple(Tuple(row) for row in zip(*columns, strict=True))))
    return _one_row(machine, callee, arguments, node)


def _one_row(machine: Machine, callee: External, arguments: Arguments, node: ast.Call) -> Value:
    columns = [element_of(machine, value) for value in arguments.positional]
    if callee.last == "enumerate":
        columns = [machine.unknown(node, "index"), *columns[:1]]
    # One row stands for all of them.
    return machine.add(Items((Tuple(tuple(columns)),), open=True))


def _copy(machine: Machine, callee: External, arguments: Arguments, node: ast.Call) -> Value:
    value = arguments.get("x", 0)
    record = machine.record(value)
    if isinstance(record, Module) and isinstance(value, Reference):
        if callee.last == "deepcopy":
            return copy_module(machine, value.id)
        hide(machine, value)
        return machine.unknown(node)
    if record is not None and not isinstance(record, Class):
        return machine.add(record)
    return value if value is not None else machine.unknown(node)


def _replace(machine: Machine, callee: External, arguments: Arguments, node: ast.Call) -> Value:
    record = machine.record(arguments.get("obj", 0))
    if not isinstance(record, Instance):
        return machine.unknown(node)
    attributes = {**record.attributes, **arguments.keywords}
    return machine.add(dataclasses.replace(record, attributes=attributes, open=record.open or not arguments.complete))


def _as_dict(machine: Machine, callee: External, arguments: Arguments, node: ast.Call) -> Value:
    record = machine.record(arguments.get("obj", 0))
    if not isinstance(record, Instance):
        return machine.unknown(node)
    return machine.add(Dictionary(dict[EntryKey, Value](record.attributes.items()), record.open))


def _field(machine: Machine, callee: External, arguments: Arguments, node: ast.Call) -> Value:
    attributes = dict(arguments.keywords)
    factory = attributes.get("default_factory")
    if isinstance(factory, Function):
        attributes["default"] = machine.call_function(factory, Arguments(), node)
    return machine.add(Instance("dataclasses.field", attributes))


def _partial(machine: Machine, callee: External, arguments: Arguments, node: ast.Call) -> Value:
    builds = arguments.positional and isinstance(arguments.positional[0], (External, Reference))
    if not builds or not arguments.complete or any(machine.module(value) for value in arguments.all()):
        for value in arguments.all():
            hide(machine, value)  # it may be called anywhere
        return machine.unknown(node)
    function, *given = arguments.positional
    return machine.add(Instance(PARTIAL, {CALLED: function, GIVEN: Tuple(tuple(given)), **arguments.keywords}))


def call_partial(machine: Machine, record: Instance, arguments: Arguments, node: ast.expr) -> Value:
    """A call of what `functools.partial` gave."""
    keywords = dict(record.attributes)
    function, given = keywords.pop(CALLED), keywords.pop(GIVEN)
    positional = (*(given.items if isinstance(given, Tuple) else ()), *arguments.positional)
    merged = dataclasses.replace(arguments, positional=positional, keywords={**keywords, **arguments.keywords})
    return machine.call_value(function, merged, node)


def _text(machine: Machine, callee: External, arguments: Arguments, node: ast.Call) -> Value:
    value = arguments.get("object", 0)
    if isinstance(value, Constant) and isinstance(value.value, (str, int)):
        return Constant(str(value.value))
    return machine.unknown(node)


HANDLERS: dict[str, Handler] = {
    "builtins.getattr": _getattr,
    "builtins.setattr": _setattr,
    "builtins.hasattr": _hasattr,
    "builtins.dict": _dict,
    "builtins.list": _sequence,
    "builtins.tuple": _sequence,
    "builtins.set": _sequence,
    "builtins.str": _text,
    "builtins.next": _passing,
    "builtins.iter": _passing,
    "builtins.reversed": _passing,
    "builtins.sorted": _passing,
    "builtins.filter": _passing,
    "builtins.enumerate": _enumerate,
    "builtins.zip": _enumerate,
    "tqdm.tqdm": _passing,
    "tqdm.auto.tqdm": _passing,
    "tqdm.notebook.tqdm": _passing,
    "copy.deepcopy": _copy,
    "copy.copy": _copy,
    "types.SimpleNamespace": _namespace,
    "argparse.Namespace": _namespace,
    "dataclasses.replace": _replace,
    "dataclasses.asdict": _as_dict,
    "dataclasses.field": _field,
    PARTIAL: _partial,
}


def collection_method(
    machine: Machine, receiver: Reference, record: Items | Dictionary, name: str, arguments: Arguments
) -> Value:
    """A method of a list or dict."""
    if isinstance(record, Dictionary):
        return _dict_method(machine, receiver, record, name, arguments)
    if name == "append" and arguments.positional and not record.open:
        machine.state.writable_heap()[receiver.id] = Items((*record.items, arguments.positional[0]))
        return NONE
    if name == "copy":
        return machine.add(record)
    if name in ("index", "count"):
        return machine.unknown()
    machine.state.writable_heap()[receiver.id] = dataclasses.replace(record, open=True)
    return machine.unknown()


def _dict_method(machine: Machine, receiver: Reference, record: Dictionary, name: str, arguments: Arguments) -> Value:
    key = arguments.get("key", 0)
    if (
        name in ("get", "pop", "setdefault")
        and isinstance(key, Constant)
        and not isinstance(key.value, (bytes, complex))
    ):
        found = record.entries.get(key.value)
        value = found if found is not None else arguments.get("default", 1) or NONE
        if record.open:
            value = machine.unknown()
        if name == "pop":
            kept = {each: item for each, item in record.entries.items() if each != key.value}
            machine.state.writable_heap()[receiver.id] = Dictionary(kept, record.open)
        if name == "setdefault" and found is None:
            machine.state.writable_heap()[receiver.id] = Dictionary({**record.entries, key.value: value}, record.open)
        return value
    if name == "update":
        entries = dict(record.entries)
        open = record.open or not arguments.complete
        for value in arguments.positional:
            other = machine.record(value)
            if isinstance(other, Dictionary):
                entries.update(other.entries)
                open |= other.open
            else:
                open = True
        entries.update(arguments.keywords)
        machine.state.writable_heap()[receiver.id] = Dictionary(entries, open)
        return NONE
    if name == "copy":
        return machine.add(record)
    if name in ("keys", "values", "items"):
        rows: list[Value] = []
        for each, item in record.entries.items():
            rows.append(
                Constant(each) if name == "keys" else item if name == "values" else Tuple((Constant(each), item))
            )
        return machine.add(Items(tuple(rows), record.open))
    machine.state.writable_heap()[receiver.id] = dataclasses.replace(record, open=True)
    return machine.unknown()


def text_method(machine: Machine, receiver: Constant, name: str, arguments: Arguments) -> Value:
    """A method of a text."""
    if isinstance(receiver.value, str) and not arguments.all() and name in ("lower", "upper", "strip"):
        return Constant(str(getattr(receiver.value, name)()))
    return machine.unknown()
