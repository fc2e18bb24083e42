"""What `ftlint.watching` wrote down of a real run: JSON lines of one rank or of several, read back and checked."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ftlint.errors import InputError
from ftlint.project.workspace import Workspace, shown
from ftlint.record import record

FORMAT = 1
MOST_BYTES = 200 * 10**6
"""A line has about 300 bytes; a file of this size is of some hundred thousand steps."""


@record
class MeasuredMoment:
    """The largest figures at one moment, in bytes: of any rank on the GPU, of all ranks together in RAM.

    None where the files do not say it. `resident` counts pages that several ranks share once for each.
    """

    allocated: int | None
    reserved: int | None
    resident: int
    pinned: int | None


@record
class Measured:
    """One run as it was recorded. `failures`: exceptions that ended a moment, with how many ranks they met."""

    num_ranks: int
    world_size: int
    moments: Mapping[str, MeasuredMoment]
    gpu_total_bytes: int | None
    node_used_bytes: int
    packages: Mapping[str, str]
    failures: Mapping[str, int]


def read_measured(paths: Iterable[Path], workspace: Workspace) -> Measured:
    """The files of one run, one for each rank. Raises InputError, which names the file and the line."""
    ranks = [_Rank(path, workspace) for path in paths]
    numbers = [rank.number for rank in ranks]
    if len(set(numbers)) < len(numbers):
        raise InputError(f"{shown(ranks[-1].path)}: two files are of the same rank: give the files of one run")
    names = dict.fromkeys(name for rank in ranks for name in rank.moments)
    return Measured(
        num_ranks=len(ranks),
        world_size=max(rank.world_size for rank in ranks),
        moments={name: _together([rank.moments[name] for rank in ranks if name in rank.moments]) for name in names},
        gpu_total_bytes=_most(rank.gpu_total for rank in ranks),
        node_used_bytes=max(rank.node_used for rank in ranks),
        packages=ranks[0].packages,
        failures=_counted(failure for rank in ranks for failure in rank.failures),
    )


class _Rank:
    """One file."""

    def __init__(self, path: Path, workspace: Workspace) -> None:
        self.path = path
        self.moments: dict[str, MeasuredMoment] = {}
        self.failures: list[str] = []
        self.gpu_total: int | None = None
        self.node_used = 0
        lines = workspace.text(path, limit_bytes=MOST_BYTES).splitlines()
        header = self._parse(lines[0], 1) if lines else {}
        if header.get("ftlint_memory") != FORMAT:
            raise InputError(f"{shown(path)}: not what ftlint.watching writes, or of another version of it")
        self.number = self._size(header, "rank", 1)
        self.world_size = self._size(header, "world_size", 1)
        found = header.get("packages")
        self.packages = {str(name): str(version) for name, version in found.items()} if isinstance(found, dict) else {}
        for row, line in enumerate(lines[1:], start=2):
            # The last line of a process that was killed may be half a line.
            if line.strip() and (row < len(lines) or line.endswith("}")):
                self._add(self._parse(line, row), row)
        if not self.moments:
            raise InputError(f"{shown(path)}: no moment was recorded")

    def _parse(self, line: str, row: int) -> dict[str, Any]:
        try:
            found = json.loads(line)
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            raise InputError(f"{shown(self.path)}:{row}: not an object in JSON")
        return found

    def _add(self, line: dict[str, Any], row: int) -> None:
        if "ftlint_memory" in line:
            return  # a watch that was opened again
        name, host, gpu = line.get("moment"), line.get("host"), line.get("gpu")
        if not isinstance(name, str) or not isinstance(host, dict) or not (gpu is None or isinstance(gpu, dict)):
            raise InputError(f"{shown(self.path)}:{row}: no moment with its figures")
        figures = MeasuredMoment(
            allocated=None if gpu is None else self._size(gpu, "peak_allocated", row),
            reserved=None if gpu is None else self._size(gpu, "peak_reserved", row),
            resident=self._size(host, "resident", row),
            pinned=None if host.get("pinned") is None else self._size(host, "pinned", row),
        )
        known = self.moments.get(name)
        self.moments[name] = figures if known is None else _larger(known, figures)
        self.node_used = max(self.node_used, self._size(host, "node_used", row))
        if gpu is not None:
            self.gpu_total = self._size(gpu, "total", row)
        if isinstance(line.get("failure"), str):
            self.failures.append(line["failure"])

    def _size(self, section: dict[str, Any], name: str, row: int) -> int:
        value = section.get(name)
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise InputError(f"{shown(self.path)}:{row}: {name} is no whole number")
        return value


def _larger(one: MeasuredMoment, other: MeasuredMoment) -> MeasuredMoment:
    return MeasuredMoment(
        _most((one.allocated, other.allocated)),
        _most((one.reserved, other.reserved)),
        max(one.resident, other.resident),
        _most((one.pinned, other.pinned)),
    )


def _together(ranks: list[MeasuredMoment]) -> MeasuredMoment:
    pinned = [rank.pinned for rank in ranks if rank.pinned is not None]
    return MeasuredMoment(
        _most(rank.allocated for rank in ranks),
        _most(rank.reserved for rank in ranks),
        sum(rank.resident for rank in ranks),
        sum(pinned) if pinned else None,
    )


def _most(sizes: Iterable[int | None]) -> int | None:
    return max((size for size in sizes if size is not None), default=None)


def _counted(words: Iterable[str]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for word in words:
        counts[word] = counts.get(word, 0) + 1
    return counts
