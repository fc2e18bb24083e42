"""Compares what the allocator is played to keep with some layers played whole, and with all of them.

    python -m tools.accuracy.replayed

On every published run of tier A; differences are relative to what was reserved.
"""

from __future__ import annotations

import sys
from statistics import mean
from time import process_time

from ftlint.memory.facts import FactReader
from ftlint.memory.passes import play_passes
from ftlint.memory.points import Played
from ftlint.memory.reading import read_workload
from ftlint.memory.replay import Replay, replay
from ftlint.memory.workload import Workload
from ftlint.project.spec import parse_spec
from tools.accuracy.cases import Case, load_cases
from tools.accuracy.evaluate import evaluate
from tools.accuracy.specs import spec_of


def main() -> int:
    """Print the mean and the largest difference, and how much longer playing all takes."""
    differences, some_seconds, all_seconds = [], 0.0, 0.0
    for case in load_cases():
        result = evaluate(case)
        if case.tier != "A" or case.reserved_bytes is None or result.reserved is None or not result.is_complete:
            continue
        work, played = _played(case)
        start = process_time()
        some = replay(work, played).num_bytes
        between = process_time()
        differences.append((_kept_bytes(work, played) - some) / case.reserved_bytes)
        some_seconds += between - start
        all_seconds += process_time() - between
    sizes = [abs(difference) for difference in differences]
    print(f"{len(sizes)} runs: {mean(sizes):.1%} of what was reserved on average, {max(sizes):.1%} at most")
    print(f"playing all takes {all_seconds / some_seconds:.0f} times as long")
    return 0


def _played(case: Case) -> tuple[Workload, Played]:
    described = parse_spec(spec_of(case), case.id)
    work = read_workload(FactReader(described.run), described.versions)
    assert work is not None
    return work, play_passes(work)[0].played


class Whole(Replay):
    """All layers played whole."""

    def _is_whole(self, index: int) -> bool:
        return True

    def _is_whole_in_backward(self, index: int) -> bool:
        return True


def _kept_bytes(work: Workload, played: Played) -> int:
    run = Whole(work, played)
    run.build()
    run.steps()
    return run.kept_bytes


if __name__ == "__main__":
    sys.exit(main())
