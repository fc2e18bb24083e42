"""Finds published rows that cannot be right as they stand, so that they are named and nothing is fitted to them.

    python -m tools.accuracy.contradictions

A row is doubted for what it says itself, never for being far from an estimate.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from ftlint.knowledge.gpus import find_gpu
from ftlint.record import record
from tools.accuracy.cases import Case, load_cases

MIN_BYTES_PER_TRAINED = 8
"""Weights, gradients and two moments in 16 bits: what full training with Adam keeps of a parameter at least."""
SAME = 0.01
"""Peaks of equal runs differ by less than this; reserved bytes vary more from one run to the next."""
LESS = {"allocated_bytes": 0.99, "reserved_bytes": 0.97}
"""A larger micro batch must not take less than this share of the smaller one's."""
DRIVER_SHARE = 1.045
"""nvidia-smi counts up to the whole board; what torch finds on it is less by the driver's own reserve."""

_FIGURES = ("id", "source", "tier", "outcome", "allocated_bytes", "resident_bytes", "reserved_bytes", "reserved_by")
_FEWER_BYTES = ("galore", "lion", "8bit", "adafactor", "sgd", "layerwise")


@record
class Contradiction:
    """One or several rows, and what speaks against them."""

    ids: tuple[str, ...]
    what: str


def contradictions(cases: Sequence[Case]) -> tuple[Contradiction, ...]:
    """All that are found, in the cases' order."""
    alone = [found for case in cases for found in _of_one(case)]
    return (*alone, *_unequal(cases), *_shrinking(cases))


def contradicted_ids(cases: Sequence[Case]) -> frozenset[str]:
    """The rows that nothing may be fitted to."""
    return frozenset(name for found in contradictions(cases) for name in found.ids)


def _of_one(case: Case) -> Iterator[Contradiction]:
    used = case.allocated_bytes or case.reserved_bytes
    num_trained = case.said.get("num_parameters")
    optimizer = case.said.get("optimizer", "")
    is_sharded = case.said.get("parallel") in ("fsdp", "zero")
    offloads = case.said.get("offload_param") or case.said.get("offload_optimizer")
    if used and num_trained and case.said.get("method") == "full" and not offloads:
        per_rank = num_trained / (case.num_gpus if is_sharded else 1)
        if used < MIN_BYTES_PER_TRAINED * per_rank and not any(word in optimizer for word in _FEWER_BYTES):
            yield _one(case, f"{used / per_rank:.1f} bytes per trained parameter and rank, with an Adam")
    if case.allocated_bytes and case.resident_bytes and case.resident_bytes > case.allocated_bytes:
        yield _one(case, "more is left after the run than its peak")
    if case.allocated_bytes and case.reserved_bytes and case.allocated_bytes > case.reserved_bytes:
        yield _one(case, "more allocated than reserved")
    gpu = find_gpu(case.said.get("gpu") or "")
    if case.outcome == "ran" and gpu is not None and num_trained and case.said.get("method") == "full" and not offloads:
        states = MIN_BYTES_PER_TRAINED * num_trained / (case.num_gpus if is_sharded else 1)
        if states > gpu.usable_high_bytes and not any(word in optimizer for word in _FEWER_BYTES):
            yield _one(case, f"ran, though an Adam's states alone take {states / 2**30:.0f} GiB")
    if gpu is not None and case.reserved_bytes and case.reserved_bytes > DRIVER_SHARE * gpu.usable_high_bytes:
        yield _one(case, f"{case.reserved_bytes / 2**30:.1f} GiB on a GPU of {gpu.usable_high_bytes / 2**30:.1f}")


def _shrinking(cases: Iterable[Case]) -> Iterator[Contradiction]:
    """Runs that differ in the micro batch alone, of which the larger takes less."""
    alike: dict[str, list[Case]] = {}
    for case in cases:
        configuration = {key: value for key, value in case.said.items() if key not in (*_FIGURES, "micro_batch")}
        if "micro_batch" in case.said:
            alike.setdefault(json.dumps(configuration, sort_keys=True), []).append(case)
    for members in alike.values():
        for figure, share in LESS.items():
            measured = [case for case in members if getattr(case, figure)]
            measured.sort(key=lambda case: int(case.said["micro_batch"]))
            for small, large in pairwise(measured):
                if small.said["micro_batch"] == large.said["micro_batch"]:
                    continue
                before, after = getattr(small, figure), getattr(large, figure)
                if after < share * before:
                    batches = f"micro batches of {small.said['micro_batch']} and {large.said['micro_batch']}"
                    sizes = f"{before / 2**30:.1f} and {after / 2**30:.1f} GiB"
                    yield Contradiction((small.id, large.id), f"{batches}, {figure.removesuffix('_bytes')} {sizes}")


def _one(case: Case, what: str) -> Contradiction:
    return Contradiction((case.id,), what)


def _unequal(cases: Iterable[Case]) -> Iterator[Contradiction]:
    """Runs that say the same of themselves and publish different figures."""
    alike: dict[str, list[Case]] = {}
    for case in cases:
        configuration = {key: value for key, value in case.said.items() if key not in _FIGURES}
        alike.setdefault(json.dumps(configuration, sort_keys=True), []).append(case)
    for members in alike.values():
        peaks = [case.allocated_bytes for case in members if case.allocated_bytes]
        if len(peaks) > 1 and max(peaks) > (1 + SAME) * min(peaks):
            texts = ", ".join(f"{peak / 2**30:.2f}" for peak in peaks)
            yield Contradiction(tuple(case.id for case in members), f"equal configurations, peaks of {texts} GiB")
        outcomes = {case.outcome == "ran" for case in members if case.outcome != "failed"}
        if len(outcomes) > 1:
            yield Contradiction(tuple(case.id for case in members), "equal configurations, one ran and one did not")


def main() -> int:
    """One line per contradiction."""
    for found in contradictions(load_cases()):
        print(f"{', '.join(found.ids)}: {found.what}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
