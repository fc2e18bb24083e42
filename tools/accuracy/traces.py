"""Compares the closed form of activations with traces of the real model classes, and writes the table of it.

    python -m tools.accuracy.traces                  # all model types, into docs/accuracy.md; ten minutes
    python -m tools.accuracy.traces MODEL_TYPE ...   # prints the rows of some

The models are those of `traced_models`. Needs the extra `exact`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from datetime import date
from importlib import metadata
from itertools import product
from pathlib import Path
from typing import Any

from ftlint.knowledge.architectures import Architecture, parse_architecture, usual_class
from ftlint.memory.activations import activations
from ftlint.memory.blocks import find_block
from ftlint.memory.points import Activations
from ftlint.memory.step import Adapters, Attention, Checkpointing, LossKernel, Step
from ftlint.record import record
from tools.accuracy.traced_models import ATTENTION_ONLY, CONFIGS, config_of

SHAPES = ((1, 512), (2, 384), (4, 128))
"""Sequences, and tokens of each."""

PASSES = tuple(product(Checkpointing, SHAPES))
"""What each model is asked, under each attention, method and format."""

FORMATS = ("bfloat16", "autocast")
"""All weights in bfloat16; or products in bfloat16, of weights that are float32 where they are trained."""

PAGE = Path(__file__).resolve().parents[2] / "docs" / "accuracy.md"
BEGIN, END = "<!-- tools.accuracy.traces begins -->", "<!-- tools.accuracy.traces ends -->"

WORTH_A_NAME = 0.005
"""Share from which the table says in which case the worst deviation was."""


@record
class Case:
    """One step, and what each side says of it."""

    step: Step
    kept: tuple[int, int]
    """(traced, reckoned) bytes, as the others."""
    hump: tuple[int, int]
    """While layers go backward, above what is kept before; with checkpointing, of the recomputed layer."""
    loss: tuple[int, int]
    kernels: tuple[str, ...]
    num_attentions: int
    """How often a kernel of torch's computed attention in the traced forward pass."""

    @property
    def name(self) -> str:
        """The case in words."""
        step = self.step
        checkpointing = "kept" if step.checkpointing is Checkpointing.NONE else step.checkpointing.value
        method = "LoRA" if step.adapters is not None else "full" if step.trained_layers is None else "freeze"
        shape = f"{step.micro_batch} x {step.sequence_length_tokens}"
        return f"{step.attention.value}, {checkpointing}, {method}, {FORMATS[step.is_autocast]}, {shape}"


def cases(
    name: str,
    *,
    kernels: Sequence[Attention] = (Attention.EAGER, Attention.SDPA),
    formats: Sequence[str] = FORMATS,
    passes: Sequence[tuple[Checkpointing, tuple[int, int]]] = PASSES,
) -> Iterator[Case]:
    """Every case of a traced model: attention x method x format x checkpointing x shape."""
    block = find_block(_architecture(config_of(name)))
    assert block is not None, name
    computed = dict.fromkeys(block.computed(kernel) for kernel in kernels)
    for attention, is_full, format_name in product(computed, (True, False), formats):
        if attention is None:
            continue
        # LoRA's first layer differs from the others; sliding windows take turns with whole attention.
        is_deep = not is_full or not CONFIGS[name].keys().isdisjoint(("layer_types", "first_k_dense_replace"))
        config = config_of(name, num_layers=2 if is_deep else 1)
        is_autocast = format_name == "autocast"
        if is_autocast and is_full and _has_experts(config):
            continue  # fake tensors refuse grouped products of float32
        asked = steps(config, attention, None if is_full else _adapters(config), passes)
        weight_bytes = 4 if is_autocast and is_full else 2
        yield from compared(
            config, [replace(step, is_autocast=is_autocast, weight_bytes=weight_bytes) for step in asked]
        )


def compared(config: Mapping[str, Any], passes: Sequence[Step]) -> Iterator[Case]:
    """Both sides of each step."""
    from ftlint.exact.trace import trace_steps

    for step, traced in zip(passes, trace_steps(config, passes), strict=True):
        found = activations(step)
        assert found is not None, config
        below = kept_before(found)
        yield Case(
            step,
            kept=(traced.kept_bytes, found.kept_bytes),
            hump=(traced.layer_peak_bytes - below, found.layer_peak_bytes - below),
            loss=(
                traced.loss_peak_bytes,
                max(found.loss.activation_bytes, found.forward.activation_bytes),
            ),
            kernels=traced.kernels,
            num_attentions=traced.num_attentions,
        )


def kept_before(found: Activations) -> int:
    """What is kept at the highest point of the layers' backward."""
    return max(found.layers, key=lambda point: point.activation_bytes).kept_bytes


def difference(pair: tuple[int, int]) -> float:
    """Reckoned against traced, as a share."""
    traced, reckoned = pair
    return reckoned / traced - 1


def _has_experts(config: Mapping[str, Any]) -> bool:
    return any("experts" in key for key in config.get("text_config", config))


def _adapters(config: Mapping[str, Any]) -> Adapters:
    is_narrow = config["model_type"] in ATTENTION_ONLY
    targets = ("q_proj", "k_proj", "v_proj", "o_proj") if is_narrow else ("all-linear",)
    return Adapters(targets, rank=16, has_dropout=False, num_bytes=4)


def _architecture(config: Mapping[str, Any]) -> Architecture:
    architecture = parse_architecture(config)
    assert architecture is not None, config
    return architecture


def steps(
    config: Mapping[str, Any],
    attention: Attention,
    adapters: Adapters | None,
    passes: Sequence[tuple[Checkpointing, tuple[int, int]]] = PASSES,
) -> tuple[Step, ...]:
    """The passes of one model, all in bfloat16."""
    architecture = _architecture(config)
    step = Step(
        architecture=architecture,
        model_class=usual_class(architecture).value,
        micro_batch=1,
        sequence_length_tokens=1,
        weight_bytes=2,
        compute_bytes=2,
        is_autocast=False,
        attention=attention,
        checkpointing=Checkpointing.NONE,
        adapters=adapters,
        is_quantized=False,
        loss=LossKernel.FULL,
        shifts_logits=False,
    )
    return tuple(
        replace(step, checkpointing=checkpointing, micro_batch=micro_batch, sequence_length_tokens=length)
        for checkpointing, (micro_batch, length) in passes
    )


def row(name: str) -> str:
    """The table's line of one traced model: the worst deviation of each figure, and in which case."""
    found = list(cases(name))
    recomputed = [case for case in found if case.step.checkpointing is not Checkpointing.NONE]
    kept_whole = [case for case in found if case.step.checkpointing is Checkpointing.NONE]
    columns = (
        _worst(found, lambda case: case.kept),
        _worst(recomputed, lambda case: case.hump),
        _worst(kept_whole, lambda case: case.hump),
        _worst(found, lambda case: case.loss),
    )
    return f"| {name} | {len(found)} | " + " | ".join(columns) + " |"


def _worst(found: Sequence[Case], figure: Callable[[Case], tuple[int, int]]) -> str:
    worst = max(found, key=lambda case: abs(difference(figure(case))))
    share = difference(figure(worst))
    return f"{share:+.2%}: {worst.name}" if abs(share) >= WORTH_A_NAME else f"{share:+.2%}"


def section(rows: Sequence[str]) -> Iterator[str]:
    """The page's section: with which releases, and when."""
    releases = ", ".join(f"{package} {metadata.version(package)}" for package in ("torch", "transformers", "peft"))
    named = f"A deviation of {WORTH_A_NAME:.1%} or more names its case."
    yield f"Traced with {releases} on {date.today().isoformat()}. {named}"
    yield ""
    yield "| model type | cases | kept for backward | hump of a recomputed layer | of a kept one | forward and loss |"
    yield "|---|---|---|---|---|---|"
    yield from rows


def main(model_types: Sequence[str]) -> None:
    """Write the table, or print the lines of some model types."""
    if model_types:
        for model_type in model_types:
            print(row(model_type), flush=True)
        return
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        rows = list(pool.map(row, CONFIGS))
    head, rest = PAGE.read_text(encoding="utf-8").split(BEGIN)
    tail = rest.split(END)[1]
    PAGE.write_text(head + BEGIN + "\n" + "\n".join(section(rows)) + "\n" + END + tail, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
