"""Models that are moved, and the weights that they are given from files.

Sources: torch 2.13 serialization.py (`load`: without `map_location` back to where it was saved), nn/modules/module.py
(`to`, `cuda`, `to_empty`); safetensors 0.8 torch.py (`load_file`: the CPU unless a device is given).
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Hashable, Iterator
from typing import TypeAlias

from ftlint.trace.heap import Dictionary
from ftlint.trace.library.devices import CPU, DEPTH, GPU, devices_of
from ftlint.trace.machine import Machine
from ftlint.trace.modules import inside
from ftlint.trace.placement_events import Devices, LoadedFile, Moved, StateLoaded, Subject
from ftlint.trace.places import Place
from ftlint.trace.values import (
    NONE,
    Arguments,
    DTypeValue,
    External,
    Function,
    Opaque,
    Reference,
    Value,
)

Handler: TypeAlias = "Callable[[Machine, External, Arguments, ast.Call], Value]"

_MOVES = {"to": None, "cuda": GPU, "xpu": GPU, "npu": GPU, "cpu": CPU, "to_empty": None}
_GIVES_ITSELF = frozenset({"cuda", "cpu", "to_empty", "eval", "train"})
_TAKES_OUT = frozenset({"get", "pop", "copy", "items", "values", "state_dict", "setdefault"})


def note_method(machine: Machine, receiver: Value, name: str, arguments: Arguments, node: ast.expr) -> None:
    """A method of a model that may move it, or that takes weights."""
    if name in _MOVES:
        _note_move(machine, receiver, name, arguments, node)
    elif name == "load_state_dict":
        for file in files_of(arguments.get("state_dict", 0)):
            machine.emit(StateLoaded(machine.location(node), _subjects(machine, receiver), file))


def method_of_unknown(
    machine: Machine, receiver: Opaque, name: str, arguments: Arguments, node: ast.expr
) -> Value | None:
    """A method of what we know nothing of but how it came to be; None where that does not matter."""
    if name in _TAKES_OUT and files_of(receiver):
        return Opaque(("item", receiver.key, (name, arguments.positional)), receiver.hint)
    if machine.mentions & {"load_state_dict", "DataParallel"}:
        note_method(machine, receiver, name, arguments, node)
        if name in _GIVES_ITSELF and arguments.complete:
            return same(receiver)
    return None


def same(value: Opaque) -> Opaque:
    """What a method or a wrapper gives back that only moves or wraps an unknown model."""
    return Opaque(("same", value.key), value.hint)


def _note_move(machine: Machine, receiver: Value, name: str, arguments: Arguments, node: ast.expr) -> None:
    devices: Devices = _MOVES[name]
    only_cast = False
    if devices is None:
        named = arguments.get("device", 0)
        if isinstance(named, DTypeValue) or named is None:
            only_cast = arguments.complete
            others = [value for value in arguments.positional[1:] if not isinstance(value, DTypeValue)]
            named = others[0] if others else None
        devices = devices_of(machine, named) if arguments.complete else None
    subjects = _subjects(machine, receiver)
    handed_away = not machine.places.handed_away.isdisjoint(subjects)
    machine.emit(Moved(machine.location(node), subjects, devices, name, only_cast, handed_away))


def _subjects(machine: Machine, value: Value) -> frozenset[Subject]:
    if isinstance(value, Reference):
        return frozenset(inside(machine, value.id))
    return frozenset(_keys(value.key, DEPTH)) if isinstance(value, Opaque) else frozenset()


def _keys(key: Hashable, depth: int) -> Iterator[Hashable]:
    """The key of an unknown model, or the keys of those that it may be."""
    key = plain_key(key)
    match key:
        case ("joined", _, one, two) if depth:
            for side in (one, two):
                if isinstance(side, Opaque):
                    yield from _keys(side.key, depth - 1)
        case _:
            yield key


def plain_key(key: Hashable) -> Hashable:
    """`model.cuda()` and a wrapper around the model are the model."""
    while True:
        match key:
            case ("same", inner) | ("replicas", inner, _):
                key = inner
            case _:
                return key


# -- weights from files --------------------------------------------------------------------------------------------


def files_of(value: Value | None) -> tuple[LoadedFile, ...]:
    """The file that a state dict, or the dict it is taken from, was read from; of each branch one."""
    return _files_behind(value.key, DEPTH) if isinstance(value, Opaque) else ()


def part_of(machine: Machine, value: Value, which: Hashable) -> Value:
    """A part of something, we do not know which; of what was loaded from a file it is known where it comes from."""
    if isinstance(value, Opaque) and files_of(value):
        return Opaque(("item", value.key, which), value.hint)
    return machine.unknown()


def _files_behind(key: Hashable, depth: int) -> tuple[LoadedFile, ...]:
    if depth == 0:
        return ()
    match key:
        case ("file", LoadedFile() as file):
            return (file,)
        case ("item" | "attribute", inner, _):
            return _files_behind(inner, depth - 1)
        case ("joined", _, Opaque() as one, Opaque() as two):
            left, right = _files_behind(one.key, depth - 1), _files_behind(two.key, depth - 1)
            return tuple(dict.fromkeys((*left, *right))) if left and right else ()
    return ()


def _torch_load(machine: Machine, callee: External, arguments: Arguments, node: ast.Call) -> Value:
    place = arguments.get("map_location", 1)
    as_saved = place in (None, NONE)
    devices = _mapped(machine, place) if arguments.complete and not as_saved else None
    return _file(machine, callee, node, devices, as_saved=as_saved and arguments.complete)


def _load_file(machine: Machine, callee: External, arguments: Arguments, node: ast.Call) -> Value:
    place = arguments.get("device", 1)
    devices = CPU if place is None else devices_of(machine, place)
    return _file(machine, callee, node, devices if arguments.complete else None, as_saved=False)


def _file(machine: Machine, callee: External, node: ast.Call, devices: Devices, *, as_saved: bool) -> Value:
    place = Place(machine.frame.source, node)
    return Opaque(("file", LoadedFile(place, callee.name, devices, as_saved, machine.number())), callee.last)


def _mapped(machine: Machine, place: Value | None) -> Devices:
    """The devices of a `map_location`: a device, a dict of devices, or a function."""
    record = machine.record(place)
    if isinstance(record, Dictionary) and not record.open and record.entries:
        each = [devices_of(machine, value) for value in record.entries.values()]
        known = [devices for devices in each if devices is not None]
        return frozenset().union(*known) if len(known) == len(each) else None
    if isinstance(place, Function):
        return _mapped_by(place.definition.node)
    return devices_of(machine, place)


def _mapped_by(node: ast.AST) -> Devices:
    """`lambda storage, location: storage` leaves a storage on the CPU, `storage.cuda()` puts it on the GPU."""
    if not isinstance(node, ast.Lambda):
        return None
    body = node.body
    first = node.args.args[0].arg if node.args.args else ""
    if isinstance(body, ast.Name) and body.id == first:
        return CPU
    if isinstance(body, ast.Call) and isinstance(body.func, ast.Attribute) and body.func.attr in ("cuda", "cpu"):
        owner = body.func.value
        return _MOVES[body.func.attr] if isinstance(owner, ast.Name) and owner.id == first else None
    return None


HANDLERS: dict[str, Handler] = {"torch.load": _torch_load, "safetensors.torch.load_file": _load_file}
