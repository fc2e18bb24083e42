"""Methods of modules, parameters and tensors: which convert, which give back the same object, which look inside."""

from __future__ import annotations

import ast
import dataclasses

from ftlint.run.dtype import DType, parse_dtype
from ftlint.run.fact import UNKNOWN
from ftlint.trace.events import Manner
from ftlint.trace.heap import Module, ModuleKind, Weights
from ftlint.trace.library.effects import KEEPS_DTYPE
from ftlint.trace.library.models import (
    HARMLESS_METHODS,
    PARTS_CALLED,
    RETURNS_PARTS,
    RETURNS_SELF,
    RETURNS_WEIGHTS,
    TIED,
)
from ftlint.trace.library.saving import module_saved, part_gathered
from ftlint.trace.library.weight_files import note_method
from ftlint.trace.machine import Machine
from ftlint.trace.modules import body_term, cast, child, hide, inside, set_child
from ftlint.trace.running import method_of, run_module
from ftlint.trace.state import is_device_name
from ftlint.trace.values import (
    NONE,
    Arguments,
    Constant,
    DTypeTerm,
    DTypeValue,
    External,
    Function,
    Opaque,
    PartOf,
    Reference,
    Tensor,
    Value,
)

CASTS = {"half": DType.FLOAT16, "bfloat16": DType.BFLOAT16, "float": DType.FLOAT32, "double": DType.FLOAT64}
_HOOKS = frozenset({"register_forward_hook", "register_forward_pre_hook", "register_module_forward_pre_hook"})
_SAVES = frozenset({"save_pretrained", "push_to_hub", "state_dict"})
_TIES = frozenset({"tie_weights", "resize_token_embeddings", "init_weights", "post_init"})  # the last two tie as well
_ADDS = frozenset({"add_module", "register_module", "set_submodule", "__setattr__"})


def module_method(
    machine: Machine, receiver: Reference, record: Module, name: str, arguments: Arguments, node: ast.expr
) -> Value:
    """`module.name(…)`."""
    if record.kind is ModuleKind.SCRIPT:
        method = method_of(machine, record.class_id, name)
        if method is not None:
            return machine.call_function(dataclasses.replace(method, bound=receiver), arguments, node)
    inner = record.children.get(name)
    if inner is not None:
        return machine.call_value(inner, arguments, node)
    note_method(machine, receiver, name, arguments, node)
    if name in CASTS:
        cast(machine, receiver.id, Weights(CASTS[name], machine.location(node), f".{name}()"), machine.location(node))
        return receiver
    if name in ("to", "type"):
        return _to(machine, receiver, arguments, node)
    if name in ("generate", "forward", "__call__"):
        if record.kind in (ModuleKind.MODEL, ModuleKind.PART, ModuleKind.UNSEEN) or name != "generate":
            return run_module(
                machine, receiver.id, arguments, node, Manner.GENERATED if name == "generate" else Manner.CALLED
            )
        return machine.unknown(node)
    if name in _ADDS:
        return _add(machine, receiver, arguments, node)
    if name in ("set_output_embeddings", "set_input_embeddings"):
        value = arguments.get("new_embeddings", 0) or arguments.get("value", 0)
        if value is not None:
            place = "lm_head" if name == "set_output_embeddings" else "embed_tokens"
            set_child(machine, receiver.id, place, value, node, _argument(node, 0), existing=True)
        return NONE
    if name in ("get_output_embeddings", "get_input_embeddings", "get_submodule"):
        return _get(machine, receiver, name, arguments, node)
    if name in _TIES:
        for id in tuple(inside(machine, receiver.id)):
            part = machine.state.heap[id]
            for child_name, value in part.children.items() if isinstance(part, Module) else ():
                if child_name in TIED:
                    hide(machine, value)  # its weight may now be that of another module
        return PartOf(receiver.id)
    if name in _HOOKS:
        machine.state.writable_heap()[receiver.id] = dataclasses.replace(record, opaque=True)
        return machine.unknown(node)
    if name == "load_state_dict" and arguments.get("assign") in (None, Constant(False)) and arguments.complete:
        return machine.unknown(node)  # copies values into the parameters there are
    if name == "apply":
        return _apply(machine, receiver, arguments)
    return _other(machine, receiver, record, name, arguments, node)


def _other(
    machine: Machine, receiver: Reference, record: Module, name: str, arguments: Arguments, node: ast.expr
) -> Value:
    if name in ("append", "extend", "insert") and record.kind is ModuleKind.CONTAINER:
        value = arguments.positional[-1] if arguments.positional else None
        if name == "append" and value is not None:
            children = {**record.children, str(len(record.children)): value}
            machine.state.writable_heap()[receiver.id] = dataclasses.replace(record, children=children)
        else:
            machine.state.writable_heap()[receiver.id] = dataclasses.replace(record, opaque=True)
        return receiver
    if name in RETURNS_SELF:
        return receiver
    if name in RETURNS_PARTS:
        return PartOf(receiver.id, tensor=name in RETURNS_WEIGHTS)
    if name in _SAVES:
        return module_saved(machine, receiver, name, arguments, node)
    if name in ("items", "values", "keys"):
        return PartOf(receiver.id)
    if name in HARMLESS_METHODS or name == "load_state_dict":
        if name == "load_state_dict":
            hide(machine, receiver)
        return machine.unknown(node)
    if name in PARTS_CALLED:
        part = child(machine, receiver.id, name) if record.kind is not ModuleKind.SCRIPT else None
        return machine.call_value(part, arguments, node) if part is not None else machine.unknown(node)
    for value in (receiver, *arguments.all()):
        hide(machine, value)
    return machine.unknown(node)


def _to(machine: Machine, receiver: Reference, arguments: Arguments, node: ast.expr) -> Value:
    weights = converted(machine, arguments, node)
    if weights is not None:
        cast(machine, receiver.id, weights, machine.location(node))
    return receiver


def converted(machine: Machine, arguments: Arguments, node: ast.expr) -> Weights | None:
    """What `.to(…)` converts to; None where it only moves."""
    if not arguments.complete:
        return Weights()
    for position, value in enumerate(arguments.positional):
        term = _named_dtype(machine, value)
        if term is not None:
            return Weights(term, machine.location(node), ".to()", _argument(node, position))
    for name, value in arguments.keywords.items():
        if name in ("device", "non_blocking", "memory_format", "copy"):
            continue
        term = _named_dtype(machine, value)
        if term is not None:
            return Weights(term, machine.location(node), ".to()", _keyword(node, name))
    return None


def _named_dtype(machine: Machine, value: Value) -> DTypeTerm | None:
    """The dtype an argument of `.to()` names; None for a device."""
    if isinstance(value, DTypeValue):
        return value.term
    if isinstance(value, Tensor):
        return value.term
    if isinstance(value, PartOf):
        return body_term(machine, value.id)  # `.to(old_head.weight)`
    if isinstance(value, Constant):
        return parse_dtype(value.value) if isinstance(value.value, str) else None
    if isinstance(value, External) and value.name.startswith("torch.") and value.last not in ("int", "long", "int64"):
        return UNKNOWN
    return None if is_device_name(value) else UNKNOWN


def _argument(node: ast.AST, position: int) -> ast.expr | None:
    return node.args[position] if isinstance(node, ast.Call) and position < len(node.args) else None


def _keyword(node: ast.AST, name: str) -> ast.expr | None:
    keywords = node.keywords if isinstance(node, ast.Call) else []
    return next((keyword.value for keyword in keywords if keyword.arg == name), None)


def _add(machine: Machine, receiver: Reference, arguments: Arguments, node: ast.expr) -> Value:
    path, value = arguments.get("name", 0) or arguments.get("target", 0), arguments.get("module", 1)
    if not isinstance(path, Constant) or not isinstance(path.value, str) or value is None:
        hide(machine, receiver)
        return NONE
    *owners, last = path.value.split(".")
    owner = _walk(machine, receiver, owners)
    if isinstance(owner, Reference) and machine.module(owner) is not None:
        set_child(machine, owner.id, last, value, node, _argument(node, 1) or _keyword(node, "module"))
    else:
        hide(machine, receiver)
    return NONE


def _walk(machine: Machine, start: Reference, names: list[str]) -> Value | None:
    current: Value | None = start
    for name in names:
        if not isinstance(current, Reference) or machine.module(current) is None:
            return None
        current = child(machine, current.id, "[]" if name.isdigit() else name)
    return current


def _get(machine: Machine, receiver: Reference, name: str, arguments: Arguments, node: ast.expr) -> Value:
    if name == "get_submodule":
        path = arguments.get("target", 0)
        if not isinstance(path, Constant) or not isinstance(path.value, str):
            return PartOf(receiver.id)
        return _walk(machine, receiver, path.value.split(".")) or machine.unknown(node)
    place = "lm_head" if name == "get_output_embeddings" else "embed_tokens"
    return child(machine, receiver.id, place) or machine.unknown(node)


def _apply(machine: Machine, receiver: Reference, arguments: Arguments) -> Value:
    function = arguments.get("fn", 0)
    if not isinstance(function, Function) or function.definition.names & {
        "to",
        "half",
        "bfloat16",
        "float",
        "data",
        "type",
    }:
        hide(machine, receiver)
    return receiver


def part_method(machine: Machine, receiver: PartOf, name: str, arguments: Arguments, node: ast.expr) -> Value:
    """A method of one of a model's modules or parameters, we do not know which."""
    if name == "full_tensor":
        return part_gathered(machine, receiver.id, node)
    if name in CASTS or name in ("to", "type"):
        weights = Weights(CASTS[name]) if name in CASTS else converted(machine, arguments, node)
        if weights is None:
            return receiver
        if receiver.tensor:
            return Tensor(weights.term)  # a new one: the module keeps its own
        hide(machine, receiver)
        return receiver
    if name in ("set_", "apply", "set_submodule", "add_module", "register_module", "__setattr__", "copy_from"):
        hide(machine, receiver)
    if name in _HOOKS:
        hide(machine, receiver)
    return receiver if name in KEEPS_DTYPE or name in RETURNS_PARTS or name in RETURNS_SELF else machine.unknown(node)


def tensor_method(machine: Machine, receiver: Tensor, name: str, arguments: Arguments) -> Value:
    """A method of a tensor."""
    if name in CASTS:
        return Tensor(CASTS[name])
    if name in ("to", "type"):
        terms = [term for value in arguments.all() if (term := _named_dtype(machine, value)) is not None]
        return Tensor(terms[0]) if terms else receiver if arguments.complete else Tensor(UNKNOWN)
    if name == "type_as":
        other = arguments.get("other", 0)
        term = _named_dtype(machine, other) if isinstance(other, (Tensor, PartOf)) else None
        return Tensor(term if term is not None else UNKNOWN)
    if name in ("size", "dim", "numel", "item", "tolist", "stride", "backward", "is_floating_point"):
        return machine.unknown()
    if name in KEEPS_DTYPE and not any(isinstance(value, Tensor) and value != receiver for value in arguments.all()):
        changed = arguments.get("dtype")
        return receiver if changed is None else Tensor(changed.term if isinstance(changed, DTypeValue) else UNKNOWN)
    return Tensor(UNKNOWN)


def cast_unknown(machine: Machine, receiver: Value, name: str, arguments: Arguments) -> Value:
    """`.to(…)` of a value we know nothing of: a tensor of that format, if it is one."""
    if name in CASTS:
        return Tensor(CASTS[name])
    terms = [term for value in arguments.all() if (term := _named_dtype(machine, value)) is not None]
    if terms and terms[0] is not UNKNOWN:
        return Tensor(terms[0])
    return receiver if not terms and isinstance(receiver, Opaque) else machine.unknown()
