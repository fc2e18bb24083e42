"""Devices: which one a value names, and on which ones new modules are made.

A GPU is cuda, xpu, npu or hpu; mps is none, as it shares the RAM with the CPU.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Hashable
from typing import TypeAlias

from ftlint.trace.machine import Machine
from ftlint.trace.placement_events import Device, Devices, Entered, GpusChosen, Left, Moved
from ftlint.trace.values import NONE, Arguments, Constant, External, Opaque, Value

Handler: TypeAlias = "Callable[[Machine, External, Arguments, ast.Call], Value]"

GPU, CPU, _META, _DISK = (frozenset({each}) for each in (Device.GPU, Device.CPU, Device.META, Device.DISK))
_NAMED = {"cuda": GPU, "xpu": GPU, "npu": GPU, "hpu": GPU, "cpu": CPU, "meta": _META, "disk": _DISK}
# Names by which scripts call the number of a GPU.
_NUMBER_OF_GPU = re.compile(r"rank|gpu|cuda|current_(device|accelerator)", re.IGNORECASE)
DEPTH = 12
_NO_GRAD = ("no_grad", "inference_mode")


def devices_of(machine: Machine, value: Value | None, depth: int = DEPTH) -> Devices:
    """The devices that a value may name."""
    if isinstance(value, Constant):
        if isinstance(value.value, str):
            return _NAMED.get(value.value.partition(":")[0])
        return GPU if isinstance(value.value, int) and not isinstance(value.value, bool) else None
    if not isinstance(value, Opaque) or depth == 0:
        return None
    match value.key:
        case ("torch.device", (Constant() | Opaque()) as first, _):
            return devices_of(machine, first, depth - 1)
        case ("joined", _, (Constant() | Opaque()) as one, (Constant() | Opaque()) as two):
            left, right = devices_of(machine, one, depth - 1), devices_of(machine, two, depth - 1)
            return None if left is None or right is None else left | right
        case ("device", subject) | ("attribute", subject, "device") if now := _devices_now(machine, subject):
            return now
        case ("attribute", _, str(name)) if isinstance(option := machine.options.get(name), Constant) and option.value:
            # Who says "cpu" on the command line has no GPU to fill; the default is what most runs get.
            return GPU if devices_of(machine, option) == GPU else None
    return GPU if _NUMBER_OF_GPU.search(value.hint) else None


def _devices_now(machine: Machine, subject: Hashable) -> Devices:
    """`model.device`: where it was last moved."""
    link = machine.state.log
    while link is not None:
        event, link = link
        if isinstance(event, Moved) and subject in event.subjects and not event.only_cast:
            return event.devices
    return None


def hint_of_text(parts: list[str]) -> str:
    """What the known beginning of an f-string tells: `f"cuda:{rank}"` is a GPU, whichever."""
    return "cuda:" if parts and parts[0].startswith("cuda") else ""


def note_option(machine: Machine, arguments: Arguments) -> None:
    """`parser.add_argument("--device", default="cuda")`."""
    names = [value.value for value in arguments.positional if isinstance(value, Constant)]
    long = next((name for name in names if isinstance(name, str) and name.startswith("--")), None)
    default = arguments.get("default")
    if long is None or default is None or not arguments.complete:
        return
    name = long.removeprefix("--").replace("-", "_")
    known = machine.options.setdefault(name, default)
    if known != default:
        machine.options[name] = NONE


def _torch_device(machine: Machine, callee: External, arguments: Arguments, node: ast.Call) -> Value:
    named = arguments.get("type", 0) or arguments.get("device")
    return Opaque(("torch.device", named, arguments.get("index", 1)), "device")


def _int(machine: Machine, callee: External, arguments: Arguments, node: ast.Call) -> Value:
    value = arguments.get("x", 0)
    return Opaque(("int", value.key), value.hint) if isinstance(value, Opaque) else machine.unknown(None, "int")


def _environment(machine: Machine, callee: External, arguments: Arguments, node: ast.Call) -> Value:
    named = arguments.get("key", 0)
    hint = named.value if isinstance(named, Constant) and isinstance(named.value, str) else callee.last
    return Opaque(("call", callee.name, arguments.positional), hint)


def note_variable(machine: Machine, name: Value, value: Value, node: ast.AST) -> None:
    """`os.environ["CUDA_VISIBLE_DEVICES"] = "0"`."""
    if name == Constant("CUDA_VISIBLE_DEVICES") and isinstance(value, Constant):
        chosen = [each for each in str(value.value).split(",") if each.strip()]
        machine.emit(GpusChosen(machine.location(node), len(chosen)))


def _set_default_device(machine: Machine, callee: External, arguments: Arguments, node: ast.Call) -> Value:
    devices = devices_of(machine, arguments.get("device", 0))
    machine.emit(Entered(machine.location(node), devices, machine.numbered))
    return NONE


# -- contexts ------------------------------------------------------------------------------------------------------


def enter_context(machine: Machine, value: Value, node: ast.expr) -> None:
    """`with torch.device(…)`, `with torch.no_grad()`."""
    name = _context(node)
    if name == "device":
        if isinstance(value, Opaque) and value.hint == "device":
            machine.emit(Entered(machine.location(node), devices_of(machine, value), machine.numbered))
    elif name in _NO_GRAD:
        machine.state.without_gradients = True
    elif name == "enable_grad":
        machine.state.without_gradients = False


def leave_contexts(machine: Machine, node: ast.With | ast.AsyncWith) -> None:
    """The end of such a `with`."""
    for item in node.items:
        if _context(item.context_expr) == "device":
            machine.emit(Left(machine.location(item.context_expr), machine.numbered))


def differentiates_nothing(decorators: list[ast.expr]) -> bool:
    """Whether a function is decorated with `torch.no_grad()`."""
    return any(_context(each) in _NO_GRAD for each in decorators)


def _context(node: ast.expr) -> str:
    called = node.func if isinstance(node, ast.Call) else node
    return called.attr if isinstance(called, ast.Attribute) else called.id if isinstance(called, ast.Name) else ""


def _set_grad_enabled(machine: Machine, callee: External, arguments: Arguments, node: ast.Call) -> Value:
    """It holds from the call on, also where it stands in a `with`, whose end brings back what was before."""
    machine.state.without_gradients = arguments.get("mode", 0) == Constant(False)
    return Opaque(("fresh", machine.number()), callee.last)


HANDLERS: dict[str, Handler] = {
    "torch.device": _torch_device,
    "torch.set_grad_enabled": _set_grad_enabled,
    "torch.set_default_device": _set_default_device,
    "builtins.int": _int,
    "os.getenv": _environment,
    "os.environ.get": _environment,
}
