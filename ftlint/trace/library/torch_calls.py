"""torch's own functions: layers built, tensors made, the default dtype set."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import TypeAlias

from ftlint.run.dtype import DType, parse_dtype
from ftlint.run.fact import UNKNOWN
from ftlint.trace.events import DefaultDTypeSet
from ftlint.trace.heap import Dictionary, Module, ModuleKind, Weights
from ftlint.trace.library.effects import SAME_DTYPE_FUNCTIONS
from ftlint.trace.library.layers import Layer, is_container, layer_of
from ftlint.trace.machine import Machine
from ftlint.trace.modules import hide
from ftlint.trace.reading import unfold
from ftlint.trace.values import (
    NONE,
    Arguments,
    Constant,
    DTypeTerm,
    DTypeValue,
    External,
    Opaque,
    Tensor,
    Tuple,
    Value,
)

Handler: TypeAlias = "Callable[[Machine, External, Arguments, ast.Call], Value]"

_TENSOR_TYPES = {"BFloat16Tensor": DType.BFLOAT16, "HalfTensor": DType.FLOAT16, "FloatTensor": DType.FLOAT32,
                 "DoubleTensor": DType.FLOAT64}  # fmt: skip
_FILLED = frozenset({"randn", "rand", "zeros", "ones", "empty", "full", "linspace"})


def build_layer(machine: Machine, callee: External, arguments: Arguments, node: ast.expr) -> Value:
    """`nn.Linear(…)`, `nn.Sequential(…)`."""
    if is_container(callee.name):
        return _container(machine, callee, arguments, node)
    layer = layer_of(callee.name)
    assert layer is not None
    value = arguments.get("dtype", layer.dtype_position)
    expression = _keyword(node, "dtype")
    weights = Weights(layer_dtype(machine, value, arguments, layer), machine.location(node), callee.last, expression)
    return machine.add(Module(ModuleKind.LAYER, callee.name, weights, construction=machine.construction(node)))


def build_stack(machine: Machine, callee: External, arguments: Arguments, node: ast.expr) -> Value:
    """`nn.TransformerEncoder(layer, 6)`: a module that copies the layer, and of which no more is known."""
    layers = {name: value for name, value in arguments.keywords.items() if machine.module(value) is not None}
    layers |= {str(at): value for at, value in enumerate(arguments.positional) if machine.module(value) is not None}
    return machine.add(
        Module(ModuleKind.CONTAINER, callee.name, Weights(), layers, machine.construction(node), opaque=True)
    )


def layer_dtype(machine: Machine, value: Value | None, arguments: Arguments, layer: Layer) -> DTypeTerm:
    """The dtype a layer is built in, given what was passed as `dtype`; one that is handed its weights has theirs."""
    given = arguments.get("_weight", 7 if layer.takes_tokens else None)
    if given not in (None, NONE):
        return given.term if isinstance(given, Tensor) else UNKNOWN
    if isinstance(value, DTypeValue):
        return value.term
    if value is None and not arguments.complete:
        return UNKNOWN
    return machine.state.default_dtype if value in (None, NONE) else UNKNOWN


def _keyword(node: ast.expr, name: str) -> ast.expr | None:
    keywords = node.keywords if isinstance(node, ast.Call) else []
    return next((keyword.value for keyword in keywords if keyword.arg == name), None)


def _container(machine: Machine, callee: External, arguments: Arguments, node: ast.expr) -> Value:
    children: dict[str, Value] = {}
    whole = arguments.complete
    values = arguments.positional
    if callee.last != "Sequential" and values:
        values = values[:1]
        record = machine.record(values[0])
        if callee.last == "ModuleDict" and isinstance(record, Dictionary):
            children = {str(key): value for key, value in record.entries.items()}
            values = ()
        else:
            items = unfold(machine, values[0])
            whole &= items is not None
            values = items or ()
    elif len(values) == 1 and isinstance(record := machine.record(values[0]), Dictionary):
        children = {str(key): value for key, value in record.entries.items()}
        values = ()
    for position, value in enumerate(values):
        if isinstance(value, Tuple) and len(value.items) == 2:  # OrderedDict([("fc", nn.Linear(…)), …])
            value = value.items[1]
        children[str(position)] = value
    made = Module(
        ModuleKind.CONTAINER,
        f"torch.nn.{callee.last}",
        Weights(),
        children,
        machine.construction(node),
        opaque=not whole,
    )
    return machine.add(made)


def _set_default_dtype(machine: Machine, callee: External, arguments: Arguments, node: ast.Call) -> Value:
    value = arguments.get("d", 0) or arguments.get("t", 0)
    term: DTypeTerm = UNKNOWN
    if isinstance(value, DTypeValue):
        term = value.term
    elif isinstance(value, External):
        term = _TENSOR_TYPES.get(value.last, UNKNOWN)
    elif isinstance(value, Constant) and isinstance(value.value, str):
        term = _TENSOR_TYPES.get(value.value.rpartition(".")[2], UNKNOWN)
    machine.state.default_dtype = term
    machine.emit(DefaultDTypeSet(machine.location(node), term))
    return NONE


def _get_default_dtype(machine: Machine, callee: External, arguments: Arguments, node: ast.Call) -> Value:
    return DTypeValue(machine.state.default_dtype)


def _parameter(machine: Machine, callee: External, arguments: Arguments, node: ast.Call) -> Value:
    value = arguments.get("data", 0)
    return value if isinstance(value, Tensor) else Tensor(UNKNOWN)


def _spawn(machine: Machine, callee: External, arguments: Arguments, node: ast.Call) -> Value:
    """`mp.spawn(worker, args=(…), nprocs=8)`: each process calls the function with its rank first."""
    function, given = arguments.get("fn", 0), unfold(machine, arguments.get("args", 1) or Tuple(()))
    if function is None or given is None or not arguments.complete:
        for value in arguments.all():
            hide(machine, value)
        return machine.unknown(node)
    return machine.call_value(function, Arguments((Opaque(("rank of spawn",), "rank"), *given)), node)


HANDLERS: dict[str, Handler] = {
    "torch.multiprocessing.spawn": _spawn,
    "torch.multiprocessing.spawn.spawn": _spawn,
    "torch.set_default_dtype": _set_default_dtype,
    "torch.set_default_tensor_type": _set_default_dtype,
    "torch.get_default_dtype": _get_default_dtype,
    "torch.nn.Parameter": _parameter,
    "torch.nn.parameter.Parameter": _parameter,
}


def function_result(machine: Machine, callee: External, arguments: Arguments) -> Value | None:
    """The tensor a function of torch gives; None where it is no such function."""
    dtype = arguments.get("dtype")
    if callee.last in _FILLED and callee.name.count(".") == 1:
        if dtype is None:
            return Tensor(machine.state.default_dtype if arguments.complete else UNKNOWN)
        return Tensor(dtype.term if isinstance(dtype, DTypeValue) else UNKNOWN)
    tensors = [value for value in arguments.all() if isinstance(value, Tensor)]
    if callee.last in SAME_DTYPE_FUNCTIONS and tensors:
        if isinstance(dtype, DTypeValue):
            return Tensor(dtype.term)
        same = all(value == tensors[0] for value in tensors)
        return tensors[0] if same and dtype is None else Tensor(UNKNOWN)
    if (
        callee.last in ("matmul", "cat", "stack", "einsum", "where", "add", "mul", "bmm", "linear", "embedding")
        and tensors
    ):
        same = all(value == tensors[0] for value in tensors) and len(tensors) > 1
        return tensors[0] if same else Tensor(UNKNOWN)
    return None


def dtype_named(value: Value | None) -> DTypeTerm:
    """The dtype a value names, as a text too."""
    if isinstance(value, DTypeValue):
        return value.term
    if isinstance(value, Constant) and isinstance(value.value, str):
        return parse_dtype(value.value) or UNKNOWN
    return UNKNOWN
