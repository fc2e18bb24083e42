"""Reads what one forward and backward pass is like: batch, length, kernels, recomputation."""

from __future__ import annotations

from ftlint.memory.facts import FactReader
from ftlint.memory.workload import Step
from ftlint.run.dtype import DType
from ftlint.run.fact import Truth


def read_step(reader: FactReader, *, is_cast_by_engine: bool) -> Step | None:
    """The pass; None where how many sequences, or how long, cannot be seen: no size of an activation is then known.

    `is_cast_by_engine`: DeepSpeed or FSDP hands the layers weights that are cast already.
    """
    micro_batch = reader.known("batch.micro_batch")
    length = reader.known("batch.sequence_length_tokens")
    if micro_batch is None or length is None:
        return None
    compute: DType | None = reader.known("precision.compute")
    weights: DType | None = reader.known("precision.weights")
    checkpointing = reader.look("training.gradient_checkpointing")
    if not checkpointing.said:
        reader.assume("training.gradient_checkpointing", "unknown", "not said; the interval covers both")
    return Step(
        micro_batch=micro_batch,
        sequence_length_tokens=length,
        is_filled=reader.look("batch.is_filled").or_default(False) is True,
        is_checkpointed=Truth.of(checkpointing.value),
        is_reentrant=Truth.UNKNOWN,
        attention=reader.known("training.attention"),
        loss=reader.known("training.loss"),
        compute=compute,
        is_autocast=Truth.NO if is_cast_by_engine else _is_autocast(weights, compute),
    )


def _is_autocast(weights: DType | None, compute: DType | None) -> Truth:
    """Autocast casts to 16 bits only; a model that is in 16 bits already may or may not run inside it."""
    if compute is None:
        return Truth.UNKNOWN
    if not compute.is_half:
        return Truth.NO
    return Truth.YES if weights is not None and not weights.is_half else Truth.UNKNOWN
