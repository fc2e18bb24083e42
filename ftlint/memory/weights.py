"""The weights that nobody trains, and what a quantized one takes while it is used."""

from __future__ import annotations

from collections.abc import Iterator

from ftlint.memory.arithmetic import ceil_div, grouped
from ftlint.memory.estimate import ALWAYS, PASS, Interval, Place, Term
from ftlint.memory.terms import quantized_bytes
from ftlint.memory.workload import Workload
from ftlint.run.fact import Truth


def frozen_weights(work: Workload, num_ranks: int) -> Term:
    """One of `num_ranks` parts of the frozen weights, those that are packed included."""
    plain = ceil_div(sum(work.parameters.frozen), num_ranks)
    size = work.widths.frozen.times(plain)
    formula = f"{grouped(plain)} x {work.widths.frozen.expected_bytes} B"
    if work.parameters.quantized:
        packed = ceil_div(quantized_bytes(work), num_ranks)
        # prepare_model_for_kbit_training makes what is not quantized float32.
        plain_sizes = {
            Truth.YES: Interval(4 * plain, 4 * plain, 4 * plain),
            Truth.NO: size,
            Truth.UNKNOWN: Interval(size.low_bytes, size.expected_bytes, max(size.high_bytes, 4 * plain)),
        }
        size = plain_sizes[work.is_prepared] + Interval(packed, packed, packed)
        formula += f" + {grouped(sum(work.parameters.quantized))} quantized"
    source = "peft 0.18 utils/other.py; bitsandbytes" if work.parameters.quantized else "torch nn.Parameter, as loaded"
    return Term("frozen weights", Place.GPU, ALWAYS, size, formula, source)


def use_terms(work: Workload) -> Iterator[Term]:
    """What using a quantized weight, or a DoRA adapter, takes beside the weight itself."""
    width = work.steps[0].compute_bytes if work.steps else 2
    largest = work.parameters.landmarks.quantized
    if largest:
        yield Term(
            "weight being unpacked",
            Place.GPU,
            PASS,
            # It is gone before the next result is made, so it need not be there when most else is.
            Interval(0, 0, width * largest),
            f"{grouped(largest)} x {width} B, one at a time",
            "bitsandbytes autograd/_functions.py, MatMul4Bit",
        )
    adapted, wide = work.parameters.landmarks.adapted, work.widths.trained.expected_bytes
    if work.training.use_dora and adapted and not work.steps:  # a pass that is played has it
        yield Term(
            "DoRA's weight norm",
            Place.GPU,
            PASS,
            Interval(0, 4 * wide * adapted, 5 * 4 * adapted),
            f"4 x {grouped(adapted)} x {wide} B: a copy of the weight, the adapters' product, that scaled, their sum",
            "peft 0.21 tuners/lora/dora.py, get_weight_norm",
        )
