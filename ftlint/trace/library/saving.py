"""Weights taken out of models and written, by models themselves, torch, safetensors, a Trainer, an Accelerator.

Sources: transformers 5.23 modeling_utils.py (`save_pretrained`), trainer.py (`save_model`); accelerate 1.15
accelerator.py (`get_state_dict`).
"""

from __future__ import annotations

import ast
import dataclasses
from collections.abc import Iterator

from ftlint.run.fact import UNKNOWN, Truth
from ftlint.trace.events import Saved
from ftlint.trace.heap import Dictionary, Instance, Items, Module
from ftlint.trace.library.placement import ADAPTER
from ftlint.trace.library.sharding import mark, state_type_of
from ftlint.trace.library.weight_files import note_written
from ftlint.trace.machine import Machine
from ftlint.trace.naming import text_of
from ftlint.trace.ranks import names_a_rank
from ftlint.trace.sharding import Gathering, Sharder, Sharding, Site, StateDict, StateTaken, StateType, Written
from ftlint.trace.values import NONE, Arguments, Constant, External, Reference, Tuple, Value

_FIELDS = ("version", "fsdp_version")
_TYPES = ("state_dict_type", "fsdp_state_dict_type")


def take(
    machine: Machine,
    model: Reference,
    by: str,
    node: ast.expr,
    gathering: Gathering | None = None,
    *,
    trained_only: bool = False,
) -> StateDict:
    """The weights of a model as they are here, taken by that function."""
    record = machine.state.heap[model.id]
    assert isinstance(record, Module)
    state = StateDict(
        model.id,
        by,
        machine.location(node),
        record.sharding,
        gathering if gathering is not None else machine.state.gathering,
        machine.state.guard,
        site_of(machine, node),
        model=_taken_from(machine, node),
        is_unwrapped=_is_unwrapped(machine, node),
        is_adapted=ADAPTER in record.children,
        trained_only=trained_only,
    )
    machine.emit(StateTaken(state.location, state))
    return state


def _taken_from(machine: Machine, node: ast.expr) -> str | None:
    if not isinstance(node, ast.Call):
        return None
    if isinstance(node.func, ast.Attribute) and node.func.attr == "state_dict":
        return wrapped_text(machine, node.func.value)
    return wrapped_text(machine, node.args[0]) if node.args else None


def _is_unwrapped(machine: Machine, node: ast.expr) -> bool:
    function = node.func if isinstance(node, ast.Call) else None
    if not isinstance(function, ast.Attribute):
        return False
    return wrapped_text(machine, function.value) != text_of(machine, function.value)


def gather_by_hand(machine: Machine, source: StateDict, node: ast.AST) -> StateDict:
    """`full_tensor()` of each weight: every rank has to ask for it, and each gets the whole."""
    location = machine.location(node)
    gathering = Gathering(StateType.FULL, Truth.UNKNOWN, Truth.NO, location)
    state = dataclasses.replace(
        source, taken_by="full_tensor", location=location, gathering=gathering, guard=machine.state.guard, site=None
    )
    machine.emit(StateTaken(location, state))
    return state


def part_gathered(machine: Machine, model_id: int, node: ast.expr) -> Value:
    """`weight.full_tensor()` of one of a model's weights."""
    record = machine.state.heap.get(model_id)
    if isinstance(record, Module) and machine.state.guard is not None:
        whole = StateDict(model_id, "full_tensor", machine.location(node), record.sharding, None, None, None)
        gather_by_hand(machine, whole, node)
    return machine.unknown(node)


def site_of(machine: Machine, node: ast.AST) -> Site | None:
    """The call being read, with the statement it stands in."""
    return Site(machine.frame.source, node, machine.statement) if isinstance(node, ast.Call) else None


def module_saved(machine: Machine, receiver: Reference, name: str, arguments: Arguments, node: ast.expr) -> Value:
    """`model.state_dict()`, `model.save_pretrained(…)`, `model.push_to_hub(…)`."""
    machine.emit(Saved(machine.location(node), receiver.id, name))
    if name == "state_dict":
        return take(machine, receiver, name, node)
    passed = arguments.get("state_dict", 2 if name == "save_pretrained" else None)
    if passed is None and not arguments.complete:
        passed = machine.unknown(node)
    safe = arguments.get("safe_serialization")
    written(machine, receiver, name, passed, node, safe=Truth.of(safe != Constant(False)))
    return machine.unknown(node)


def written(
    machine: Machine,
    model: Reference,
    by: str,
    passed: Value | None,
    node: ast.expr,
    *,
    safe: Truth = Truth.UNKNOWN,
    path: ast.expr | None = None,
) -> None:
    """A model is written. `passed`: the state dict the call is given; what we cannot see writes nothing we know of."""
    record = machine.state.heap[model.id]
    assert isinstance(record, Module)
    if passed not in (None, NONE) and not isinstance(passed, StateDict):
        return
    machine.emit(
        Written(
            machine.location(node),
            by,
            model.id,
            passed if isinstance(passed, StateDict) else None,
            record.sharding,
            machine.state.gathering,
            machine.state.guard,
            site_of(machine, node),
            is_adapted=ADAPTER in record.children,
            model=_model_text(machine, node, passed),
            rank_in_path=path is not None and _names_a_rank(machine, path),
            in_safetensors=safe,
        )
    )


def _model_text(machine: Machine, node: ast.expr, passed: Value | None) -> str | None:
    """How the script names the model whose weights a call writes: as it was before anything unwrapped it."""
    if isinstance(passed, StateDict):
        return passed.model
    function = node.func if isinstance(node, ast.Call) else None
    return wrapped_text(machine, function.value) if isinstance(function, ast.Attribute) else None


def wrapped_text(machine: Machine, expression: ast.expr, depth: int = 3) -> str:
    """The expression of a model, of `accelerator.unwrap_model(model)` that of `model`."""
    made = expression
    if isinstance(expression, ast.Name):
        made = machine.written_as.get((machine.frame.source, expression.id), expression)
    if isinstance(made, ast.Call) and depth and made.args:
        name = made.func.attr if isinstance(made.func, ast.Attribute) else getattr(made.func, "id", "")
        if name == "unwrap_model":
            return wrapped_text(machine, made.args[0], depth - 1)
    return text_of(machine, expression)


def save_object(machine: Machine, by: str, arguments: Arguments, node: ast.Call, place: str) -> None:
    """`torch.save(x, f)`, `save_file(x, f)`: every model and state dict in `x`."""
    value, path = arguments.positional[0] if arguments.positional else None, None
    value = value if value is not None else arguments.get("obj") or arguments.get("tensors")
    path = node.args[1] if len(node.args) > 1 else next((k.value for k in node.keywords if k.arg == place), None)
    safe = Truth.of(by != "torch.save")
    for found in _weights_in(machine, value):
        if isinstance(found, StateDict):
            if machine.module(Reference(found.module_id)) is not None:
                written(machine, Reference(found.module_id), by, found, node, safe=safe, path=path)
        else:
            written(machine, found, by, None, node, safe=safe, path=path)


def _weights_in(machine: Machine, value: Value | None, depth: int = 3) -> Iterator[StateDict | Reference]:
    """The state dicts and models in something that is saved."""
    if isinstance(value, StateDict):
        yield value
    elif isinstance(value, Tuple):
        for item in value.items:
            yield from _weights_in(machine, item, depth)
    elif isinstance(value, Reference) and depth:
        record = machine.record(value)
        if isinstance(record, Module):
            yield value
        elif isinstance(record, Dictionary):
            for item in record.entries.values():
                yield from _weights_in(machine, item, depth - 1)
        elif isinstance(record, Items):
            for item in record.items:
                yield from _weights_in(machine, item, depth - 1)


def _names_a_rank(machine: Machine, path: ast.expr, depth: int = 4) -> bool:
    """Whether each rank writes to a path of its own: the rank is in it, or in what a variable in it was made of."""
    for part in ast.walk(path):
        if isinstance(part, ast.expr) and names_a_rank(part):
            return True
        if isinstance(part, ast.Name) and depth:
            made = machine.written_as.get((machine.frame.source, part.id))
            if made is not None and made is not path and _names_a_rank(machine, made, depth - 1):
                return True
    return False


# -- Trainer and Accelerator -----------------------------------------------------------------------------------------


def trainer_sharding(machine: Machine, trainer: Instance, node: ast.expr) -> Sharding:
    """Whether, and how, a Trainer shards its model: what its arguments say; where they say nothing, the launch may."""
    location, owner = machine.location(node), _receiver(machine, node)
    settings = machine.record(trainer.attributes.get("args"))
    if settings is None:
        unseen = Truth.UNKNOWN if "args" in trainer.attributes else Truth.NO
        return Sharding(Sharder.TRAINER, location, said=unseen, owner=owner)
    if not isinstance(settings, Instance) or settings.class_id is not None:
        return Sharding(Sharder.TRAINER, location, said=Truth.UNKNOWN, version=UNKNOWN, state_type=UNKNOWN, owner=owner)
    chosen = settings.attributes.get("fsdp")
    said = _chosen(machine, chosen)
    if chosen is None and settings.open:
        said = Truth.UNKNOWN
    arguments = trainer.attributes.get("args")
    place = machine.places.entry(arguments, "fsdp", chosen) if chosen is not None else None
    found = Sharding(Sharder.TRAINER, place.location if place else location, said=said, owner=owner)
    return _with_options(machine, found, settings.attributes.get("fsdp_config"))


def _chosen(machine: Machine, value: Value | None) -> Truth:
    """Whether `fsdp=…` turns it on."""
    if value in (None, NONE):
        return Truth.NO
    if isinstance(value, Constant):
        return Truth.of(bool(value.value))
    record = machine.record(value)
    if isinstance(record, Items) and not record.open:
        return Truth.of(bool(record.items))
    return Truth.UNKNOWN


def _with_options(machine: Machine, found: Sharding, value: Value | None) -> Sharding:
    """The version and state dict type that `fsdp_config` says."""
    if value in (None, NONE):
        return found
    record = machine.record(value)
    if not isinstance(record, (Dictionary, Instance)) or record.open:
        return dataclasses.replace(found, version=UNKNOWN, state_type=UNKNOWN)  # a path to a file, or computed
    entries = record.entries if isinstance(record, Dictionary) else record.attributes
    version = next((entries[name] for name in _FIELDS if name in entries), None)
    number = str(version.value) if isinstance(version, Constant) else ""
    kind_name = next((name for name in _TYPES if name in entries), None)
    kind = entries[kind_name] if kind_name is not None else None
    place = machine.places.entry(value, kind_name, kind) if kind_name is not None and kind is not None else None
    return dataclasses.replace(
        found,
        version=None if version is None else int(number) if number in ("1", "2") else UNKNOWN,
        state_type=None if kind in (None, NONE) else state_type_of(kind),
        state_type_location=place.location if place is not None else None,
    )


def accelerator_sharding(machine: Machine, record: Instance, node: ast.expr) -> Sharding:
    """Whether an Accelerator shards what it prepares: its plugin says so; without one the launch may."""
    location = machine.location(node)
    plugin = record.attributes.get("fsdp_plugin")
    settings = machine.record(plugin)
    owner = _receiver(machine, node)
    if plugin in (None, NONE):
        said = Truth.UNKNOWN if record.open else Truth.NO
        return Sharding(Sharder.ACCELERATOR, location, said=said, owner=owner)
    found = Sharding(Sharder.ACCELERATOR, machine.places.of(plugin) or location, said=Truth.YES, owner=owner)
    if not isinstance(settings, Instance) or settings.open:
        return dataclasses.replace(found, version=UNKNOWN, state_type=UNKNOWN)
    return _with_options(machine, found, plugin)


def _receiver(machine: Machine, node: ast.expr) -> str | None:
    """The expression a method is called on: `trainer` of `trainer.train()`."""
    function = node.func if isinstance(node, ast.Call) else None
    return text_of(machine, function.value) if isinstance(function, ast.Attribute) else None


def note_trained(machine: Machine, trainer: Instance, node: ast.expr) -> None:
    """After `trainer.train()` the model is as the Trainer has wrapped it."""
    model = trainer.attributes.get("model")
    if isinstance(model, Reference) and machine.module(model) is not None:
        mark(machine, model.id, trainer_sharding(machine, trainer, node))


def trainer_saves(machine: Machine, trainer: Instance, name: str, node: ast.expr) -> None:
    """`trainer.save_model(…)`: the Trainer gathers, on every rank."""
    model = trainer.attributes.get("model")
    machine.emit(
        Written(
            machine.location(node),
            name,
            model.id if isinstance(model, Reference) else 0,
            None,
            trainer_sharding(machine, trainer, node),
            machine.state.gathering,
            machine.state.guard,
            site_of(machine, node),
        )
    )


def accelerator_state(machine: Machine, arguments: Arguments, node: ast.expr) -> Value:
    """`accelerator.get_state_dict(model)`: all ranks gather, rank 0 keeps it on the CPU."""
    model = arguments.get("model", 0)
    if not isinstance(model, Reference) or machine.module(model) is None or not arguments.complete:
        return machine.unknown(node)
    gathering = Gathering(StateType.FULL, Truth.YES, Truth.YES, machine.location(node))
    return take(machine, model, "Accelerator.get_state_dict", node, gathering)


def state_method(machine: Machine, receiver: StateDict, name: str, arguments: Arguments, node: ast.expr) -> Value:
    """A method of a state dict."""
    if name in ("items", "copy"):
        return receiver
    if name in ("keys", "values", "get", "__len__"):
        return machine.unknown(node)
    machine.forget(receiver)  # `pop`, `update`: it is another dict now
    return machine.unknown(node)


def _saved_by_torch(machine: Machine, callee: External, arguments: Arguments, node: ast.Call) -> Value:
    value = arguments.get("obj", 0)
    if isinstance(value, Reference) and machine.module(value) is not None:
        machine.emit(Saved(machine.location(node), value.id, "torch.save"))
    save_object(machine, "torch.save", arguments, node, "f")
    note_written(machine, arguments, node)
    return NONE


def _saved_as_safetensors(machine: Machine, callee: External, arguments: Arguments, node: ast.Call) -> Value:
    save_object(machine, callee.last, arguments, node, "filename")
    return NONE


HANDLERS = {
    "torch.save": _saved_by_torch,
    "torch.serialization.save": _saved_by_torch,
    "safetensors.torch.save_file": _saved_as_safetensors,
    "safetensors.torch.save_model": _saved_as_safetensors,
}
