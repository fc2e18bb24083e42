"""A call: whom it reaches. What other people's functions do stands in the tables and handlers of `library`."""

from __future__ import annotations

import ast
import dataclasses
from collections.abc import Callable
from typing import TypeAlias

from ftlint.run.fact import UNKNOWN
from ftlint.trace.classes import call_super, get_attribute, instantiate
from ftlint.trace.functions import call_function
from ftlint.trace.heap import Class, Dictionary, Instance, Items, Module
from ftlint.trace.library import (
    accelerators,
    builtin_calls,
    devices,
    hugging_face,
    module_methods,
    placement,
    saving,
    sharding,
    torch_calls,
    weight_files,
)
from ftlint.trace.library.effects import (
    AUTOCAST_CONTEXTS,
    DEFAULT_DTYPE_HINTS,
    EXITS,
    HARMLESS_CONTEXTS,
    HARMLESS_PACKAGES,
    KEEPS_DTYPE,
    PURE,
    TORCH_HARMFUL,
    TRANSFORMERS_HARMLESS,
    TRANSPARENT,
)
from ftlint.trace.library.layers import STACKS, is_container, layer_of
from ftlint.trace.machine import Machine, Stopped
from ftlint.trace.modules import hide
from ftlint.trace.reading import unfold
from ftlint.trace.running import method_of, run_module
from ftlint.trace.sharding import StateDict
from ftlint.trace.values import (
    Arguments,
    Constant,
    External,
    Function,
    Method,
    Opaque,
    PartOf,
    Reference,
    Super,
    Tensor,
    Value,
)

Handler: TypeAlias = "Callable[[Machine, External, Arguments, ast.Call], Value]"

HANDLERS: dict[str, Handler] = {
    **builtin_calls.HANDLERS,
    **torch_calls.HANDLERS,
    **placement.HANDLERS,
    **saving.HANDLERS,
}
# Methods by which a script tells somebody something, and which change nothing.
_TELLING = frozenset(
    {"info", "debug", "warning", "error", "log", "print", "write", "add_argument", "watch", "update", "append"}
)


def call(machine: Machine, node: ast.Call) -> Value:
    """The value of a call as it is written."""
    if isinstance(node.func, ast.Attribute):
        receiver = machine.evaluate(node.func.value)
        arguments = read_arguments(machine, node)
        return call_method(machine, receiver, node.func.attr, arguments, node)
    callee = machine.evaluate(node.func)
    if callee == External("builtins.super") and not node.args:
        return _super(machine, node)
    return call_value(machine, callee, read_arguments(machine, node), node)


def _super(machine: Machine, node: ast.Call) -> Value:
    function = machine.frame.function
    if function is None or function.bound is None or function.class_id is None:
        return machine.unknown(node)
    return Super(function.bound, function.class_id)


def read_arguments(machine: Machine, node: ast.Call) -> Arguments:
    """The arguments of a call, `*rest` and `**options` unfolded where their content is known."""
    positional: list[Value] = []
    keywords: dict[str, Value] = {}
    complete = True
    spread: list[Reference] = []
    for argument in node.args:
        if isinstance(argument, ast.Starred):
            value = machine.evaluate(argument.value)
            items = unfold(machine, value)
            if items is None:
                complete = False
                hide(machine, value)
            else:
                positional.extend(items)
        else:
            positional.append(machine.evaluate(argument))
    for keyword in node.keywords:
        value = machine.evaluate(keyword.value)
        if keyword.arg is not None:
            keywords[keyword.arg] = value
            continue
        record = machine.record(value)
        if isinstance(record, Dictionary):
            for key, item in record.entries.items():
                if isinstance(key, str):
                    keywords[key] = machine.unknown(None, key) if record.open else item
            complete &= not record.open
            spread += [value] if isinstance(value, Reference) else []
        else:
            complete = False
    return Arguments(tuple(positional), keywords, complete, tuple(spread))


def call_value(machine: Machine, callee: Value, arguments: Arguments, node: ast.expr) -> Value:
    """What calling a value gives."""
    if isinstance(callee, External):
        return call_external(machine, callee, arguments, node)
    if isinstance(callee, Function):
        return call_function(machine, callee, arguments, node)
    if isinstance(callee, Method):
        return call_method(machine, callee.receiver, callee.name, arguments, node)
    record = machine.record(callee)
    if isinstance(callee, Reference) and isinstance(record, Class):
        trainer = hugging_face.own_trainer(machine, callee, record, arguments, node)
        return trainer if trainer is not None else instantiate(machine, callee, record, arguments, node)
    if isinstance(callee, Reference) and isinstance(record, Module):
        return run_module(machine, callee.id, arguments, node)
    if isinstance(callee, Reference) and isinstance(record, Instance):
        if record.name == builtin_calls.PARTIAL:
            return builtin_calls.call_partial(machine, record, arguments, node)
        method = method_of(machine, record.class_id, "__call__")
        if method is not None:
            return call_function(machine, dataclasses.replace(method, bound=callee), arguments, node)
    placement.note_call(machine, callee, node)
    return unknown_call(machine, arguments, node)


def unknown_call(machine: Machine, arguments: Arguments, node: ast.expr) -> Value:
    """Somebody we do not see is called: what is passed may change."""
    for argument in arguments.all():
        hide(machine, argument)
    return machine.unknown(node)


def call_method(machine: Machine, receiver: Value, name: str, arguments: Arguments, node: ast.expr) -> Value:
    """`receiver.name(…)`."""
    if name == "backward":
        placement.note_backward(machine, node)
    if isinstance(receiver, External):
        return call_external(machine, _joined(receiver, name), arguments, node)
    if isinstance(receiver, Super):
        return call_super(machine, receiver, name, arguments, node)
    if isinstance(receiver, Tensor):
        return module_methods.tensor_method(machine, receiver, name, arguments)
    if isinstance(receiver, StateDict):
        return saving.state_method(machine, receiver, name, arguments, node)
    if isinstance(receiver, PartOf):
        return module_methods.part_method(machine, receiver, name, arguments, node)
    if isinstance(receiver, Reference):
        record = machine.record(receiver)
        if isinstance(record, Module):
            return module_methods.module_method(machine, receiver, record, name, arguments, node)
        if isinstance(record, (Instance, Class)):
            return _object_method(machine, receiver, record, name, arguments, node)
        if isinstance(record, (Items, Dictionary)):
            return builtin_calls.collection_method(machine, receiver, record, name, arguments)
    if isinstance(receiver, Method) and receiver.name == "_modules":
        return unknown_call(machine, Arguments((receiver.receiver,)), node)
    if isinstance(receiver, Constant):
        return builtin_calls.text_method(machine, receiver, name, arguments)
    if isinstance(receiver, Opaque):
        known = weight_files.method_of_unknown(machine, receiver, name, arguments, node)
        if known is not None:
            return known
    if name == "add_argument":
        devices.note_option(machine, arguments)
    if name in KEEPS_DTYPE or name in _TELLING:
        return machine.unknown(node, name)
    if name == "set_state_dict_type":
        return sharding.set_plugin_type(machine, arguments, node)
    if isinstance(receiver, Opaque) and receiver.hint == "accelerator":
        known = accelerators.unseen_accelerator(machine, name, arguments, node)
        if known is not None:
            return known
    if name == "to" or name in module_methods.CASTS:
        return module_methods.cast_unknown(machine, receiver, name, arguments)
    return unknown_call(machine, arguments, node)


def _object_method(
    machine: Machine, receiver: Reference, record: Instance | Class, name: str, arguments: Arguments, node: ast.expr
) -> Value:
    found = get_attribute(machine, receiver, record, name)
    if isinstance(found, Function) or machine.record(found) is not None:
        return call_value(machine, found, arguments, node)
    if isinstance(record, Instance):
        known = hugging_face.instance_method(machine, receiver, record, name, arguments, node)
        if known is not None:
            return known
        if record.class_id is not None and record.open:
            # A method of a parent we do not see: it may do anything to the object it belongs to.
            hide(machine, receiver)
        if record.name in HARMLESS_CONTEXTS or name in _TELLING:
            return machine.unknown(node)
    elif name == "from_pretrained":
        return hugging_face.own_from_pretrained(machine, receiver, record, arguments, node)
    return unknown_call(machine, arguments, node)


def _joined(receiver: External, name: str) -> External:
    return External(f"{receiver.name}.{name}")


def call_external(machine: Machine, callee: External, arguments: Arguments, node: ast.expr) -> Value:
    """A call of another file's function or class, by its dotted name."""
    name = callee.name
    assert isinstance(node, (ast.Call, ast.expr))
    handler = HANDLERS.get(name)
    if handler is not None and isinstance(node, ast.Call):
        return handler(machine, callee, arguments, node)
    if name in EXITS:
        raise Stopped
    if name.startswith("torch.nn.Module.") and arguments.positional:  # `nn.Module.half(model)`
        receiver, *rest = arguments.positional
        return call_method(machine, receiver, callee.last, dataclasses.replace(arguments, positional=tuple(rest)), node)
    layer = layer_of(name)
    if layer is not None or is_container(name):
        return torch_calls.build_layer(machine, callee, arguments, node)
    if name in STACKS:
        return torch_calls.build_stack(machine, callee, arguments, node)
    if name in TRANSPARENT:
        return hugging_face.wrap(machine, callee, arguments, node)
    if name in AUTOCAST_CONTEXTS or name.startswith(HARMLESS_CONTEXTS):
        harmless = Instance(name, {**arguments.keywords, **dict(_numbered(arguments))})
        return (
            machine.add(harmless)
            if name in AUTOCAST_CONTEXTS or name == "contextlib.nullcontext"
            else _opaque_of(machine, callee, arguments)
        )
    if callee.package in (
        "transformers",
        "peft",
        "trl",
        "torchvision",
        "timm",
        "accelerate",
        "deepspeed",
    ) or callee.last in (
        "from_pretrained",
        "from_config",
    ):
        known = hugging_face.library_call(machine, callee, arguments, node)
        if known is not None:
            return known
    if callee.package == "torch":
        return _torch(machine, callee, arguments, node)
    if callee.package in HARMLESS_PACKAGES or (
        callee.package == "transformers" and callee.last in TRANSFORMERS_HARMLESS
    ):
        return _opaque_of(machine, callee, arguments)
    return _unseen(machine, callee, arguments, node)


def _numbered(arguments: Arguments) -> list[tuple[str, Value]]:
    return [(str(position), value) for position, value in enumerate(arguments.positional)]


def _opaque_of(machine: Machine, callee: External, arguments: Arguments) -> Value:
    """An answer we do not know, of somebody who changes nothing."""
    plain = all(isinstance(value, Constant) for value in arguments.all()) and arguments.complete
    hint = "device" if callee.name == "torch.device" else callee.last
    if plain and callee.name.startswith(PURE):
        return Opaque(("call", callee.name, arguments.positional), hint)
    for value in arguments.all():
        if isinstance(value, Function):
            hide(machine, value)
    return machine.unknown(None, hint)


def _torch(machine: Machine, callee: External, arguments: Arguments, node: ast.expr) -> Value:
    if callee.name.startswith("torch.distributed"):
        known = sharding.library_call(machine, callee, arguments, node)
        if known is not None:
            return known
    if callee.name.startswith(TORCH_HARMFUL):
        return unknown_call(machine, arguments, node)
    known = torch_calls.function_result(machine, callee, arguments)
    return known if known is not None else _opaque_of(machine, callee, arguments)


def _unseen(machine: Machine, callee: External, arguments: Arguments, node: ast.expr) -> Value:
    """A function or class of another file of the user's, or of a library that we know nothing of."""
    if any(hint in callee.last.lower() for hint in DEFAULT_DTYPE_HINTS):
        machine.state.default_dtype = UNKNOWN
    if hugging_face.looks_like_model(callee.last):
        return hugging_face.unseen_model(machine, callee, arguments, node)
    return unknown_call(machine, arguments, node)
