"""What a script trains and how: models by the call that loads them, adapters, and the moment a trainer starts."""

from __future__ import annotations

import ast

from ftlint.spans import Location
from ftlint.trace.events import Adapted, Trained
from ftlint.trace.heap import Dictionary, EntryKey, Instance, Module
from ftlint.trace.machine import Machine
from ftlint.trace.settings import LoadedModel, Settings, settings_of
from ftlint.trace.values import Arguments, Constant, Reference, Value


def note_loading(machine: Machine, made: Reference, arguments: Arguments, node: ast.expr) -> None:
    """Remember with which arguments a model was loaded, for whoever trains it later."""
    keywords: dict[EntryKey, Value] = {**arguments.keywords}
    options = machine.add(Dictionary(keywords, open=not arguments.complete))
    machine.note_place(options, node)
    machine.places.loaded_with[made.id] = options
    first = node.args[0] if isinstance(node, ast.Call) and node.args else None
    named = next((k.value for k in getattr(node, "keywords", ()) if k.arg == "pretrained_model_name_or_path"), first)
    machine.note_place(made, named if named is not None else node)


def note_adapter(machine: Machine, model_id: int, configuration: Value | None, node: ast.expr) -> None:
    """`get_peft_model(model, configuration)`."""
    location = machine.location(node)
    machine.emit(Adapted(location, model_id, settings_of(machine, configuration, location)))


def note_training(machine: Machine, receiver: Reference, trainer: Instance, node: ast.expr) -> None:
    """`trainer.train()`: everything as it stands now."""
    location = machine.location(node)
    made_at = machine.places.of(receiver) or location
    settings = settings_of(machine, trainer.attributes.get("args"), made_at)
    model = _model(machine, receiver, trainer, made_at)
    machine.emit(Trained(location, trainer.name, made_at, model, settings, trainer.class_id is not None))


def _model(machine: Machine, receiver: Reference, trainer: Instance, made_at: Location) -> LoadedModel | None:
    adapter = settings_of(machine, trainer.attributes.get("peft_config"), made_at)
    named = trainer.attributes.get("model_id")
    if isinstance(named, Constant) and isinstance(named.value, str):
        written = machine.places.entry(receiver, "model")
        return LoadedModel(named.value, written[1] if written is not None else made_at, "", None, adapter)
    model = trainer.attributes.get("model")
    module = machine.module(model)
    if module is None or not isinstance(model, Reference):
        return None
    loading = settings_of(machine, machine.places.loaded_with.get(model.id), made_at)
    location = machine.places.of(model) or made_at
    return LoadedModel(_id_of(module), location, module.name, loading, adapter or _adapter_of(machine, model.id))


def _id_of(module: Module) -> str | None:
    return None if module.unnamed else module.family


def _adapter_of(machine: Machine, model_id: int) -> Settings | None:
    """The settings of the last adapter put on that model on this path; empty settings where they cannot be seen."""
    for event in reversed(machine.state.events()):
        if isinstance(event, Adapted) and event.module_id == model_id:
            return event.settings or Settings(event.location, (), open=True)
    return None
