"""What a script trains and how: models by the call that loads them, adapters, and the moment a trainer starts."""

from __future__ import annotations

import ast
import dataclasses

from ftlint.spans import Location
from ftlint.trace.events import Adapted, Trained
from ftlint.trace.heap import Instance, Module
from ftlint.trace.library.placement import ADAPTER, note_dispatch
from ftlint.trace.machine import Machine
from ftlint.trace.settings import LoadedModel, Settings, settings_of
from ftlint.trace.values import Arguments, Constant, Reference, Value


def note_loading(machine: Machine, made: Reference, arguments: Arguments, node: ast.expr) -> None:
    """Remember with which arguments a model was loaded, for whoever trains it later."""
    options = machine.add(Instance("from_pretrained", dict(arguments.keywords), open=not arguments.complete))
    machine.note_place(options, node)
    machine.places.loaded_with[made.id] = options
    first = node.args[0] if isinstance(node, ast.Call) and node.args else None
    named = next((k.value for k in getattr(node, "keywords", ()) if k.arg == "pretrained_model_name_or_path"), first)
    machine.note_place(made, named if named is not None else node)
    note_dispatch(machine, made, options, arguments, node)


def note_adapter(machine: Machine, model_id: int, configuration: Value | None, node: ast.expr) -> None:
    """`get_peft_model(model, configuration)`. Kept with the model, so that paths with and without it are told apart."""
    location = machine.location(node)
    machine.emit(Adapted(location, model_id, settings_of(machine, configuration, location)))
    record = machine.state.heap[model_id]
    assert isinstance(record, Module)
    children = {**record.children, ADAPTER: configuration if configuration is not None else machine.unknown(node)}
    machine.state.writable_heap()[model_id] = dataclasses.replace(record, children=children)


def note_training(machine: Machine, receiver: Reference, trainer: Instance, node: ast.expr) -> None:
    """`trainer.train()`: everything as it stands now."""
    location = machine.location(node)
    made_at = machine.places.of(receiver) or location
    settings = settings_of(machine, trainer.attributes.get("args"), made_at)
    model = _model(machine, receiver, trainer, made_at)
    machine.emit(Trained(location, trainer.name, made_at, model, settings, trainer.class_id is not None))


def _model(machine: Machine, receiver: Reference, trainer: Instance, made_at: Location) -> LoadedModel | None:
    adapter = _adapter(machine, trainer.attributes.get("peft_config"), made_at)
    named = trainer.attributes.get("model_id")
    if isinstance(named, Constant) and isinstance(named.value, str):
        written = machine.places.entry(receiver, "model_id", named)
        return LoadedModel(named.value, written.location if written is not None else made_at, "", None, adapter)
    model = trainer.attributes.get("model")
    module = machine.module(model)
    if module is None or not isinstance(model, Reference):
        return None
    options = machine.places.loaded_with.get(model.id)
    loading = settings_of(machine, options, made_at)
    location = machine.places.of(model) or made_at
    # Of a model that is built rather than loaded, `family` is the configuration's class.
    model_id = module.family if options is not None and not module.unnamed else None
    adapter = adapter or _adapter(machine, module.children.get(ADAPTER), location)
    handed_away = model.id in machine.places.handed_away
    return LoadedModel(model_id, location, module.name, loading, adapter, handed_away)


def _adapter(machine: Machine, configuration: Value | None, location: Location) -> Settings | None:
    """The settings of a LoRA; None where there is none, where some path has none, and where it may be another kind."""
    found = machine.record(configuration)
    if not isinstance(found, Instance) or found.name.rpartition(".")[2] != "LoraConfig":
        return None
    return settings_of(machine, configuration, location)
