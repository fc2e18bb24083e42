"""Classes of the script: defined, instantiated, looked into."""

from __future__ import annotations

import ast
import dataclasses

from ftlint.trace.functions import define_function
from ftlint.trace.heap import Class, ClassKind, Instance, Module, ModuleKind, Weights
from ftlint.trace.library.models import is_model_class
from ftlint.trace.machine import Frame, Machine
from ftlint.trace.modules import hide
from ftlint.trace.running import method_of
from ftlint.trace.values import (
    NONE,
    Arguments,
    External,
    Function,
    FunctionDefinition,
    Method,
    Opaque,
    Reference,
    Role,
    Super,
    Value,
)


def define_class(machine: Machine, node: ast.ClassDef) -> Reference:
    """`class Name(…)`: its body is read in a scope of its own."""
    bases = tuple(machine.evaluate(base) for base in node.bases)
    decorators = [machine.evaluate(each.func if isinstance(each, ast.Call) else each) for each in node.decorator_list]
    kind = _class_kind(machine, bases, decorators)
    reference = machine.add(Class(node.name, kind, bases, {}))
    number = machine.number()
    outer = machine.frame
    machine.state.open_scope(number, {})
    machine.frame = Frame((number, *outer.scopes), outer.source)
    fields: list[str] = []
    methods: list[FunctionDefinition] = []
    try:
        for statement in node.body:
            if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)):
                function = define_function(machine, statement, reference.id)
                machine.bind(statement.name, function)
                methods.append(function.definition)
            elif isinstance(statement, ast.ClassDef):
                machine.bind(statement.name, define_class(machine, statement))
            elif isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
                fields.append(statement.target.id)
                if statement.value is not None:
                    machine.bind(statement.target.id, machine.evaluate(statement.value))
            elif isinstance(statement, ast.Assign):
                value = machine.evaluate(statement.value)
                for target in statement.targets:
                    if isinstance(target, ast.Name):
                        machine.bind(target.id, value)
    finally:
        machine.frame = outer
    attributes = machine.state.scopes.pop(number)
    inherited = [
        name
        for base in bases
        if (parent := machine.record(base)) and isinstance(parent, Class)
        for name in parent.fields
    ]
    all_fields = tuple(dict.fromkeys((*inherited, *fields)))
    machine.state.writable_heap()[reference.id] = Class(node.name, kind, bases, attributes, all_fields, tuple(methods))
    return reference


def _class_kind(machine: Machine, bases: tuple[Value, ...], decorators: list[Value]) -> ClassKind:
    kinds = set()
    for base in bases:
        record = machine.record(base)
        if isinstance(record, Class):
            kinds.add(record.kind)
        elif isinstance(base, External) and base.name in (
            "torch.nn.Module",
            "torch.nn.modules.module.Module",
            "torch.nn.modules.Module",
        ):
            kinds.add(ClassKind.MODULE)
        elif isinstance(base, External) and base.name in ("typing.NamedTuple", "typing.TypedDict"):
            kinds.add(ClassKind.RECORD)
        elif isinstance(base, External) and base.name in (
            "builtins.object",
            "abc.ABC",
            "typing.Generic",
            "typing.Protocol",
        ):
            kinds.add(ClassKind.PLAIN)
        else:
            kinds.add(ClassKind.FOREIGN)
    if ClassKind.FOREIGN in kinds:
        return ClassKind.FOREIGN
    if ClassKind.MODULE in kinds:
        return ClassKind.MODULE
    if any(isinstance(each, External) and each.name == "dataclasses.dataclass" for each in decorators):
        return ClassKind.RECORD
    if decorators:
        return ClassKind.FOREIGN
    return ClassKind.RECORD if ClassKind.RECORD in kinds else ClassKind.PLAIN


def instantiate(machine: Machine, reference: Reference, record: Class, arguments: Arguments, node: ast.expr) -> Value:
    """`Class(…)`."""
    if record.kind is ClassKind.MODULE or any(
        isinstance(base, External) and is_model_class(base.name) for base in record.bases
    ):
        made: Reference = machine.add(
            Module(
                ModuleKind.SCRIPT,
                record.name,
                Weights(),
                construction=machine.construction(node),
                class_id=reference.id,
            )
        )
    elif record.kind is ClassKind.RECORD and method_of(machine, reference.id, "__init__") is None:
        return _record_instance(machine, reference, record, arguments)
    elif record.kind is ClassKind.FOREIGN:
        for argument in arguments.all():
            hide(machine, argument)
        made = machine.add(Instance(record.name, {}, reference.id, open=True))
    else:
        made = machine.add(Instance(record.name, {}, reference.id, open=False))
    constructor = method_of(machine, reference.id, "__init__")
    if constructor is not None:
        machine.call_function(dataclasses.replace(constructor, bound=made), arguments, node)
    return made


def _record_instance(machine: Machine, reference: Reference, record: Class, arguments: Arguments) -> Value:
    attributes: dict[str, Value] = {}
    for position, name in enumerate(record.fields):
        value = arguments.get(name, position)
        if value is None:
            value = _field_default(machine, reference.id, name) if arguments.complete else None
        attributes[name] = value if value is not None else machine.unknown(None, name)
    made = machine.add(Instance(record.name, attributes, reference.id, open=False))
    after = method_of(machine, reference.id, "__post_init__")
    if after is not None:
        machine.call_function(dataclasses.replace(after, bound=made), Arguments(), after.definition.node)
    return made


def _field_default(machine: Machine, class_id: int, name: str, depth: int = 8) -> Value | None:
    record = machine.class_of(class_id)
    if record is None or depth == 0:
        return None
    if name in record.attributes:
        value = record.attributes[name]
        inner = machine.record(value)
        if isinstance(inner, Instance) and inner.name == "dataclasses.field":
            return inner.attributes.get("default")
        return value
    for base in record.bases:
        if isinstance(base, Reference):
            found = _field_default(machine, base.id, name, depth - 1)
            if found is not None:
                return found
    return None


def get_attribute(machine: Machine, reference: Reference, record: Instance | Class, name: str) -> Value:
    """`instance.name` or `Class.name`, read."""
    found = record.attributes.get(name)
    class_id = record.class_id if isinstance(record, Instance) else reference.id
    if found is None and class_id is not None:
        found = method_of(machine, class_id, name) or _field_default(machine, class_id, name)
    if isinstance(found, Function):
        role = found.definition.role
        if role is Role.PROPERTY and isinstance(record, Instance):
            return machine.call_function(
                dataclasses.replace(found, bound=reference), Arguments(), found.definition.node
            )
        if role is Role.CLASS:
            return dataclasses.replace(found, bound=Reference(class_id) if class_id is not None else reference)
        if isinstance(record, Instance) and found.class_id is not None:
            return dataclasses.replace(found, bound=reference)
        return found
    if found is not None:
        return found
    return Opaque(("attribute", reference.id, name), name)


def call_super(machine: Machine, receiver: Super, name: str, arguments: Arguments, node: ast.expr) -> Value:
    """`super().name(…)`: parents in the script are called; what torch's `Module` does is nothing to us."""
    owner = machine.class_of(receiver.class_id)
    for base in owner.bases if owner is not None else ():
        if isinstance(base, Reference):
            method = method_of(machine, base.id, name)
            if method is not None:
                return machine.call_function(dataclasses.replace(method, bound=receiver.receiver), arguments, node)
    if name == "__init__":
        return NONE
    if name in ("to", "half", "bfloat16", "float", "cuda", "cpu", "train", "eval"):
        return machine.call_value(Method(receiver.receiver, name), arguments, node)
    return machine.unknown(node)
