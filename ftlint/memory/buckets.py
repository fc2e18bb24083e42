"""Reads the sizes of the buffers that DeepSpeed communicates through.

Where a file says "auto", transformers and accelerate fill in sizes that follow the hidden size.
Source: deepspeed 0.19.8 runtime/zero/config.py (defaults, the same in 0.12.6 to 0.18.0); transformers 5.23
integrations/deepspeed.py, `trainer_config_finalize`: hidden^2, 0.9 x hidden^2, 10 x hidden.
"""

from __future__ import annotations

from ftlint.memory.estimate import Interval, exactly
from ftlint.memory.facts import FactReader
from ftlint.memory.workload import Buckets
from ftlint.run.fact import Fact, Truth

REDUCE_BUCKET_SIZE = 5 * 10**8
PREFETCH_BUCKET_SIZE = 5 * 10**7
PERSISTENCE_THRESHOLD = 10**5
MAX_LIVE_PARAMETERS = 10**9


def read_buckets(reader: FactReader, hidden_size: int | None, zero_stage: int) -> Buckets:
    """The sizes in elements. What nobody says may be "auto" or DeepSpeed's default: the interval covers both.

    `zero_stage`: 0 where DeepSpeed does not shard, and nobody reads them.
    """
    square = None if hidden_size is None else hidden_size**2
    overlap: Fact[bool] = reader.look("parallel.overlap_comm")
    tenfold = None if hidden_size is None else 10 * hidden_size
    most = None if square is None else square * 9 // 10
    is_3 = zero_stage == 3
    return Buckets(
        reduce=_size(reader, "reduce_bucket_size", square, REDUCE_BUCKET_SIZE, is_used=zero_stage > 0),
        prefetch=_size(reader, "prefetch_bucket_size", most, PREFETCH_BUCKET_SIZE, is_used=is_3),
        persistence_threshold=_size(
            reader, "param_persistence_threshold", tenfold, PERSISTENCE_THRESHOLD, is_used=is_3
        ),
        max_live=reader.known("parallel.max_live_parameters") or MAX_LIVE_PARAMETERS,
        # DeepSpeed's default is on at stage 3 and off below; but who leaves it out of a run spec may have it on.
        overlap=Truth.of(overlap.value) if overlap.said or not is_3 else Truth.YES,
    )


def _size(reader: FactReader, name: str, automatic: int | None, default: int, *, is_used: bool) -> Interval:
    said = reader.known(f"parallel.{name}")
    if said is not None:
        return exactly(said)
    if is_used:
        reader.assume(f"parallel.{name}", "auto", "not said; the interval covers DeepSpeed's default as well")
    if automatic is None:
        return Interval(0, default, default)
    return Interval(min(automatic, default), automatic, max(automatic, default))
