"""accelerate's Accelerator: what it prepares runs as its settings, and whoever launches the script, say.

Source: accelerate 1.15 accelerator.py.
"""

from __future__ import annotations

import ast
import dataclasses

from ftlint.run.fact import Truth
from ftlint.trace.events import Wrapped
from ftlint.trace.heap import Instance
from ftlint.trace.library import saving
from ftlint.trace.library.placement import note_entrusted
from ftlint.trace.library.sharding import mark
from ftlint.trace.machine import Machine
from ftlint.trace.modules import hide
from ftlint.trace.values import NONE, Arguments, Constant, Reference, Tuple, Value

LAUNCHER = "unless the launcher turns mixed precision on (ACCELERATE_MIXED_PRECISION)"
AUTOCAST = "autocast of the trainer"  # no attribute of Python's can have this name


def accelerator_autocast(record: Instance) -> tuple[Truth, tuple[str, ...]]:
    """Whether models prepared by an Accelerator run under autocast."""
    mixed = record.attributes.get("mixed_precision")
    plugins = [name for name in record.attributes if name.endswith(("plugin", "plugins", "handlers"))]
    if record.open or plugins:
        return Truth.UNKNOWN, ()
    if mixed in (None, NONE):
        return Truth.NO, (LAUNCHER,)
    if isinstance(mixed, Constant):
        return Truth.of(mixed.value != "no"), ()
    return Truth.UNKNOWN, ()


def accelerator_method(
    machine: Machine, record: Instance, name: str, arguments: Arguments, node: ast.expr
) -> Value | None:
    """A method of an Accelerator; None for one that may do anything."""
    if name == "autocast":
        return machine.add(Instance("accelerate.autocast", {AUTOCAST: _as_value(machine, record)}))
    if name in ("unwrap_model", "prepare", "prepare_model") and not arguments.complete:
        for value in arguments.all():
            hide(machine, value)
        return machine.unknown(node)
    if name == "unwrap_model":
        return arguments.get("model", 0) or machine.unknown(node)
    if name == "get_state_dict":
        return saving.accelerator_state(machine, arguments, node)
    if name == "save" and isinstance(node, ast.Call):
        saving.save_object(machine, "accelerator.save", arguments, node, "f")
    if name not in ("prepare", "prepare_model"):
        return machine.unknown(node)
    autocast, reasons = accelerator_autocast(record)
    sharding = saving.accelerator_sharding(machine, record, node)
    for value in arguments.positional:
        module = machine.module(value)
        if isinstance(value, Reference) and module is not None:
            machine.emit(Wrapped(machine.location(node), value.id, "Accelerator.prepare"))
            note_entrusted(machine, value.id, "Accelerator.prepare", node)
            machine.state.writable_heap()[value.id] = dataclasses.replace(
                module, autocast=autocast, reasons=tuple(dict.fromkeys((*module.reasons, *reasons)))
            )
            mark(machine, value.id, sharding)
    return arguments.positional[0] if len(arguments.positional) == 1 else Tuple(arguments.positional)


def unseen_accelerator(machine: Machine, name: str, arguments: Arguments, node: ast.expr) -> Value | None:
    """A method of `trainer.accelerator`, or of whatever else goes by that name; None where it may do anything."""
    if name == "unwrap_model" and arguments.complete:
        model = arguments.get("model", 0)
        return model if machine.module(model) is not None else None
    return saving.accelerator_state(machine, arguments, node) if name == "get_state_dict" else None


def _as_value(machine: Machine, record: Instance) -> Value:
    autocast, reasons = accelerator_autocast(record)
    return machine.unknown() if autocast is Truth.UNKNOWN or reasons else Constant(autocast is Truth.YES)
