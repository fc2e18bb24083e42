"""What an assignment changes: names, attributes, items, submodules."""

from __future__ import annotations

import ast
import dataclasses

from ftlint.run.fact import UNKNOWN, Truth
from ftlint.trace.heap import Class, Dictionary, Instance, Items, Module, ModuleKind
from ftlint.trace.library.devices import note_variable
from ftlint.trace.library.placement import note_unwrapped
from ftlint.trace.library.weight_files import part_of
from ftlint.trace.machine import Machine
from ftlint.trace.modules import hide, set_child
from ftlint.trace.reading import unfold
from ftlint.trace.sharding import Gathering, StateDict
from ftlint.trace.values import (
    Constant,
    External,
    Method,
    PartOf,
    Reference,
    Tensor,
    Value,
)


def assign(machine: Machine, target: ast.expr, value: Value, node: ast.AST, expression: ast.expr | None) -> None:
    """`target = value`; `expression` is what the value was written as, where it is written for this target alone."""
    if expression is not None:
        note_unwrapped(machine, value, expression)
    if isinstance(target, ast.Name):
        machine.bind(target.id, value)
        if expression is not None:
            machine.written_as[machine.frame.source, target.id] = expression
    elif isinstance(target, ast.Attribute):
        set_attribute(machine, machine.evaluate(target.value), target.attr, value, node, expression)
    elif isinstance(target, ast.Subscript):
        _set_item(machine, machine.evaluate(target.value), machine.evaluate(target.slice), value, node, expression)
    elif isinstance(target, ast.Starred):
        assign(machine, target.value, machine.unknown(node), node, None)
    elif isinstance(target, (ast.Tuple, ast.List)):
        _unpack(machine, target, value, node, expression)


def _unpack(
    machine: Machine, target: ast.Tuple | ast.List, value: Value, node: ast.AST, expression: ast.expr | None
) -> None:
    items = unfold(machine, value)
    starred = any(isinstance(part, ast.Starred) for part in target.elts)
    parts = expression.elts if isinstance(expression, (ast.Tuple, ast.List)) else []
    for position, part in enumerate(target.elts):
        if isinstance(value, PartOf):
            item: Value = value
        elif isinstance(value, StateDict):
            item = PartOf(value.module_id, tensor=True) if position else machine.unknown(node)
        elif items is not None and not starred and len(items) == len(target.elts):
            item = items[position]
        else:
            item = part_of(machine, value, position)
        own = parts[position] if not starred and len(parts) == len(target.elts) else None
        assign(machine, part, item, node, own)


def set_attribute(
    machine: Machine, owner: Value, name: str, value: Value, node: ast.AST, expression: ast.expr | None
) -> None:
    """`owner.name = value`."""
    record = machine.record(owner)
    if isinstance(owner, Reference) and isinstance(record, Module):
        set_child(machine, owner.id, name, value, node, expression)
    elif isinstance(owner, Reference) and isinstance(record, (Instance, Class)):
        attributes = {**record.attributes, name: value}
        machine.state.writable_heap()[owner.id] = dataclasses.replace(record, attributes=attributes)
        machine.note_entry(owner, name, value, expression if expression is not None else node)
    elif isinstance(owner, PartOf):
        if name not in ("requires_grad", "grad"):
            hide(machine, owner)
            hide(machine, value)
    elif name == "state_dict_type":
        # Of accelerate's plugin; what is gathered from here on is no longer what its configuration says.
        machine.state.gathering = Gathering(UNKNOWN, Truth.UNKNOWN, Truth.UNKNOWN, machine.location(node))
    elif isinstance(owner, Tensor) or (isinstance(owner, External) and owner.package in ("os", "torch")):
        pass
    else:
        hide(machine, value)  # kept by an object we do not see, whose methods may do anything to it


def _set_item(
    machine: Machine, owner: Value, index: Value, value: Value, node: ast.AST, expression: ast.expr | None
) -> None:
    record = machine.record(owner)
    if isinstance(owner, Method) and owner.name == "_modules" and isinstance(owner.receiver, Reference):
        if isinstance(index, Constant) and isinstance(index.value, str):
            set_child(machine, owner.receiver.id, index.value, value, node, expression)
        else:
            hide(machine, owner.receiver)
    elif isinstance(owner, Reference) and isinstance(record, Dictionary):
        if isinstance(index, Constant) and not isinstance(index.value, (bytes, complex)):
            machine.state.writable_heap()[owner.id] = dataclasses.replace(
                record, entries={**record.entries, index.value: value}
            )
            if isinstance(index.value, str):
                machine.note_entry(owner, index.value, value, expression if expression is not None else node)
        else:
            machine.state.writable_heap()[owner.id] = dataclasses.replace(record, open=True)
    elif isinstance(owner, Reference) and isinstance(record, Items):
        machine.state.writable_heap()[owner.id] = _with_item(record, index, value)
    elif isinstance(owner, Reference) and isinstance(record, Module):
        _set_module_item(machine, owner, record, index, value, node, expression)
    elif isinstance(owner, (PartOf, StateDict)):
        hide(machine, owner)
    elif owner == External("os.environ"):
        note_variable(machine, index, value, node)
    elif not isinstance(owner, Tensor):
        hide(machine, value)


def _with_item(record: Items, index: Value, value: Value) -> Items:
    if (
        isinstance(index, Constant)
        and isinstance(index.value, int)
        and -len(record.items) <= index.value < len(record.items)
    ):
        items = list(record.items)
        items[index.value] = value
        return Items(tuple(items), record.open)
    return Items(record.items, open=True)


def _set_module_item(
    machine: Machine,
    owner: Reference,
    record: Module,
    index: Value,
    value: Value,
    node: ast.AST,
    expression: ast.expr | None,
) -> None:
    names = list(record.children)
    if record.kind is ModuleKind.CONTAINER and isinstance(index, Constant):
        if isinstance(index.value, int) and -len(names) <= index.value < len(names):
            set_child(machine, owner.id, names[index.value], value, node, expression)
            return
        if isinstance(index.value, str):
            set_child(machine, owner.id, index.value, value, node, expression)
            return
    hide(machine, owner)
