"""Models that are moved, and the weights that they are given from files.

Sources: torch 2.13 serialization.py (`load`: without `map_location` back to where it was saved), nn/modules/module.py
(`to`, `cuda`, `to_empty`), hub.py (`load_state_dict_from_url`); safetensors 0.8 torch.py (`load_file`, `load_model`:
the CPU unless a device is given, which a `torch.device` is not: it raises).
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Hashable, Iterator
from typing import TypeAlias

from ftlint.trace.heap import Dictionary
from ftlint.trace.library.devices import CPU, DEPTH, GPU, devices_of
from ftlint.trace.library.file_names import SAFETENSORS, ends_in, path_key
from ftlint.trace.machine import Machine
from ftlint.trace.modules import inside
from ftlint.trace.placement_events import Devices, FileWritten, LoadedFile, Moved, StateLoaded, Subject
from ftlint.trace.places import Place
from ftlint.trace.sharding import StateDict
from ftlint.trace.values import (
    NONE,
    Arguments,
    Constant,
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
        assigned = arguments.get("assign", 2) not in (None, NONE, Constant(False))
        for file in files_of(arguments.get("state_dict", 0)):
            machine.emit(StateLoaded(machine.location(node), _subjects(machine, receiver), file, assigned))


def method_of_unknown(
    machine: Machine, receiver: Opaque, name: str, arguments: Arguments, node: ast.expr
) -> Value | None:
    """A method of what we know nothing of but how it came to be; None where that does not matter."""
    if name in _TAKES_OUT and files_of(receiver):
        return Opaque(("item", receiver.key, (name, arguments.positional)), receiver.hint)
    if machine.mentions & {"load_state_dict", "load_model", "DataParallel"}:
        note_method(machine, receiver, name, arguments, node)
        if name in _GIVES_ITSELF and arguments.complete:
            return same(receiver)
        if name == "state_dict":
            return Opaque(("state_dict", receiver.key, machine.number()), receiver.hint)
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
    path, place = arguments.get("f", 0), arguments.get("map_location", 1)
    if not arguments.complete:
        return _as_value(_file(machine, callee, node, path, None))
    if ends_in(machine, path, node.args[0] if node.args else None, SAFETENSORS):
        return _as_value(_file(machine, callee, node, path, CPU if place in (None, NONE) else _mapped(machine, place)))
    as_saved = place in (None, NONE) or _may_be_none(place)
    devices = None if place in (None, NONE) else _mapped(machine, place)
    return _as_value(_file(machine, callee, node, path, devices, as_saved=as_saved))


def note_written(machine: Machine, arguments: Arguments, node: ast.Call) -> None:
    """`torch.save(…, path)`: a later `torch.load(path)` brings back what was saved here."""
    key = path_key(arguments.get("f", 1))
    if key is None or "load_state_dict" not in machine.mentions:
        return
    saved = next(
        (keyword.value for keyword in node.keywords if keyword.arg == "obj"), node.args[0] if node.args else None
    )
    from_cpu = saved is not None and _names_cpu(machine, saved, 3)
    subjects = frozenset(_saved_models(machine, arguments.get("obj", 0)))
    machine.emit(FileWritten(machine.location(node), key, from_cpu, subjects))


def _saved_models(machine: Machine, value: Value | None) -> Iterator[Subject]:
    """The models whose state dicts are in what is saved."""
    record = machine.record(value)
    for item in record.entries.values() if isinstance(record, Dictionary) else (value,):
        if isinstance(item, StateDict):
            yield item.module_id
        elif isinstance(item, Opaque) and isinstance(item.key, tuple) and item.key[0] == "state_dict":
            yield from _keys(item.key[1], DEPTH)


def _names_cpu(machine: Machine, expression: ast.expr, depth: int) -> bool:
    """Whether what is saved is brought to the CPU where it is written down: `.cpu()`, `.to("cpu")`."""
    for part in ast.walk(expression):
        if isinstance(part, ast.Attribute) and part.attr == "cpu":
            return True
        if isinstance(part, ast.Constant) and part.value == "cpu":
            return True
        made = machine.written_as.get((machine.frame.source, part.id)) if isinstance(part, ast.Name) else None
        if depth and made is not None and made is not expression and _names_cpu(machine, made, depth - 1):
            return True
    return False


def _may_be_none(place: Value | None) -> bool:
    """`None if torch.cuda.is_available() else "cpu"`."""
    match place:
        case Opaque(key=("joined", _, one, two)):
            return NONE in (one, two)
    return False


def _load_file(machine: Machine, callee: External, arguments: Arguments, node: ast.Call) -> Value:
    devices = _safetensors_devices(machine, arguments.get("device", 1), arguments)
    return _as_value(_file(machine, callee, node, arguments.get("filename", 0), devices))


def _load_model(machine: Machine, callee: External, arguments: Arguments, node: ast.Call) -> Value:
    """`load_model(model, path)`: a state dict is read and copied into the model, in one call."""
    model, devices = arguments.get("model", 0), _safetensors_devices(machine, arguments.get("device", 3), arguments)
    file = _file(machine, callee, node, arguments.get("filename", 1), devices)
    if model is not None:
        machine.emit(StateLoaded(machine.location(node), _subjects(machine, model), file))
    return machine.unknown(node)


def _safetensors_devices(machine: Machine, place: Value | None, arguments: Arguments) -> Devices:
    if place is None:
        return CPU if arguments.complete else None
    plain = isinstance(place, Constant) or (isinstance(place, Opaque) and not _holds_device(place, DEPTH))
    return devices_of(machine, place) if plain and arguments.complete else None


def _holds_device(value: Opaque, depth: int) -> bool:
    """Whether it may be a `torch.device` rather than a text or a number."""
    match value.key:
        case ("torch.device", *_) | ("device", _):
            return True
        case ("joined", _, one, two) if depth:
            return any(isinstance(side, Opaque) and _holds_device(side, depth - 1) for side in (one, two))
    return False


def _load_from_url(machine: Machine, callee: External, arguments: Arguments, node: ast.Call) -> Value:
    """What is offered for download was usually saved from the CPU: without a place nothing is known."""
    place = arguments.get("map_location", 2)
    devices = _mapped(machine, place) if arguments.complete and place not in (None, NONE) else None
    return _as_value(_file(machine, callee, node, arguments.get("url", 0), devices))


def _file(
    machine: Machine, callee: External, node: ast.Call, path: Value | None, devices: Devices, *, as_saved: bool = False
) -> LoadedFile:
    place = Place(machine.frame.source, node)
    return LoadedFile(place, callee.name, devices, as_saved, machine.number(), path_key(path))


def _as_value(file: LoadedFile) -> Value:
    return Opaque(("file", file), file.function.rpartition(".")[2])


def _mapped(machine: Machine, place: Value | None) -> Devices:
    """The devices of a `map_location`: a device, a dict of devices, or a function."""
    record = machine.record(place)
    if isinstance(record, Dictionary) and not record.open and record.entries:
        # A device that is not named is left alone: there the tensors go back to where they were saved.
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


HANDLERS: dict[str, Handler] = {
    "torch.load": _torch_load,
    "torch.serialization.load": _torch_load,
    "torch.hub.load_state_dict_from_url": _load_from_url,
    "safetensors.torch.load_file": _load_file,
    "safetensors.torch.load_model": _load_model,
}
