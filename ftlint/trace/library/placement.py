"""What a `device_map` says, and who gets the model that was loaded with it, or replicas of a model.

Sources: transformers 5.23 integrations/accelerate.py (`check_and_set_device_map`); torch 2.13
nn/parallel/data_parallel.py; deepspeed 0.19.8 __init__.py (`initialize`).
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Hashable, Iterable
from typing import TypeAlias

from ftlint.run.fact import UNKNOWN, Unknown
from ftlint.syntax.document import Source
from ftlint.trace.heap import Dictionary, Items, Module
from ftlint.trace.library import devices, weight_files
from ftlint.trace.library.devices import DEPTH, GPU, devices_of
from ftlint.trace.library.weight_files import plain_key
from ftlint.trace.machine import Machine
from ftlint.trace.modules import hide, inside
from ftlint.trace.placement_events import (
    SPREADING,
    DeviceMap,
    Differentiated,
    Dispatched,
    Entrusted,
    Ran,
    Replicated,
    Unwrapped,
)
from ftlint.trace.places import Place
from ftlint.trace.settings import settings_of
from ftlint.trace.values import (
    NONE,
    Arguments,
    Constant,
    External,
    Opaque,
    Reference,
    Tuple,
    Value,
)

Handler: TypeAlias = "Callable[[Machine, External, Arguments, ast.Call], Value]"

ADAPTER = "adapter of PEFT"  # among a model's children; no attribute of Python's can have this name
MENTIONED = (
    "load_state_dict",
    "load_model",
    "requires_grad",
    "DataParallel",
    "ACCELERATE_BYPASS_DEVICE_MAP",
    "fsdp_plugin",
)


def mentions(sources: Iterable[Source]) -> frozenset[str]:
    """Which of the words that matter here a script has at all; most have none, and then nothing is noted."""
    texts = [source.text for source in sources]
    return frozenset(word for word in MENTIONED if any(word in text for text in texts))


# -- device_map ----------------------------------------------------------------------------------------------------


def note_dispatch(machine: Machine, made: Reference, options: Reference, arguments: Arguments, node: ast.expr) -> None:
    """`from_pretrained(…, device_map=…)`; `options` are the arguments as an object with places."""
    value = arguments.get("device_map")
    module = machine.module(made)
    if value in (None, NONE) or module is None:
        return
    location = machine.location(node)
    settings = settings_of(machine, options, location)
    assert settings is not None
    assert value is not None
    place = machine.places.entry(options, "device_map", value)
    for spread in arguments.spread:
        place = place or machine.places.entry(spread, "device_map", value)
    machine.emit(
        Dispatched(
            location,
            made.id,
            module.family if not module.unnamed else None,
            module.name,
            module.weights.term,
            device_map_of(machine, value),
            place.location if place is not None else location,
            _max_memory(machine, arguments),
            settings,
            Place(machine.frame.source, node),
        )
    )


def device_map_of(machine: Machine, value: Value) -> DeviceMap | None:
    """What a `device_map` says; None where it cannot be seen."""
    if isinstance(value, Constant) and isinstance(value.value, str):
        return DeviceMap(value.value) if value.value in SPREADING else DeviceMap(entries=(("", value.value),))
    record = machine.record(value)
    if isinstance(record, Dictionary):
        entries = tuple((str(name), _device(machine, item)) for name, item in record.entries.items())
        return DeviceMap(entries=entries, open=record.open) if entries or not record.open else None
    if isinstance(value, Opaque) and devices_of(machine, value) is None:
        return None  # it may hold a dict, or the word "auto"
    return DeviceMap(entries=(("", _device(machine, value)),))


def _device(machine: Machine, value: Value) -> int | str | None:
    if isinstance(value, Opaque):
        if devices_of(machine, value) == GPU:
            return "cuda"
        match value.key:
            case ("torch.device", Constant(value=str(text)), None):
                return text
            case ("torch.device", Constant(value=str(text)), Constant(value=int(index))):
                return f"{text}:{index}"
    plain = value.value if isinstance(value, Constant) else None
    return plain if isinstance(plain, (int, str)) and not isinstance(plain, bool) else None


def _max_memory(machine: Machine, arguments: Arguments) -> tuple[tuple[int | str, int | str], ...] | Unknown | None:
    value = arguments.get("max_memory")
    if value in (None, NONE):
        return None if arguments.complete else UNKNOWN
    record = machine.record(value)
    if not isinstance(record, Dictionary) or record.open:
        return UNKNOWN
    pairs: list[tuple[int | str, int | str]] = []
    for name, item in record.entries.items():
        limit = item.value if isinstance(item, Constant) else None
        if isinstance(limit, bool) or not isinstance(limit, (int, str)) or not isinstance(name, (int, str)):
            return UNKNOWN
        pairs.append((name, limit))
    return tuple(pairs)


# -- those who train -----------------------------------------------------------------------------------------------


def note_entrusted(machine: Machine, model_id: int, by: str, node: ast.expr, *, adapter: Value | None = None) -> None:
    """A Trainer, an Accelerator or an engine gets a model; `adapter`: what it is to put on it."""
    record = machine.state.heap[model_id]
    adapted = adapter not in (None, NONE) or (isinstance(record, Module) and ADAPTER in record.children)
    handed_away = model_id in machine.places.handed_away
    machine.emit(Entrusted(machine.location(node), model_id, by, handed_away, adapted))


def _initialize(machine: Machine, callee: External, arguments: Arguments, node: ast.Call) -> Value:
    model = arguments.get("model", 1)
    if isinstance(model, Reference) and isinstance(machine.module(model), Module):
        note_entrusted(machine, model.id, "deepspeed.initialize", node)
    for value in arguments.all():
        hide(machine, value)
    return machine.unknown(node)


def _prepare_quantized(machine: Machine, callee: External, arguments: Arguments, node: ast.Call) -> Value:
    """Freezes the model and converts what is not quantized to float32; the model itself comes back."""
    model = arguments.get("model", 0)
    for value in arguments.all():
        hide(machine, value)
    if isinstance(model, Reference) and machine.module(model) is not None:
        # What it does is known: not somebody else's hands, as far as where the weights lie is concerned.
        machine.places.handed_away.difference_update(inside(machine, model.id))
        return model
    return machine.unknown(node)


def replicate(machine: Machine, model: Value | None, arguments: Arguments, node: ast.expr) -> Value | None:
    """`nn.DataParallel(model)`; gives what stands for a model that we know nothing of."""
    ids: tuple[int | None, ...] | None = None
    named = arguments.get("device_ids", 1)
    record = machine.record(named)
    items = named.items if isinstance(named, Tuple) else record.items if isinstance(record, Items) else None
    if items is not None and not (isinstance(record, Items) and record.open):
        ids = tuple(
            item.value if isinstance(item, Constant) and isinstance(item.value, int) else None for item in items
        )
    gathers_on = _gathers_on(arguments.get("output_device", 2), ids, is_default=named in (None, NONE))
    if isinstance(model, Reference):
        machine.replicated.add(model.id)
        machine.emit(Replicated(machine.location(node), model.id, ids, gathers_on))
        return None
    if not isinstance(model, Opaque):
        return None
    key = ("replicas", plain_key(model.key), machine.number())
    machine.emit(Replicated(machine.location(node), key, ids, gathers_on))
    return Opaque(key, model.hint)


def _gathers_on(chosen: Value | None, ids: tuple[int | None, ...] | None, *, is_default: bool) -> int | None:
    """`output_device`, else the first of the GPUs, which are all there are by default."""
    if chosen not in (None, NONE):
        return chosen.value if isinstance(chosen, Constant) and isinstance(chosen.value, int) else None
    return 0 if is_default else ids[0] if ids else None


def note_unwrapped(machine: Machine, value: Value, expression: ast.expr) -> None:
    """`model = model.module`."""
    parts = (expression.body, expression.orelse) if isinstance(expression, ast.IfExp) else (expression,)
    if not any(_takes_module(part) for part in parts):
        return
    if isinstance(value, Reference) and value.id in machine.replicated:
        machine.emit(Unwrapped(machine.location(expression), value.id))
    elif isinstance(value, Opaque):
        for key in dict.fromkeys(_replicas(value.key, DEPTH, through=("same", "attribute"))):
            machine.emit(Unwrapped(machine.location(expression), key))


def _takes_module(node: ast.expr) -> bool:
    """`model.module`, `model.module.to(device)`."""
    while isinstance(node, (ast.Attribute, ast.Call)):
        if isinstance(node, ast.Attribute) and node.attr == "module":
            return True
        node = node.func if isinstance(node, ast.Call) else node.value
    return False


def note_run(machine: Machine, id: int, node: ast.AST) -> None:
    """A model runs, and with it the replicated modules it is made of."""
    if machine.replicated:
        for part in machine.replicated.intersection(inside(machine, id)):
            machine.emit(Ran(machine.location(node), part, machine.state.without_gradients))


def note_call(machine: Machine, callee: Value, node: ast.expr) -> None:
    """Something we know nothing of is called: perhaps a replicated model."""
    if isinstance(callee, Opaque) and "DataParallel" in machine.mentions:
        for key in _replicas(callee.key, DEPTH):
            machine.emit(Ran(machine.location(node), key, machine.state.without_gradients))


def _replicas(key: Hashable, depth: int, through: tuple[str, ...] = ("same",)) -> Iterable[Hashable]:
    """The replicated models that a value may be."""
    if depth == 0:
        return
    match key:
        case ("replicas", _, _):
            yield key
        case (str(kind), inner, *_) if kind in through:
            yield from _replicas(inner, depth - 1, through)
        case ("joined", _, one, two):
            for side in (one, two):
                if isinstance(side, Opaque):
                    yield from _replicas(side.key, depth - 1, through)


def note_backward(machine: Machine, node: ast.expr) -> None:
    """`….backward(…)`."""
    machine.emit(Differentiated(machine.location(node)))


HANDLERS: dict[str, Handler] = {
    **devices.HANDLERS,
    **weight_files.HANDLERS,
    "deepspeed.initialize": _initialize,
    "peft.prepare_model_for_kbit_training": _prepare_quantized,
}
