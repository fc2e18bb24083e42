"""Regenerates what docs/accuracy.md says of published measurements, and its pictures.

    python -m tools.accuracy [--check]

With --check nothing is written, and the exit status is 1 where the page is out of date. Needs the `accuracy` extra
(numpy, matplotlib), no framework, and about a minute.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from tools.accuracy.blocks import Split, splits
from tools.accuracy.cases import Case, load_cases
from tools.accuracy.contradictions import contradictions
from tools.accuracy.evaluate import Result, allocated, evaluate_all, reserved
from tools.accuracy.fit import DATA, usable_probes
from tools.accuracy.peers import TARGET as PEERS
from tools.accuracy.plot import IMAGES, draw
from tools.accuracy.tables import (
    blocks_table,
    constants_table,
    contradiction_lines,
    left_aside,
    peer_table,
    targets_table,
    verdict_table,
    worst_table,
)

PAGE = Path(__file__).resolve().parents[2] / "docs" / "accuracy.md"
BEGIN, END = "<!-- tools.accuracy begins -->", "<!-- tools.accuracy ends -->"


def section(cases: Sequence[Case], results: Sequence[Result], left_out: Sequence[Split]) -> Iterator[str]:
    """The section's lines."""
    estimated = [result for result in results if not result.why_not]
    peers = json.loads(PEERS.read_text(encoding="utf-8"))
    constants = json.loads(DATA.read_text(encoding="utf-8"))
    yield "### Against published measurements"
    yield ""
    yield (
        f"{len(cases)} published runs (`benchmarks/cases.jsonl`, each with its address), of which {len(estimated)} "
        "can be said in a run spec. Each is given to the estimator as a spec, with nothing but what was published. "
        "Allocated is torch's peak, reserved what nvidia-smi or torch had reserved. A block that is left out is "
        "estimated with constants fitted to the other blocks alone; width is that of the interval, relative to the "
        "measurement. Tier A: an exact counter and a complete configuration. All complete ones come from one source."
    )
    yield ""
    yield (
        "What leaving out does not show: the formulas themselves were mended until they agreed with these cases (what "
        "is alive where the loss ends, what FSDP holds over frozen layers, experts one after another). Each says what "
        "it counts and none has a fitted factor, but no case is new to them. That holds for the blocks that torch's "
        "allocator is played to keep as well: nothing in them is fitted, but which phases are played, what building a "
        "sharded model leaves, and that half of one more block is expected, was decided with these cases in view. "
        "Reserved bytes without the largest source rest on what others published of the CUDA context and of NCCL."
    )
    yield ""
    yield from targets_table(left_out)
    for split in left_out:
        yield ""
        yield from blocks_table(split)
    yield ""
    yield "![Measured and estimated peaks of allocated bytes](images/accuracy-allocated.svg)"
    yield "![Measured and estimated reserved bytes](images/accuracy-reserved.svg)"
    yield ""
    yield "The furthest off, of tier A, with the bundled constants:"
    yield ""
    yield from worst_table(allocated(_of_tier_a(results)), 8)
    yield ""
    yield from worst_table(reserved(_of_tier_a(results)), 5)
    yield ""
    yield "Verdicts on the GPU, with every run's own GPU as capacity (source left out):"
    yield ""
    yield from verdict_table(left_out[0].results)
    yield ""
    yield "Peers on the same cases of tier A; in brackets our own figures on exactly these cases, source left out:"
    yield ""
    yield from peer_table(left_out[0].results, peers["answers"], peers["versions"])
    yield ""
    yield "Constants that no code says. Those fitted are fitted anew for every left-out block above:"
    yield ""
    yield from constants_table(constants)
    yield ""
    yield "Rows that contradict themselves or each other, to which nothing is fitted:"
    yield ""
    yield from contradiction_lines(contradictions(cases))
    yield ""
    yield f"Not expressible in a run spec: {left_aside(results)}."


def _of_tier_a(results: Sequence[Result]) -> list[Result]:
    return [result for result in results if result.case.tier == "A"]


def main() -> int:
    """Write the page's section and the pictures anew."""
    cases = load_cases()
    results = evaluate_all(cases)
    left_out = splits(cases, usable_probes(cases))
    before = PAGE.read_text(encoding="utf-8")
    head, rest = before.split(BEGIN)
    tail = rest.split(END)[1]
    page = head + BEGIN + "\n" + "\n".join(section(cases, results, left_out)) + "\n\n" + END + tail
    if "--check" in sys.argv[1:]:
        return int(page != before)
    PAGE.write_text(page, encoding="utf-8")
    shown = _of_tier_a(left_out[0].results)
    draw(allocated(shown), "Peak allocated per GPU, source left out", IMAGES / "accuracy-allocated.svg")
    draw(reserved(shown), "Reserved per GPU, source left out", IMAGES / "accuracy-reserved.svg")
    return 0


if __name__ == "__main__":
    sys.exit(main())
