"""What happens to number formats when a model runs: which layer is fed what.

A layer that multiplies raises where its input has another dtype than its weights. So the question about a replaced
submodule is asked where the model is used, not where the submodule is built: everything between may repair it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from ftlint.run.dtype import DType
from ftlint.run.fact import UNKNOWN, Truth
from ftlint.spans import Location
from ftlint.trace.events import Fed, Manner, Used
from ftlint.trace.heap import Module, ModuleKind, Weights
from ftlint.trace.library.layers import layer_of
from ftlint.trace.library.models import EMBEDDINGS, casts_embeddings
from ftlint.trace.library.placement import note_run
from ftlint.trace.machine import Machine
from ftlint.trace.modules import body_term, either
from ftlint.trace.values import Arguments, DTypeTerm, Function, Opaque, Reference, Tensor, Value

SOME_BODIES = "unless the model converts what its embedding gives, as T5 does"
SOME_MODELS = "unless the model converts its head's input, as Mamba does"


def run_module(machine: Machine, id: int, arguments: Arguments, node: ast.AST, manner: Manner = Manner.CALLED) -> Value:
    """The value of `module(…)`."""
    record = machine.state.heap[id]
    assert isinstance(record, Module)
    location = machine.location(node)
    machine.emit(Used(location, id, manner))
    note_run(machine, id, node)
    given = (
        arguments.positional[0] if arguments.positional else next(iter(arguments.keywords.values()), Opaque(("input",)))
    )
    return _run(machine, id, record, given, arguments, location, node, manner)


def _run(
    machine: Machine,
    id: int,
    record: Module,
    given: Value,
    arguments: Arguments,
    location: Location,
    node: ast.AST,
    manner: Manner,
) -> Value:
    machine.spend()  # a container may hold itself many times over
    if record.opaque:
        return machine.unknown(node)
    outer, outer_autocast, outer_reasons = machine.feeding, machine.state.autocast, machine.reasons
    machine.feeding = record.replacement or outer
    machine.reasons = (*outer_reasons, *record.reasons)
    machine.state.autocast = either(outer_autocast, record.autocast)
    try:
        term = given.term if isinstance(given, Tensor) else UNKNOWN
        if record.kind is ModuleKind.LAYER:
            return Tensor(_layer(machine, id, record, term, location, manner))
        if record.kind is ModuleKind.CONTAINER:
            return _container(machine, record, given, location, node, manner)
        if record.kind is ModuleKind.SCRIPT:
            return _script(machine, id, record, arguments, node)
        _library(machine, id, record, location, node, manner)
        return machine.unknown(node, "output")
    finally:
        machine.feeding, machine.reasons = outer, outer_reasons
        machine.state.autocast = outer_autocast


def _layer(machine: Machine, id: int, record: Module, term: DTypeTerm, location: Location, manner: Manner) -> DTypeTerm:
    layer = layer_of(record.name)
    if layer is None:
        return UNKNOWN
    if machine.state.autocast is not Truth.NO and (layer.multiplies or layer.takes_tokens):
        return UNKNOWN
    if layer.takes_tokens:
        return record.weights.term
    if not layer.multiplies:
        return term
    if machine.feeding is not None:
        replacement = machine.feeding
        machine.emit(
            Fed(
                location, id, replacement, term, record.weights, machine.state.autocast, manner, machine.body,
                reasons=tuple(dict.fromkeys((*replacement.reasons, *machine.reasons))),
            )
        )  # fmt: skip
    # What comes out has the weights' dtype: had the input another one, nothing would come out.
    return record.weights.term


def multiply(machine: Machine, left: Tensor, right: Tensor, node: ast.AST) -> Tensor:
    """`left @ right`, which raises on mixed dtypes as layers do: a replaced submodule may hold bare parameters."""
    if left.term == right.term:
        return left
    if machine.feeding is not None and machine.state.autocast is Truth.NO and DType.FLOAT32 in (left.term, right.term):
        weights, given = (left, right) if left.term is DType.FLOAT32 else (right, left)
        reasons = tuple(dict.fromkeys((*machine.feeding.reasons, *machine.reasons)))
        machine.emit(
            Fed(
                machine.location(node),
                machine.feeding.module_id,
                machine.feeding,
                given.term,
                Weights(weights.term),
                Truth.NO,
                Manner.CALLED,
                machine.body,
                reasons=reasons,
            )
        )
    return Tensor(UNKNOWN)


def _container(
    machine: Machine, record: Module, given: Value, location: Location, node: ast.AST, manner: Manner
) -> Value:
    if not record.name.endswith(".Sequential"):
        return machine.unknown(node)
    for value in record.children.values():
        inner = machine.module(value)
        if inner is None or not isinstance(value, Reference):
            given = machine.unknown(node)
            continue
        given = _run(machine, value.id, inner, given, Arguments((given,)), location, node, manner)
    return given


def _script(machine: Machine, id: int, record: Module, arguments: Arguments, node: ast.AST) -> Value:
    forward = method_of(machine, record.class_id, "forward")
    if forward is None:
        return machine.unknown(node)
    bound = Function(forward.definition, forward.scopes, forward.defaults, Reference(id), forward.class_id)
    return machine.call_function(bound, arguments, node)


def method_of(machine: Machine, class_id: int | None, name: str, depth: int = 8) -> Function | None:
    """The method `name` of a class of the script or of its parents in the script."""
    record = machine.class_of(class_id)
    if record is None or depth == 0:
        return None
    found = record.attributes.get(name)
    if isinstance(found, Function):
        return found
    for base in record.bases:
        if isinstance(base, Reference):
            inherited = method_of(machine, base.id, name, depth - 1)
            if inherited is not None:
                return inherited
    return None


def _library(machine: Machine, id: int, record: Module, location: Location, node: ast.AST, manner: Manner) -> None:
    """A library's model runs: each submodule that replaced another is fed what the rest computes."""
    for name, child_id, owner in _replaced(machine, id):
        module = machine.state.heap[child_id]
        assert isinstance(module, Module)
        replacement = module.replacement
        assert replacement is not None
        if owner.opaque:
            continue
        body = body_term(machine, id)
        if name in EMBEDDINGS:
            _embedding(machine, child_id, record, body, location, manner)
            continue
        if name == "lm_head" and (record.casts_head_input or machine.own_lm_loss):
            body = UNKNOWN
        outer, outer_body = machine.reasons, machine.body
        machine.reasons = (*outer, SOME_MODELS) if record.unnamed and name == "lm_head" else outer
        machine.body = record.weights
        _run(machine, child_id, module, Tensor(body), Arguments((Tensor(body),)), location, node, manner)
        machine.reasons, machine.body = outer, outer_body


def _embedding(machine: Machine, id: int, owner: Module, body: DTypeTerm, location: Location, manner: Manner) -> None:
    """A replaced embedding is fed tokens, and feeds the rest: the first norm or projection meets its dtype."""
    module = machine.state.heap[id]
    assert isinstance(module, Module)
    replacement = module.replacement
    if replacement is None or machine.state.autocast is not Truth.NO or module.kind is not ModuleKind.LAYER:
        return
    if casts_embeddings(owner.name, owner.family):
        return
    unnamed = (SOME_BODIES,) if owner.unnamed else ()
    reasons = tuple(dict.fromkeys((*replacement.reasons, *machine.reasons, *unnamed)))
    weights = module.weights
    machine.emit(
        Fed(location, id, replacement, body, weights, Truth.NO, manner, owner.weights, by_owner=True, reasons=reasons)
    )


def _replaced(machine: Machine, id: int) -> Iterator[tuple[str, int, Module]]:
    stack = [id]
    seen: set[int] = set()
    while stack:
        current = stack.pop()
        owner = machine.state.heap.get(current)
        if current in seen or not isinstance(owner, Module):
            continue
        seen.add(current)
        for name, value in owner.children.items():
            inner = machine.module(value)
            if inner is None or not isinstance(value, Reference):
                continue
            if inner.replacement is not None:
                yield name, value.id, owner
            else:
                stack.append(value.id)
