"""FSDP: models sharded by `FullyShardedDataParallel` or `fully_shard`, and what decides which state dict they give.

Source: torch 2.13 distributed/fsdp/fully_sharded_data_parallel.py, api.py (`FullStateDictConfig`: nothing is offloaded
unless said), distributed/checkpoint/state_dict.py (`StateDictOptions`: pieces unless said).
"""

from __future__ import annotations

import ast
import dataclasses

from ftlint.run.fact import UNKNOWN, Truth, Unknown
from ftlint.trace.heap import Instance, Module, ModuleKind, Weights
from ftlint.trace.machine import Machine
from ftlint.trace.modules import hide
from ftlint.trace.sharding import Gathering, Sharder, Sharding, Site, StateDict, StateType, state_type_named
from ftlint.trace.values import NONE, Arguments, Constant, External, Opaque, PartOf, Reference, Tuple, Value

_FSDP1 = "FullyShardedDataParallel"
_OPTIONS = frozenset({"StateDictOptions", "FullStateDictConfig", "ShardedStateDictConfig", "LocalStateDictConfig"})
STATE_TYPE_CONTEXT = "FullyShardedDataParallel.state_dict_type"
SUMMON_CONTEXT = "FullyShardedDataParallel.summon_full_params"


def library_call(machine: Machine, callee: External, arguments: Arguments, node: ast.expr) -> Value | None:
    """A call into torch's sharding; None where it is nothing we know."""
    owner, _, last = callee.name.rpartition(".")
    if last == _FSDP1:
        return _wrap(machine, arguments, node)
    if last == "fully_shard":
        return _fully_shard(machine, arguments, node)
    if last in _OPTIONS:
        made = machine.add(Instance(last, dict(_options(last, arguments)), open=not arguments.complete))
        machine.note_place(made, node)
        return made
    if last in ("get_model_state_dict", "get_state_dict") and "checkpoint" in owner:
        return _taken(machine, last, arguments, node)
    if owner.endswith(_FSDP1):
        return _class_method(machine, last, arguments, node)
    return None


def _options(name: str, arguments: Arguments) -> dict[str, Value]:
    # The first two fields, which people pass by position.
    fields = ("full_state_dict", "cpu_offload") if name == "StateDictOptions" else ("offload_to_cpu",)
    return {**dict(zip(fields, arguments.positional, strict=False)), **arguments.keywords}


def _wrap(machine: Machine, arguments: Arguments, node: ast.expr) -> Value:
    value = arguments.get("module", 0)
    strategy = arguments.get("sharding_strategy", 2)
    said = Truth.UNKNOWN  # a strategy that is computed may be NO_SHARD
    if arguments.complete and (strategy in (None, NONE) or isinstance(strategy, External)):
        said = Truth.of(not isinstance(strategy, External) or strategy.last != "NO_SHARD")
    policy = arguments.get("auto_wrap_policy", 4)
    sharding = Sharding(
        Sharder.FSDP1,
        machine.location(node),
        said=said,
        version=1,
        has_inner_units=Truth.UNKNOWN if not arguments.complete else Truth.of(policy not in (None, NONE)),
    )
    if not isinstance(value, Reference) or machine.module(value) is None:
        return _stranger(machine, sharding)
    mark(machine, value.id, sharding)
    return value


def _fully_shard(machine: Machine, arguments: Arguments, node: ast.expr) -> Value:
    value = arguments.get("module", 0)
    sharding = Sharding(Sharder.FSDP2, machine.location(node), version=2)
    if isinstance(value, (Reference, PartOf)) and isinstance(machine.state.heap.get(value.id), Module):
        mark(machine, value.id, sharding)
        return value
    first = node.args[0] if isinstance(node, ast.Call) and node.args else None
    if not isinstance(value, Opaque) or not isinstance(first, ast.Name):
        return machine.unknown(node)
    made = _stranger(machine, sharding)
    machine.bind(first.id, made)  # it is sharded in place, so the name goes on standing for it
    return made


def _stranger(machine: Machine, sharding: Sharding) -> Reference:
    """A model of which we know only that it is sharded."""
    return machine.add(Module(ModuleKind.UNSEEN, "model", Weights(), sharding=sharding))


def mark(machine: Machine, id: int, sharding: Sharding) -> None:
    """A module is sharded, and so is the state dict of the model that it is a part of."""
    record = machine.state.heap[id]
    assert isinstance(record, Module)
    sharding = dataclasses.replace(sharding, weights=record.weights.term)
    if sharding.by in (Sharder.FSDP1, Sharder.FSDP2):
        # What it computes in is up to a mixed precision policy from here on.
        away = machine.places.handed_away.copy()
        hide(machine, Reference(id))
        machine.places.handed_away = away  # but nobody trains other weights for it
    for each in (id, record.root_id):
        module = machine.state.heap.get(each) if each is not None else None
        if isinstance(module, Module):
            machine.state.writable_heap()[each or id] = dataclasses.replace(module, sharding=sharding)


def _class_method(machine: Machine, name: str, arguments: Arguments, node: ast.expr) -> Value:
    model = arguments.get("module", 0)
    if name in ("state_dict_type", "set_state_dict_type"):
        kind, config = arguments.get("state_dict_type", 1), arguments.get("state_dict_config", 2)
        found: dict[str, Value] = {"type": kind or machine.unknown(node), "config": config or NONE}
        if name == "set_state_dict_type":
            machine.state.gathering = gathering_of(machine, Instance(STATE_TYPE_CONTEXT, found), node)
        context = machine.add(Instance(STATE_TYPE_CONTEXT, found))
        machine.note_place(context, node)
        return context
    if name == "summon_full_params":
        return machine.add(Instance(SUMMON_CONTEXT, dict(arguments.keywords)))
    if isinstance(model, Reference) and name in ("clip_grad_norm_", "optim_state_dict", "fsdp_modules"):
        return machine.unknown(node)
    for value in arguments.all():
        hide(machine, value)
    return machine.unknown(node)


def gathering_of(machine: Machine, record: Instance, node: ast.expr) -> Gathering:
    """Which state dicts are taken inside `with FSDP.state_dict_type(…)`, or after `set_state_dict_type`."""
    location = machine.location(node)
    if record.name == SUMMON_CONTEXT:
        offloaded = _flag(record.attributes.get("offload_to_cpu"), default=False)
        rank0 = _flag(record.attributes.get("rank0_only"), default=False)
        return Gathering(StateType.FULL, offloaded, rank0, location, summoned=True)
    kind, config = record.attributes.get("type"), record.attributes.get("config")
    options = machine.record(config)
    on_cpu = rank0 = Truth.UNKNOWN
    if config in (None, NONE):
        on_cpu = rank0 = Truth.NO
    elif isinstance(options, Instance) and not options.open:
        on_cpu = _flag(options.attributes.get("offload_to_cpu"), default=False)
        rank0 = _flag(options.attributes.get("rank0_only"), default=False)
    context = Site(machine.frame.source, node) if isinstance(node, ast.Call) else None
    return Gathering(state_type_of(kind), on_cpu, rank0, location, machine.places.call_of(config), context)


def state_type_of(value: Value | None) -> StateType | Unknown:
    """The type that `StateDictType.FULL_STATE_DICT` or its name says; UNKNOWN where it cannot be seen."""
    if isinstance(value, External):
        return state_type_named(value.last)
    if isinstance(value, Constant) and isinstance(value.value, str):
        return state_type_named(value.value)
    return UNKNOWN


def set_plugin_type(machine: Machine, arguments: Arguments, node: ast.expr) -> Value:
    """`fsdp_plugin.set_state_dict_type("FULL_STATE_DICT")`: accelerate offloads to rank 0 then."""
    kind = arguments.get("state_dict_type", 0)
    found = state_type_of(kind) if kind is not None and arguments.complete else UNKNOWN
    machine.state.gathering = Gathering(found, Truth.YES, Truth.YES, machine.location(node))
    return NONE


def _taken(machine: Machine, name: str, arguments: Arguments, node: ast.expr) -> Value:
    from ftlint.trace.library.saving import take  # which needs this module to know what is sharded

    model = arguments.get("model", 0)
    if not isinstance(model, Reference) or machine.module(model) is None:
        return machine.unknown(node)
    value = arguments.get("options")
    options = machine.record(value)
    kind: StateType | Unknown = StateType.SHARDED
    on_cpu = frozen_out = Truth.NO
    if value not in (None, NONE) or not arguments.complete:
        kind, on_cpu, frozen_out = UNKNOWN, Truth.UNKNOWN, Truth.UNKNOWN
    if isinstance(options, Instance) and not options.open:
        full = _flag(options.attributes.get("full_state_dict"), default=False)
        kind = UNKNOWN if full is Truth.UNKNOWN else StateType.FULL if full is Truth.YES else StateType.SHARDED
        on_cpu = _flag(options.attributes.get("cpu_offload"), default=False)
        frozen_out = _flag(options.attributes.get("ignore_frozen_params"), default=False)
    gathering = Gathering(kind, on_cpu, on_cpu, machine.location(node), machine.places.call_of(value))
    trained_only = frozen_out is not Truth.NO
    state: StateDict = take(machine, model, "get_model_state_dict", node, gathering, trained_only=trained_only)
    return state if name == "get_model_state_dict" else Tuple((state, machine.unknown(node)))


def _flag(value: Value | None, *, default: bool) -> Truth:
    if value is None:
        return Truth.of(default)
    return Truth.of(value.value) if isinstance(value, Constant) and isinstance(value.value, bool) else Truth.UNKNOWN
