"""A whole model's step from two shallow ones: layers are alike, so each further one adds the same bytes."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, fields, replace
from enum import Enum
from importlib import metadata
from typing import Any

from ftlint.cache import read_json, write_json
from ftlint.errors import InputError
from ftlint.exact.configuration import config_of
from ftlint.knowledge.architectures import Architecture, parameter_table
from ftlint.memory.step import Step
from ftlint.record import record

PACKAGES = ("torch", "transformers", "peft")

SHALLOW = (2, 3)
"""Depths traced: at two layers there is a first one, which LoRA may not reach backward, and one like all others."""


@record
class ExactStep:
    """What one step of the real model holds.

    Of the pass, besides weights and their gradients: `kept_bytes` after forward, for backward; `loss_peak_bytes`:
    highest in forward and at the loss; `layer_peak_bytes`: highest while the layers go backward.

    While an optimizer steps: `parameter_bytes` and `gradient_bytes`, `optimizer_peak_bytes` of foreach AdamW with its
    temporaries, and `output_bytes`, logits that a loop may still hold.

    `depths`: how many layers were traced; `kernels`: the attention kernels that ran, none for eager attention;
    `releases`: with which packages.
    """

    kept_bytes: int
    loss_peak_bytes: int
    layer_peak_bytes: int
    parameter_bytes: int
    gradient_bytes: int
    optimizer_peak_bytes: int
    output_bytes: int
    num_params: int
    depths: tuple[int, ...]
    kernels: tuple[str, ...]
    releases: tuple[str, ...]

    @property
    def optimizer_step_bytes(self) -> int:
        """All that is there while AdamW steps, in a loop that holds the pass' outputs."""
        return self.parameter_bytes + self.gradient_bytes + self.optimizer_peak_bytes + self.output_bytes


def exact_step(step: Step) -> ExactStep:
    """Trace a step, or take the answer of an earlier call with the same step and releases.

    `InputError` where the extra is not installed, or where the model cannot be built from its numbers.
    """
    if step.is_quantized:
        raise InputError("--exact: 4-bit layers need bitsandbytes on a GPU, and cannot be traced")
    if step.architecture.vision is None and step.model_class != "AutoModelForCausalLM":
        raise InputError(f"--exact: only AutoModelForCausalLM is traced yet, not {step.model_class}")
    releases = _releases()
    name = f"trace-{_digest(step, releases)}.json"
    cached = _parse(read_json(name))
    if cached is not None:
        return cached
    found = _trace(step, releases)
    write_json(name, asdict(found))
    return found


def _releases() -> tuple[str, ...]:
    try:
        return tuple(f"{package} {metadata.version(package)}" for package in PACKAGES)
    except metadata.PackageNotFoundError as missing:
        raise InputError(f"--exact needs {missing.name}: pip install 'ftlint[exact]'") from None


def _trace(step: Step, releases: tuple[str, ...]) -> ExactStep:
    try:
        return _traced(step, releases)
    except InputError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever a framework raises of a model is its answer: it cannot be run
        lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
        raise InputError(f"--exact: this {step.architecture.model_type} model cannot be traced: {lines[-1]}") from None


def _traced(step: Step, releases: tuple[str, ...]) -> ExactStep:
    from ftlint.exact.trace import count_parameters, trace_step

    architecture = step.architecture
    depths = SHALLOW if _is_uniform(step) and architecture.num_layers > SHALLOW[-1] else (architecture.num_layers,)
    shallow = [_cut(step, depth) for depth in depths]
    traced = [trace_step(config_of(each.architecture), each, has_optimizer=True) for each in shallow]
    last = traced[-1]
    rest = architecture.num_layers - depths[-1]

    def extended(name: str) -> int:
        found: list[int] = [getattr(each, name) for each in traced]
        return found[-1] + rest * (found[-1] - found[0])

    return ExactStep(
        kept_bytes=extended("kept_bytes"),
        loss_peak_bytes=extended("loss_peak_bytes"),
        layer_peak_bytes=extended("layer_peak_bytes"),
        parameter_bytes=extended("parameter_bytes"),
        gradient_bytes=extended("gradient_bytes"),
        optimizer_peak_bytes=extended("optimizer_peak_bytes"),
        output_bytes=last.output_bytes,
        num_params=count_parameters(config_of(architecture), step.model_class),
        depths=depths,
        kernels=last.kernels,
        releases=releases,
    )


def _cut(step: Step, num_layers: int) -> Step:
    architecture = step.architecture
    sparse = min(architecture.num_sparse_layers, num_layers)
    specifics = tuple(
        (key, tuple(index for index in value if index < num_layers) if isinstance(value, tuple) else value)
        for key, value in architecture.specifics
    )
    shallow = replace(architecture, num_layers=num_layers, num_sparse_layers=sparse, specifics=specifics)
    return replace(step, architecture=shallow)


def _is_uniform(step: Step) -> bool:
    """Whether all layers hold the same tensors, and attend alike: sliding windows take turns with whole attention."""
    table = parameter_table(step.architecture, step.model_class)
    rows = [] if table is None else [section for section in table.sections if section.first_index is not None]
    return len(rows) == 1 and not _takes_turns(step.architecture)


def _takes_turns(architecture: Architecture) -> bool:
    return architecture.model_type in ("cohere2", "exaone4", "gemma2", "gemma3_text", "gpt_oss", "olmo3", "smollm3")


def _digest(step: Step, releases: tuple[str, ...]) -> str:
    written = json.dumps([asdict(step), releases], default=_plain, sort_keys=True)
    return hashlib.sha256(written.encode()).hexdigest()[:24]


def _plain(value: object) -> object:
    assert isinstance(value, Enum), value
    return value.value


def _parse(content: object) -> ExactStep | None:
    """An answer out of the cache, which anybody may have written; None unless every field is of its type."""
    if not isinstance(content, dict) or content.keys() != {field.name for field in fields(ExactStep)}:
        return None
    values: dict[str, Any] = {}
    for key, value in content.items():
        if isinstance(value, list) and all(isinstance(item, (int, str)) for item in value):
            values[key] = tuple(value)
        elif isinstance(value, int) and value >= 0:
            values[key] = value
        else:
            return None
    return ExactStep(**values)
