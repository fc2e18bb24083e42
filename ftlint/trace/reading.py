"""What an attribute, an item or a loop finds in a value."""

from __future__ import annotations

from collections.abc import Hashable

from ftlint.run.dtype import parse_dtype
from ftlint.trace.classes import get_attribute
from ftlint.trace.heap import Class, Dictionary, Instance, Items, Module, ModuleKind
from ftlint.trace.library.layers import layer_of
from ftlint.trace.library.weight_files import part_of
from ftlint.trace.machine import Machine
from ftlint.trace.modules import body_term, child, lose
from ftlint.trace.running import method_of
from ftlint.trace.sharding import StateDict
from ftlint.trace.values import (
    MAX_VALUES,
    Constant,
    DTypeValue,
    External,
    Function,
    Method,
    Opaque,
    PartOf,
    Reference,
    Tensor,
    Tuple,
    Value,
)

_CONVERTS = frozenset({"to", "type", "half", "bfloat16", "float", "double"})
_WEIGHTS = frozenset({"weight", "bias", "data"})


def attribute(machine: Machine, value: Value, name: str) -> Value:
    """`value.name`, read."""
    if isinstance(value, External):
        return _external(value, name)
    if isinstance(value, Opaque):
        return Opaque(("attribute", value.key, name), name)
    if isinstance(value, Tensor):
        if name == "dtype":
            return DTypeValue(value.term)
        return value if name in ("data", "T", "mT", "grad", "logits") else Opaque(("tensor", name), name)
    if isinstance(value, PartOf):
        if name == "dtype":
            return DTypeValue(body_term(machine, value.id))
        return PartOf(value.id, tensor=True) if name in _WEIGHTS else value
    if isinstance(value, Reference):
        record = machine.state.heap.get(value.id)
        if isinstance(record, Module):
            return _module_attribute(machine, value.id, record, name)
        if isinstance(record, (Instance, Class)):
            return get_attribute(machine, value, record, name)
        return Method(value, name)
    if isinstance(value, Tuple):
        return machine.unknown(None, name)
    return Opaque(("attribute", repr(value), name), name)


def _external(value: External, name: str) -> Value:
    if value.name == "torch":
        dtype = parse_dtype(name) if name not in ("fp32", "fp16", "bf16", "fp64") else None
        if dtype is not None:
            return DTypeValue(dtype)
    return External(f"{value.name}.{name}")


def _module_attribute(machine: Machine, id: int, record: Module, name: str) -> Value:
    if name in record.children:
        return record.children[name]
    if name == "dtype" and record.kind is not ModuleKind.LAYER:
        return DTypeValue(body_term(machine, id))
    if name == "device":
        return Opaque(("device", id), "device")
    layer = layer_of(record.name)
    if name in ("weight", "bias") and (record.kind is ModuleKind.PART or layer is not None):
        return PartOf(id, tensor=True)
    if name in ("config", "generation_config", "in_features", "out_features", "training", "__class__", "hf_device_map"):
        return Opaque((name, id), name)
    if name in ("module", "_orig_mod") and record.kind is not ModuleKind.SCRIPT:
        return Reference(id)
    if record.kind is ModuleKind.SCRIPT:
        method = method_of(machine, record.class_id, name)
        if method is not None:
            return Function(method.definition, method.scopes, method.defaults, Reference(id), method.class_id)
        owner = machine.class_of(record.class_id)
        found = owner.attributes.get(name) if owner is not None else None
        return found if found is not None else Opaque(("attribute", id, name), name)
    if name in _CONVERTS:
        return Method(Reference(id), name)
    if name in ("_modules", "__dict__"):
        return Method(Reference(id), "_modules")
    return child(machine, id, name) or Opaque(("attribute", id, name), name)


def subscript(machine: Machine, base: Value, index: Value, sliced: bool = False) -> Value:
    """`base[index]`, read."""
    key = index.value if isinstance(index, Constant) else None
    if isinstance(base, Tensor):
        return base
    if isinstance(base, PartOf):
        return base
    if isinstance(base, Method) and base.name == "_modules" and isinstance(key, str):
        return attribute(machine, base.receiver, key)
    if isinstance(base, Tuple):
        if isinstance(key, int) and -len(base.items) <= key < len(base.items):
            return base.items[key]
        lose(machine, base)
        return machine.unknown()
    record = machine.record(base)
    if isinstance(record, Dictionary) and isinstance(index, Constant):
        found = record.entries.get(key) if not isinstance(key, (bytes, complex)) else None
        if found is not None and not record.open:
            return found
        if record.open:
            lose(machine, base)
        return Opaque(("item", base, index, machine.number() if record.open else 0), str(key))
    if isinstance(record, Items) and isinstance(key, int) and not sliced:
        if not record.open and -len(record.items) <= key < len(record.items):
            return record.items[key]
        lose(machine, base)
        return machine.unknown()
    if isinstance(record, Module) and isinstance(base, Reference):
        return _module_item(machine, base, record, index, sliced)
    if isinstance(base, Opaque):
        hint = key if isinstance(key, str) else base.hint
        return Opaque(("item", base.key, key_of(index)), hint)
    if isinstance(base, External):  # `os.environ["LOCAL_RANK"]`
        return Opaque(("item", base, key_of(index)), key if isinstance(key, str) else base.last)
    lose(machine, base)
    return machine.unknown()


def _module_item(machine: Machine, base: Reference, record: Module, index: Value, sliced: bool) -> Value:
    if sliced:
        return base  # some of its layers, which stand for one another
    if record.kind is ModuleKind.CONTAINER:
        names = list(record.children)
        if isinstance(index, Constant) and isinstance(index.value, int) and -len(names) <= index.value < len(names):
            return record.children[names[index.value]]
        if isinstance(index, Constant) and isinstance(index.value, str):
            return record.children.get(index.value, PartOf(base.id))
        if len(names) == 1 and not record.opaque and record.name.endswith("ModuleList"):
            return record.children[names[0]]  # it stands for each module of the list
        return PartOf(base.id)
    if record.kind is ModuleKind.PART:
        # Layers of a library's list are alike; `layers[0]` and `layers[i]` may be the same one.
        return child(machine, base.id, "[]") or PartOf(base.id)
    return PartOf(base.id)


def key_of(value: Value) -> Hashable:
    """What identifies a value inside the key of an unknown one."""
    if isinstance(value, Opaque):
        return value.key
    return value


def unfold(machine: Machine, value: Value) -> tuple[Value, ...] | None:
    """The items of something that is iterated over, where all are known and not more than we follow."""
    items = _items_of(machine, value)
    return items if items is None or len(items) <= MAX_VALUES else None


def _items_of(machine: Machine, value: Value) -> tuple[Value, ...] | None:
    if isinstance(value, Tuple):
        return value.items
    record = machine.record(value)
    if isinstance(record, Items) and not record.open:
        return record.items
    if isinstance(record, Dictionary) and not record.open:
        return tuple(Constant(key) for key in record.entries)
    if isinstance(record, Module) and record.kind is ModuleKind.CONTAINER:
        return tuple(record.children.values())
    return None


def element_of(machine: Machine, value: Value) -> Value:
    """What a loop over a value binds, one item standing for all."""
    if isinstance(value, (PartOf, Tensor, StateDict)):
        return value
    record = machine.record(value)
    if isinstance(value, Tuple) or isinstance(record, Items):
        items = value.items if isinstance(value, Tuple) else record.items if isinstance(record, Items) else ()
        if len(set(items)) == 1:
            return items[0]
        lose(machine, value)
        return machine.unknown()
    if isinstance(record, Module) and isinstance(value, Reference):
        if record.kind is ModuleKind.PART:
            return child(machine, value.id, "[]") or PartOf(value.id)
        if record.kind is ModuleKind.CONTAINER and len(record.children) == 1:
            return next(iter(record.children.values()))
        return PartOf(value.id)
    return part_of(machine, value, "each")
