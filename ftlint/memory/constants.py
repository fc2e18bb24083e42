"""Every number in the estimator that was measured or fitted instead of read in code, with where it comes from.

They come with ftlint as `ftlint/knowledge/data/memory_constants.json`. An estimate takes them as an argument, so that
the figures in docs/accuracy.md can be reckoned with constants fitted without the cases they are held against.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from ftlint.knowledge.bundled import load_object
from ftlint.memory.estimate import Interval
from ftlint.record import record


@record
class Share:
    """A part of something else, in thousandths: at least, expected, at most."""

    low: int
    expected: int
    high: int

    def of(self, size: Interval) -> Interval:
        """That part of a size."""
        return Interval(
            size.low_bytes * self.low // 1000,
            size.expected_bytes * self.expected // 1000,
            size.high_bytes * self.high // 1000,
        )


@record
class Constants:
    """Measured and fitted numbers."""

    activations: Share
    """What a pass really takes, of what is reckoned: kernels' scratch, operations that other releases add or spare."""
    context: Interval
    """CUDA context, kernels and libraries of one process on its GPU, and what small blocks and weights waste."""
    communication: Interval
    """NCCL's buffers on each of several GPUs."""
    workspace_bytes: int
    """cuBLAS' workspaces up to compute capability 8.x, which torch allocates: one for forward, one for backward."""
    workspace_bytes_sm90: int
    """The same from capability 9.0 on."""


def parse_constants(data: Mapping[str, object]) -> Constants:
    """Constants from the object of the data file; raises TypeError or KeyError: the file is ours."""
    return Constants(
        activations=Share(*_three(data, "activations_permille")),
        context=Interval(*_three(data, "context_bytes")),
        communication=Interval(*_three(data, "communication_bytes")),
        workspace_bytes=_three(data, "workspace_bytes")[1],
        workspace_bytes_sm90=_three(data, "workspace_bytes_sm90")[1],
    )


def _three(data: Mapping[str, object], name: str) -> tuple[int, int, int]:
    row = data[name]
    if not isinstance(row, dict) or not isinstance(row["value"], list):
        raise TypeError(f"memory_constants.json: {name} must have a list as its value")
    low, expected, high = row["value"]
    return int(low), int(expected), int(high)


@lru_cache(maxsize=1)
def bundled_constants() -> Constants:
    """The constants that come with ftlint."""
    return parse_constants(load_object("memory_constants.json"))
