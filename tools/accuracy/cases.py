"""The published measurements in `benchmarks/cases.jsonl`: what was run, what was counted, and where it was read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ftlint.record import record

CASES = Path(__file__).resolve().parents[2] / "benchmarks" / "cases.jsonl"


@record
class Case:
    """One published run. `said` holds its configuration, in the words of a run spec; what is not in it was not said.

    `tier`: A, an exact counter and a complete configuration; B, one of them in doubt, or a bound; C, incomplete.
    """

    id: str
    group: str
    """The source as a whole: rows of one author and one script, which are left out together."""
    source: str
    tier: str
    outcome: str
    """ran | gpu out of memory | host out of memory | failed (no peak, and not said why)."""
    model: str
    framework: str | None
    """Which variant of its source's stack, where the source compares several."""
    allocated_bytes: int | None
    """torch's peak of allocated bytes on a GPU."""
    resident_bytes: int | None
    """What was still allocated after the last step."""
    reserved_bytes: int | None
    reserved_by: str | None
    """driver: nvidia-smi, with the CUDA context; torch: its own peak of reserved bytes, without."""
    said: Mapping[str, Any]

    @property
    def num_gpus(self) -> int:
        """On all nodes."""
        return int(self.said["gpus_per_node"]) * int(self.said["nodes"])


def load_cases(path: Path = CASES) -> tuple[Case, ...]:
    """Every case, in the file's order."""
    return tuple(_case(json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines())


def _case(row: Mapping[str, Any]) -> Case:
    return Case(
        id=row["id"],
        group=row["group"],
        source=row["source"],
        tier=row["tier"],
        outcome=row["outcome"],
        model=row["model"],
        framework=row.get("framework"),
        allocated_bytes=row.get("allocated_bytes"),
        resident_bytes=row.get("resident_bytes"),
        reserved_bytes=row.get("reserved_bytes"),
        reserved_by=row.get("reserved_by"),
        said=row,
    )
