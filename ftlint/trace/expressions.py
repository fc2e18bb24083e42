"""What an expression stands for: one small function for each kind of `ast` expression."""

from __future__ import annotations

import ast
import dataclasses
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

from ftlint.run.fact import Truth
from ftlint.trace.assignment import assign
from ftlint.trace.calls import call
from ftlint.trace.functions import definition_of
from ftlint.trace.heap import Dictionary, Items
from ftlint.trace.library.devices import hint_of_text
from ftlint.trace.library.saving import gather_by_hand
from ftlint.trace.library.weight_files import files_of
from ftlint.trace.machine import Machine
from ftlint.trace.modules import hide
from ftlint.trace.operations import binary, compared
from ftlint.trace.paths import meet_values
from ftlint.trace.reading import attribute, element_of, key_of, subscript, unfold
from ftlint.trace.sharding import StateDict
from ftlint.trace.state import State
from ftlint.trace.values import (
    MAX_TEXT_LENGTH,
    MAX_VALUES,
    NONE,
    Constant,
    Function,
    Opaque,
    Tensor,
    Tuple,
    Value,
)

_Rule: TypeAlias = "Callable[[Machine, Any], Value]"  # Any: each rule takes its own kind of node


MAX_ITEMS = 64


def evaluate(machine: Machine, node: ast.expr) -> Value:
    """The value of an expression; UNKNOWN things have opaque values, and no expression raises."""
    rule = _RULES.get(type(node))
    if rule is not None:
        return rule(machine, node)
    for part in ast.iter_child_nodes(node):
        if isinstance(part, ast.expr):
            machine.evaluate(part)
    return machine.unknown(node)


def _constant(machine: Machine, node: ast.Constant) -> Value:
    value = node.value
    return NONE if value is None else machine.unknown(node) if value is Ellipsis else Constant(value)


def _name(machine: Machine, node: ast.Name) -> Value:
    return machine.lookup(node.id)


def _attribute(machine: Machine, node: ast.Attribute) -> Value:
    return attribute(machine, machine.evaluate(node.value), node.attr)


def _subscript(machine: Machine, node: ast.Subscript) -> Value:
    base, index = machine.evaluate(node.value), machine.evaluate(node.slice)
    return subscript(machine, base, index, isinstance(node.slice, ast.Slice))


def _tuple(machine: Machine, node: ast.Tuple) -> Value:
    items = _items(machine, node.elts)
    return Tuple(items) if items is not None else machine.unknown(node)


def _list(machine: Machine, node: ast.List | ast.Set) -> Value:
    if len(node.elts) > MAX_ITEMS:
        return machine.add(Items((), open=True))
    items = _items(machine, node.elts)
    return machine.add(Items(items or (), open=items is None))


def _items(machine: Machine, nodes: list[ast.expr]) -> tuple[Value, ...] | None:
    """The values of items, `*rest` unfolded; None where some cannot be listed."""
    items: list[Value] = []
    whole = True
    for node in nodes:
        if not isinstance(node, ast.Starred):
            items.append(machine.evaluate(node))
            continue
        inner = unfold(machine, machine.evaluate(node.value))
        if inner is None or len(items) + len(inner) > MAX_VALUES:
            for value in dict.fromkeys(inner or ()):
                hide(machine, value)
            whole = False
        else:
            items.extend(inner)
    return tuple(items) if whole else None


def _dict(machine: Machine, node: ast.Dict) -> Value:
    entries: dict[str | int | float | bool | None, Value] = {}
    open = len(node.keys) > MAX_ITEMS * 4
    for key_node, value_node in zip(node.keys, node.values, strict=True):
        value = machine.evaluate(value_node)
        if key_node is None:
            inner = machine.record(value)
            if isinstance(inner, Dictionary) and not inner.open:
                entries.update(inner.entries)
            else:
                open = True
            continue
        key = machine.evaluate(key_node)
        if isinstance(key, Constant) and not isinstance(key.value, (bytes, complex)):
            entries[key.value] = value
        else:
            open = True
    made = machine.add(Dictionary(entries, open))
    machine.note_place(made, node)
    return made


def _joined_string(machine: Machine, node: ast.JoinedStr) -> Value:
    parts: list[str] = []
    for part in node.values:
        value = machine.evaluate(part.value if isinstance(part, ast.FormattedValue) else part)
        plain = isinstance(part, ast.Constant) or (
            isinstance(part, ast.FormattedValue) and part.format_spec is None and part.conversion == -1
        )
        if not plain or not isinstance(value, Constant):
            return machine.unknown(node, hint_of_text(parts))
        parts.append(str(value.value))
        if sum(map(len, parts)) > MAX_TEXT_LENGTH:
            return machine.unknown(node)
    return Constant("".join(parts))


def _binary(machine: Machine, node: ast.BinOp) -> Value:
    return binary(machine, machine.evaluate(node.left), node.op, machine.evaluate(node.right), node)


def _unary(machine: Machine, node: ast.UnaryOp) -> Value:
    value = machine.evaluate(node.operand)
    if isinstance(node.op, ast.Not):
        truth = machine.truth(value)
        if truth is not Truth.UNKNOWN:
            return Constant(truth is Truth.NO)
        return Opaque(("not", value.key)) if isinstance(value, Opaque) else machine.unknown(node)
    if isinstance(node.op, ast.USub) and isinstance(value, Constant) and isinstance(value.value, (int, float)):
        return Constant(-value.value)
    return value if isinstance(value, Tensor) else machine.unknown(node)


def _boolean(machine: Machine, node: ast.BoolOp) -> Value:
    decisive = Truth.NO if isinstance(node.op, ast.And) else Truth.YES
    unknown: list[Hashable] = []
    value: Value = NONE
    for part in node.values:
        value = machine.evaluate(part)
        truth = machine.truth(value)
        if truth is decisive and not unknown:
            return value
        if truth is decisive:
            return Constant(decisive is Truth.YES) if isinstance(value, Constant) else machine.unknown(node)
        if truth is Truth.UNKNOWN:
            unknown.append(key_of(value))
    if not unknown:
        return value
    if len(unknown) == 1 and isinstance(value, Opaque) and value.key == unknown[0]:
        return value
    return Opaque(("all" if decisive is Truth.NO else "any", tuple(unknown)))


def _compare(machine: Machine, node: ast.Compare) -> Value:
    left = machine.evaluate(node.left)
    rights = [machine.evaluate(right) for right in node.comparators]
    if len(rights) != 1:
        return machine.unknown(node)
    return compared(machine, left, node.ops[0], rights[0])


def _conditional(machine: Machine, node: ast.IfExp) -> Value:
    condition = machine.evaluate(node.test)
    truth = machine.truth(condition)
    if truth is not Truth.UNKNOWN:
        return machine.evaluate(node.body if truth is Truth.YES else node.orelse)

    def produce() -> list[tuple[State, Value]]:
        before = machine.state
        ways: list[tuple[State, Value]] = []
        for answer, part in ((True, node.body), (False, node.orelse)):
            machine.state = before.fork()
            machine.assume(condition, answer)
            value = machine.evaluate(part)
            ways.append((machine.state, value))
        return meet_values(machine, ways)

    return machine.choose(produce)


def _named(machine: Machine, node: ast.NamedExpr) -> Value:
    value = machine.evaluate(node.value)
    machine.bind(node.target.id, value)
    return value


def _lambda(machine: Machine, node: ast.Lambda) -> Value:
    return Function(definition_of(machine, node), machine.frame.scopes)


def _comprehension(machine: Machine, node: ast.ListComp | ast.SetComp | ast.GeneratorExp) -> Value:
    """One item stands for all, or each item is seen where the list is known and short."""
    with _own_names(machine, node.generators):
        return _comprehended(machine, node)


def _comprehended(machine: Machine, node: ast.ListComp | ast.SetComp | ast.GeneratorExp) -> Value:
    known = _loop(machine, node.generators)
    simple = len(node.generators) == 1 and not node.generators[0].ifs
    if known is not None and simple and len(known) <= 8:
        items = []
        for item in known:
            _bind(machine, node.generators[0].target, item)
            items.append(machine.evaluate(node.elt))
        return machine.add(Items(tuple(items)))
    for generator in node.generators[1:]:
        _bind(machine, generator.target, element_of(machine, machine.evaluate(generator.iter)))
    item = machine.evaluate(node.elt)
    # A list of blocks built alike: the one block stands for each. Of other things we then know too little.
    alike = simple and machine.module(item) is not None
    return machine.add(Items((item,) if alike else (), open=not alike))


@contextmanager
def _own_names(machine: Machine, generators: list[ast.comprehension]) -> Iterator[None]:
    """A comprehension's variables are its own: what they hide comes back."""
    names = [part.id for each in generators for part in ast.walk(each.target) if isinstance(part, ast.Name)]
    scope = machine.state.scopes[machine.frame.scopes[0]]
    hidden = {name: scope[name] for name in names if name in scope}
    yield
    scope = machine.state.writable_scope(machine.frame.scopes[0])
    for name in names:
        scope.pop(name, None)
    scope.update(hidden)


def _loop(machine: Machine, generators: list[ast.comprehension]) -> tuple[Value, ...] | None:
    source = machine.evaluate(generators[0].iter)
    _bind(machine, generators[0].target, element_of(machine, source))
    return unfold(machine, source)


def _bind(machine: Machine, target: ast.expr, value: Value) -> None:
    assign(machine, target, value, target, None)


# What a comprehension over a state dict may do to each weight and leave it the piece, or the whole, that it was.
_KEEPS_PIECES = frozenset(
    {"cpu", "to", "detach", "clone", "contiguous", "half", "bfloat16", "float", "replace", "items", "to_local"}
)


def _methods_called(node: ast.DictComp) -> frozenset[str]:
    """The methods called in the key and value of a comprehension; a function counts as "()"."""
    parts = [part for inner in (node.key, node.value) for part in ast.walk(inner)]
    functions = [part.func for part in parts if isinstance(part, ast.Call)]
    return frozenset(function.attr if isinstance(function, ast.Attribute) else "()" for function in functions)


def _state_comprehension(machine: Machine, source: StateDict, node: ast.DictComp) -> Value | None:
    """`{name: weight.cpu() for name, weight in model.state_dict().items()}`: a state dict of the same weights."""
    methods = _methods_called(node)
    if node.generators[0].ifs or not methods <= _KEEPS_PIECES | {"full_tensor"}:
        return None
    if "full_tensor" in methods:
        return gather_by_hand(machine, source, node)
    return dataclasses.replace(source, is_plain=source.is_plain or "to_local" in methods)


def _dict_comprehension(machine: Machine, node: ast.DictComp) -> Value:
    with _own_names(machine, node.generators):
        source = machine.evaluate(node.generators[0].iter)
        if isinstance(source, StateDict) and (state := _state_comprehension(machine, source, node)) is not None:
            return state
        _bind(machine, node.generators[0].target, element_of(machine, source))
        machine.evaluate(node.key)
        value = machine.evaluate(node.value)
    if files_of(value):
        return value  # what was loaded, under other names
    return machine.add(Dictionary({}, open=True))


def _starred(machine: Machine, node: ast.Starred) -> Value:
    return machine.evaluate(node.value)


def _await(machine: Machine, node: ast.Await) -> Value:
    return machine.evaluate(node.value)


def _slice(machine: Machine, node: ast.Slice) -> Value:
    return Opaque(("slice",))


_RULES: dict[type[ast.expr], _Rule] = {
    ast.Constant: _constant,
    ast.Name: _name,
    ast.Attribute: _attribute,
    ast.Call: call,
    ast.Subscript: _subscript,
    ast.Tuple: _tuple,
    ast.List: _list,
    ast.Set: _list,
    ast.Dict: _dict,
    ast.JoinedStr: _joined_string,
    ast.BinOp: _binary,
    ast.UnaryOp: _unary,
    ast.BoolOp: _boolean,
    ast.Compare: _compare,
    ast.IfExp: _conditional,
    ast.NamedExpr: _named,
    ast.Lambda: _lambda,
    ast.ListComp: _comprehension,
    ast.SetComp: _comprehension,
    ast.GeneratorExp: _comprehension,
    ast.DictComp: _dict_comprehension,
    ast.Starred: _starred,
    ast.Await: _await,
    ast.Slice: _slice,
}
