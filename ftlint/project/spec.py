"""A run spec (`ftlint estimate --spec`) as a run: checked key by key, and every blank filled in and listed.

The schema of a spec for other programs is `schemas/run_spec.json`; a test holds the two together.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from packaging.version import InvalidVersion, Version

from ftlint.errors import SpecError
from ftlint.knowledge.architectures import (
    Architecture,
    ModelClass,
    parameter_table,
    parse_architecture,
    usual_class,
    why_unknown,
)
from ftlint.knowledge.gpus import Gpu, closest_gpu_name, find_gpu
from ftlint.knowledge.model_names import nearest_model_id
from ftlint.knowledge.models import find_model, model_ids
from ftlint.memory.estimate import Assumption
from ftlint.project.sizes import SIZE_EXPECTED, parse_size
from ftlint.project.spec_parallel import read_parallel
from ftlint.project.spec_reader import Blanks, ObjectReader
from ftlint.project.spec_training import read_adapter, read_batch, read_precision, read_training
from ftlint.record import record
from ftlint.run.fact import NOTHING, Fact
from ftlint.run.run import HardwareFacts, Method, ModelFacts, Run
from ftlint.run.versions import Admissible, VersionView
from ftlint.spans import How, Origin


@record
class Spec:
    """What a run spec says: the run, the releases, and what was assumed for the keys that were left out."""

    run: Run
    versions: VersionView
    assumptions: tuple[Assumption, ...]


def parse_spec_text(text: str, name: str = "spec") -> Spec:
    """A run spec from JSON text; raises SpecError."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise SpecError(f"{name}: not JSON: {error}") from None
    return parse_spec(value, name)


def parse_spec(value: object, name: str = "spec") -> Spec:
    """A run spec as a run; raises SpecError, which names the key, its value and what it may be."""
    spec, blanks = ObjectReader(value), Blanks()
    model = _model(spec, blanks)
    versions = _versions(spec.section("versions"), blanks)
    parallel = read_parallel(spec.section("parallel"), blanks, versions)
    adapter = read_adapter(spec, blanks)
    run = Run(
        name=name,
        model=model,
        precision=read_precision(spec.section("dtype"), blanks, parallel, adapter),
        batch=read_batch(spec.section("batch"), blanks),
        parallel=parallel,
        adapter=adapter,
        training=read_training(spec, blanks, versions),
        hardware=_hardware(spec.section("hardware"), blanks),
    )
    spec.finish()
    if model.num_parameters.known and adapter.method.value is not Method.FULL:
        raise SpecError(
            "method: from model.parameters only full training can be reckoned; give model.id or model.config"
        )
    return Spec(run, versions, tuple(blanks.assumptions))


def _model(spec: ObjectReader, blanks: Blanks) -> ModelFacts:
    if not spec.has("model"):
        raise SpecError(
            'model: missing; give {"id": "Qwen/Qwen2.5-7B"}, {"config": {…}} or {"parameters": {"total": N}}'
        )
    raw = spec.get("model")
    reader = ObjectReader({"id": raw} if isinstance(raw, str) else raw, "model")
    names = [member.value for member in ModelClass]
    model_id = reader.text("id")
    architecture = _architecture(reader, model_id)
    usual = ModelClass.CAUSAL_LM if architecture is None else usual_class(architecture)
    model_class = blanks.fill(spec, "class", spec.choice("class", names), usual.value, "the usual class")
    numbers = reader.section("parameters")
    total, largest = numbers.integer("total"), numbers.integer("largest_layer")
    numbers.finish()
    reader.finish()
    if architecture is None and total is None:
        raise SpecError("model: expected id, config or parameters.total")
    if architecture is not None and parameter_table(architecture, str(model_class.value)) is None:
        raise SpecError(f"class = {model_class.value!r}: {architecture.model_type} has no such class that ftlint knows")
    said = Origin(How.WRITTEN, None, "model in the run spec")
    if architecture is None:
        if largest is None:
            blanks.note("model.parameters.largest_layer", str(total), "left out; the whole model, at worst")
        return ModelFacts(
            model_class=model_class,
            num_parameters=Fact(total or 0, (said,)),
            largest_layer_num_parameters=Fact(largest or total or 0, (said,)),
        )
    identity = NOTHING if model_id is None else Fact(model_id, (said,))
    return ModelFacts(id=identity, model_class=model_class, architecture=Fact(architecture, (said,)))


def _architecture(reader: ObjectReader, model_id: str | None) -> Architecture | None:
    """From `config`, which wins, or from the catalogue; None where `parameters` must do."""
    if reader.has("config"):
        config = reader.get("config")
        if not isinstance(config, Mapping):
            raise reader.complaint("config", "the object of a config.json")
        parsed = parse_architecture(config)
        if parsed is None:
            raise SpecError(f"model.config.{why_unknown(config)}")
        return parsed
    if model_id is None or reader.has("parameters"):
        return None
    found = find_model(model_id)
    if found is None:
        meant = nearest_model_id(model_id, model_ids())
        hint = f"; did you mean {meant!r}?" if meant else ""
        raise reader.complaint("id", "a model of ftlint's catalogue, or its config.json as model.config", hint)
    return found.architecture


def _versions(reader: ObjectReader, blanks: Blanks) -> VersionView:
    admissible: dict[str, Admissible] = {}
    for package, value in reader.items():
        origin = Origin(How.WRITTEN, None, f"{reader.name(package)} in the run spec")
        try:
            release = str(Version(value)) if isinstance(value, str) else ""
        except InvalidVersion:
            release = ""
        if not release:
            raise reader.complaint(package, 'an exact release, such as "2.5.1"')
        admissible[package.lower()] = Admissible((release,), (origin,))
    for package in ("torch", "transformers", "deepspeed"):
        if package not in admissible:
            blanks.note(f"versions.{package}", "unknown", "intervals cover the releases that differ")
    return VersionView(admissible)


def _hardware(reader: ObjectReader, blanks: Blanks) -> HardwareFacts:
    gpu, ram = _gpu(reader), _host_ram(reader)
    reader.finish()
    for key, value in (("gpu", gpu), ("host_ram", ram)):
        if value is None:
            blanks.note(reader.name(key), "unknown", "there is no verdict on it")
    return HardwareFacts(
        gpu=NOTHING if gpu is None else Fact(gpu, (Origin(How.WRITTEN, None, "hardware.gpu in the run spec"),)),
        host_ram_bytes=NOTHING
        if ram is None
        else Fact(ram, (Origin(How.WRITTEN, None, "hardware.host_ram in the run spec"),)),
    )


def _gpu(reader: ObjectReader) -> Gpu | None:
    name = reader.text("gpu")
    if name is None:
        return None
    gpu = find_gpu(name)
    if gpu is None:
        closest = closest_gpu_name(name)
        raise reader.complaint(
            "gpu", "a GPU that ftlint knows, such as H100-80GB", f"; did you mean {closest!r}?" if closest else ""
        )
    return gpu


def _host_ram(reader: ObjectReader) -> int | None:
    value: Any = reader.get("host_ram")
    if value is None:
        return None
    size = parse_size(value) if isinstance(value, str) else None
    if size is None:
        raise reader.complaint("host_ram", SIZE_EXPECTED)
    return size
