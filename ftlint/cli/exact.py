"""`ftlint estimate --exact`: what a trace of the real model found, beside what the formulas say."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ftlint.cli.subjects import Subject
from ftlint.errors import InputError
from ftlint.record import record

if TYPE_CHECKING:
    from ftlint.exact import ExactStep


@record
class Row:
    """One quantity, traced and reckoned; the latter None where formulas do not know the model type."""

    name: str
    traced_bytes: int
    reckoned_bytes: int | None


@record
class Comparison:
    """A traced step and what we reckon for it."""

    found: ExactStep
    rows: tuple[Row, ...]

    def as_json(self) -> dict[str, Any]:
        """The object under `exact`."""
        return {
            "releases": list(self.found.releases),
            "traced_depths": list(self.found.depths),
            "attention_kernels": list(self.found.kernels),
            "num_parameters": self.found.num_params,
            "optimizer_step": {
                "optimizer": "foreach AdamW",
                "total_bytes": self.found.optimizer_step_bytes,
                "parameter_bytes": self.found.parameter_bytes,
                "gradient_bytes": self.found.gradient_bytes,
                "optimizer_bytes": self.found.optimizer_peak_bytes,
                "output_bytes": self.found.output_bytes,
            },
            "rows": [
                {"name": row.name, "traced_bytes": row.traced_bytes, "reckoned_bytes": row.reckoned_bytes}
                for row in self.rows
            ],
        }

    def as_text(self) -> str:
        """Lines to stand below the estimate."""
        lines = [f"Traced ({', '.join(self.found.releases)}), without weights and their gradients:"]
        for row in self.rows:
            beside = "" if row.reckoned_bytes is None else f"   by formula {_gib(row.reckoned_bytes)}"
            lines.append(f"  {row.name:<44}{_gib(row.traced_bytes):>12}{beside}")
        found = self.found
        parts = (
            (found.parameter_bytes, "parameters"),
            (found.gradient_bytes, "gradients"),
            (found.optimizer_peak_bytes, "optimizer with its temporaries"),
            (found.output_bytes, "logits"),
        )
        lines.append(
            "Traced, all of an optimizer step on one unsharded GPU: foreach AdamW, in a loop that holds the outputs:"
        )
        sums = " + ".join(f"{num_bytes / 2**30:.2f} {name}" for num_bytes, name in parts)
        lines.append(f"  {_gib(found.optimizer_step_bytes)} = {sums}")
        return "\n".join(lines) + "\n"


def compare(subject: Subject) -> Comparison:
    """Trace the run's step. `InputError` where there is none to trace: no batch, no length, no extra, no such class."""
    from ftlint.exact import exact_step
    from ftlint.memory.activations import activations
    from ftlint.memory.blocks import find_block
    from ftlint.memory.facts import FactReader
    from ftlint.memory.reading import read_workload

    work = read_workload(FactReader(subject.run), subject.versions)
    if work is None or not work.steps:
        raise InputError("--exact needs a known model, batch and sequence length, and a method that trains some layer")
    step = work.steps[0]
    block = find_block(step.architecture)
    # What the class has: asked for SDPA by name, transformers refuses it where it would by itself take eager attention.
    attention = None if block is None else block.computed(step.attention)
    step = step if attention is None else replace(step, attention=attention)
    found, reckoned = exact_step(step), activations(step)
    loss = None if reckoned is None else max(reckoned.loss.activation_bytes, reckoned.forward.activation_bytes)
    return Comparison(
        found,
        (
            Row("kept for backward", found.kept_bytes, None if reckoned is None else reckoned.kept_bytes),
            Row("highest in forward and at the loss", found.loss_peak_bytes, loss),
            Row(
                "highest while layers go backward",
                found.layer_peak_bytes,
                None if reckoned is None else reckoned.layer_peak_bytes,
            ),
        ),
    )


def _gib(num_bytes: int) -> str:
    return f"{num_bytes / 2**30:.2f} GiB"
