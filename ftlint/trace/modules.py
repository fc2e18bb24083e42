"""What can happen to a module: it is converted, hidden from our sight, given another submodule, looked into."""

from __future__ import annotations

import ast
import dataclasses
from collections.abc import Iterator

from ftlint.run.fact import UNKNOWN, Truth
from ftlint.spans import Location
from ftlint.trace.events import Cast, Replaced
from ftlint.trace.heap import Dictionary, Instance, Items, Module, ModuleKind, Replacement, Weights
from ftlint.trace.library.layers import layer_of
from ftlint.trace.library.models import EMBEDDINGS, HEADS, INNER_HEADS, LAYERS, PARTS_CALLED, has_head, is_settings
from ftlint.trace.machine import Machine
from ftlint.trace.naming import own_expression, text_of, torch_name
from ftlint.trace.sharding import StateDict
from ftlint.trace.values import (
    DTypeTerm,
    Function,
    PartOf,
    Reference,
    Tensor,
    Tuple,
    Value,
)

_HARMLESS_ATTRIBUTES = frozenset(
    {
        "requires_grad", "grad", "training", "config", "name", "is_parallelizable", "model_parallel", "num_labels",
        "generation_config", "supports_gradient_checkpointing",
    }
)  # fmt: skip
_LIBRARY = (ModuleKind.MODEL, ModuleKind.PART, ModuleKind.UNSEEN)


def inside(machine: Machine, id: int) -> Iterator[int]:
    """The ids of a module and of every module in it that the script has touched."""
    seen: set[int] = set()
    waiting = [id]
    while waiting:
        current = waiting.pop()
        if current in seen:
            continue
        seen.add(current)
        record = machine.state.heap.get(current)
        if record is None:
            continue
        if isinstance(record, Module):
            yield current
            waiting += [value.id for value in record.children.values() if isinstance(value, (Reference, PartOf))]
        elif isinstance(record, Items):
            waiting += [value.id for value in record.items if isinstance(value, Reference)]
        elif isinstance(record, Dictionary):
            waiting += [value.id for value in record.entries.values() if isinstance(value, Reference)]


def cast(machine: Machine, id: int, weights: Weights, location: Location) -> None:
    """Convert a module and all in it."""
    for each in inside(machine, id):
        record = machine.state.heap[each]
        assert isinstance(record, Module)
        children = {
            name: Tensor(weights.term) if isinstance(value, Tensor) else value
            for name, value in record.children.items()
        }
        machine.state.writable_heap()[each] = dataclasses.replace(record, weights=weights, children=children)
    record = machine.state.heap[id]
    if isinstance(record, Module) and record.kind is ModuleKind.PART and record.root_id is not None:
        # One element of a list of layers stands for all, and the rest of the model is then a mixture.
        machine.state.writable_heap()[id] = dataclasses.replace(record, opaque=False)
    machine.emit(Cast(location, id, weights))


NEARBY = 6
"""How far into lists, dicts and objects a stranger is taken to reach."""


def hide(machine: Machine, value: Value, depth: int = NEARBY) -> None:
    """Somebody we do not see may do anything to what can be reached from here: its weights become unknown."""
    if depth < NEARBY:
        machine.spend()  # what one call hands over is paid with the call; what lies below it is not
    if isinstance(value, (Reference, PartOf)):
        record = machine.state.heap.get(value.id)
        if isinstance(record, Module):
            for id in inside(machine, value.id):
                module = machine.state.heap[id]
                assert isinstance(module, Module)
                machine.places.handed_away.update((id, module.root_id if module.root_id is not None else id))
                if module.weights.term is not UNKNOWN:
                    machine.state.writable_heap()[id] = dataclasses.replace(module, weights=Weights())
        elif depth == 0:
            return
        elif isinstance(record, Items):
            machine.state.writable_heap()[value.id] = dataclasses.replace(record, open=True)
            for item in record.items:
                hide(machine, item, depth - 1)
        elif isinstance(record, Dictionary):
            machine.state.writable_heap()[value.id] = dataclasses.replace(record, open=True)
            for item in record.entries.values():
                hide(machine, item, depth - 1)
        elif isinstance(record, Instance):
            for item in record.attributes.values():
                hide(machine, item, depth - 1)
            if is_settings(record.name) and record.class_id is None:
                changed = {name: machine.unknown(None, name) for name in record.attributes}
                machine.state.writable_heap()[value.id] = dataclasses.replace(record, attributes=changed, open=True)
    elif isinstance(value, StateDict):
        machine.forget(value)  # its entries may be put together, or taken out
    elif isinstance(value, Tuple):
        for item in value.items:
            hide(machine, item, depth)
    elif isinstance(value, Function):
        if value.bound is not None and depth:
            hide(machine, value.bound, depth - 1)
        _hide_captured(machine, value)


def lose(machine: Machine, value: Value, depth: int = 3) -> None:
    """One of the modules in a collection goes on under a name, we do not know which: any of them may change."""
    if machine.module(value) is not None:
        hide(machine, value)
        return
    record = machine.record(value)
    items: tuple[Value, ...] = value.items if isinstance(value, Tuple) else ()
    if isinstance(record, Items):
        items = record.items
    elif isinstance(record, Dictionary):
        items = tuple(record.entries.values())
    elif isinstance(record, Instance):
        items = tuple(record.attributes.values())
    for item in items if depth else ():
        lose(machine, item, depth - 1)


def _hide_captured(machine: Machine, function: Function) -> None:
    """A function given away may be called: what it converts is then converted, we do not know when."""
    if not function.definition.names & {"to", "half", "bfloat16", "float", "type", "double", "data"}:
        return
    for number in function.scopes:
        for name, value in tuple(machine.state.scopes.get(number, {}).items()):
            if name in function.definition.names and machine.module(value) is not None:
                hide(machine, value)


def _layers_in(machine: Machine, id: int) -> Iterator[Module]:
    """The modules of a module that hold weights themselves."""
    for each in inside(machine, id):
        module = machine.state.heap[each]
        if isinstance(module, Module) and module.kind not in (ModuleKind.SCRIPT, ModuleKind.CONTAINER):
            layer = layer_of(module.name)
            if layer is None or layer.weights:
                yield module


def body_term(machine: Machine, id: int) -> DTypeTerm:
    """The dtype that all weights of a model share, but for those that replaced others; UNKNOWN for a mixture."""
    record = machine.state.heap.get(id)
    if not isinstance(record, Module):
        return UNKNOWN
    if record.kind in (ModuleKind.SCRIPT, ModuleKind.CONTAINER):
        terms = {module.weights.term for module in _layers_in(machine, id)}
        return terms.pop() if len(terms) == 1 else UNKNOWN
    for name, value in record.children.items():
        base = machine.module(value)
        if name in PARTS_CALLED and base is not None and base.weights.term != record.weights.term:
            # `model.model` is all there is but for the head, and may have been converted by itself.
            return body_term(machine, value.id) if isinstance(value, Reference) else UNKNOWN
    stack = [id]
    seen: set[int] = set()
    while stack:
        current = stack.pop()
        part = machine.state.heap.get(current)
        if current in seen or not isinstance(part, Module) or part.replacement is not None:
            continue
        seen.add(current)
        if part.weights.term != record.weights.term:
            return UNKNOWN
        for name, value in part.children.items():
            if machine.module(value) is None and "norm" in name.lower():
                return UNKNOWN  # a norm that we do not know, whose weights may decide what comes out of it
            stack += [value.id] if isinstance(value, Reference) else []
    return record.weights.term


def child(machine: Machine, id: int, name: str) -> Value | None:
    """The submodule or other attribute `name` of a module; of a library's model it is made up when first asked for."""
    record = machine.state.heap[id]
    assert isinstance(record, Module)
    found = record.children.get(name)
    if found is not None:
        return found
    if record.kind in _LIBRARY:
        part = Module(
            ModuleKind.PART,
            f"{record.name}.{name}",
            record.weights,
            root_id=record.root_id or id,
            reasons=record.reasons,
        )
        reference = machine.add(part)
        machine.state.writable_heap()[id] = dataclasses.replace(record, children={**record.children, name: reference})
        return reference
    return None


def set_child(
    machine: Machine,
    id: int,
    name: str,
    value: Value,
    node: ast.AST,
    expression: ast.expr | None,
    *,
    existing: bool = False,
) -> None:
    """`module.name = value`. `existing`: the module is known to have a submodule in that role."""
    record = machine.state.heap[id]
    assert isinstance(record, Module)
    before = record.children.get(name)
    if before == value or name in _HARMLESS_ATTRIBUTES:
        return
    if name in ("weight", "bias", "data") and record.kind in (ModuleKind.LAYER, ModuleKind.PART):
        _set_parameter(machine, id, record, name, value)
        return
    if name in ("forward", "_call_impl", "__class__"):
        machine.state.writable_heap()[id] = dataclasses.replace(record, opaque=True)
        return
    new = machine.module(value)
    if new is not None and isinstance(value, Reference):
        known = Truth.YES if existing else _is_there(machine, id, record, name, before)
        if known is not Truth.NO:
            replacement = _replacement(machine, id, record, before, value.id, new, node, expression, name)
            if known is Truth.UNKNOWN:
                reason = f"if {record.name.rpartition('.')[2]} has a submodule called {name}"
                replacement = dataclasses.replace(replacement, reasons=(*replacement.reasons, reason))
            machine.state.writable_heap()[value.id] = dataclasses.replace(new, replacement=replacement)
            machine.emit(Replaced(replacement.location, replacement))
    record = machine.state.heap[id]
    assert isinstance(record, Module)
    machine.state.writable_heap()[id] = dataclasses.replace(record, children={**record.children, name: value})


def _is_there(machine: Machine, id: int, owner: Module, name: str, before: Value | None) -> Truth:
    """Whether a submodule is replaced, rather than added where nothing runs it."""
    if isinstance(before, Reference) and machine.module(before) is not None:
        return Truth.YES  # the script has read it
    asked = machine.state.assumed.get(("hasattr", id, name))
    if asked is not None:
        return Truth.of(asked)
    if owner.kind is ModuleKind.MODEL:
        return has_head(owner.name, name, owner.family)
    if owner.kind is ModuleKind.PART:
        heads = INNER_HEADS.get(owner.name.rpartition(".")[2], frozenset[str]())
        return Truth.of(name in LAYERS or name in EMBEDDINGS or name in heads)
    return Truth.of(owner.kind is ModuleKind.UNSEEN and name in HEADS | LAYERS | EMBEDDINGS)


def _set_parameter(machine: Machine, id: int, record: Module, name: str, value: Value) -> None:
    # `head.weight = nn.Parameter(…)`: one dtype only where the new one is that of the rest.
    term = (
        value.term
        if isinstance(value, Tensor)
        else body_term(machine, value.id)
        if isinstance(value, PartOf)
        else UNKNOWN
    )
    if term == record.weights.term and term is not UNKNOWN:
        return
    machine.state.writable_heap()[id] = dataclasses.replace(record, weights=Weights())


def _replacement(
    machine: Machine,
    id: int,
    owner: Module,
    before: Value | None,
    new_id: int,
    new: Module,
    node: ast.AST,
    expression: ast.expr | None,
    name: str,
) -> Replacement:
    built = new.construction
    if built is not None and (built.source != machine.frame.source or built.scopes != machine.frame.scopes):
        built = None  # built in another function or cell: what is readable there is not what is readable here
    visible = built.visible if built is not None else machine.visible_names()
    weights = _weights_before(machine, owner, before)
    root = machine.state.heap.get(owner.root_id) if owner.root_id is not None else owner
    return Replacement(
        location=machine.location(node),
        target=_target_text(machine, node) or name,
        layer=new.name,
        owner_id=owner.root_id if owner.root_id is not None else id,
        owner_name=root.name if isinstance(root, Module) else owner.name,
        module_id=new_id,
        value=expression,
        source=machine.frame.source,
        construction=built,
        dtype_expression=own_expression(machine, root if isinstance(root, Module) else owner, weights, visible),
        torch_name=torch_name(machine, visible),
        takes_dtype=new.kind is ModuleKind.LAYER,
        source_weights=weights,
        reasons=owner.reasons,
    )


def _weights_before(machine: Machine, owner: Module, before: Value | None) -> Weights:
    """Where the dtype of what is being replaced was decided: by its own layers, else by the model around it."""
    if owner.weights.term is not UNKNOWN or not isinstance(before, Reference):
        return owner.weights
    for each in inside(machine, before.id):
        module = machine.state.heap[each]
        if isinstance(module, Module) and module.weights.term is not UNKNOWN:
            return module.weights
    return owner.weights


def _target_text(machine: Machine, node: ast.AST) -> str:
    if isinstance(node, ast.Assign) and len(node.targets) == 1:
        return text_of(machine, node.targets[0])
    return text_of(machine, node.target) if isinstance(node, ast.AnnAssign) else ""


def copy_module(machine: Machine, id: int) -> Reference:
    """`copy.deepcopy(module)`: a second module of the same make, each inner one copied once."""
    twins: dict[int, int] = {each: machine.number() for each in inside(machine, id)}

    def moved(value: Value) -> Value:
        return Reference(twins[value.id]) if isinstance(value, Reference) and value.id in twins else value

    for each, twin in twins.items():
        record = machine.state.heap[each]
        assert isinstance(record, Module)
        children = {name: moved(value) for name, value in record.children.items()}
        root = twins.get(record.root_id) if record.root_id is not None else None
        machine.state.writable_heap()[twin] = dataclasses.replace(
            record, children=children, root_id=root or record.root_id
        )
    return Reference(twins[id])


def either(one: Truth, two: Truth) -> Truth:
    """One or the other."""
    if Truth.YES in (one, two):
        return Truth.YES
    return Truth.UNKNOWN if Truth.UNKNOWN in (one, two) else Truth.NO
