"""Measures the closed form: milliseconds for one estimate once everything is loaded, each of a length not seen before.

    python -m tools.bench.estimate [NUM_ROUNDS]

Nothing is estimated twice, so no cache helps. Exit status 1 when a median is over the limit.
"""

from __future__ import annotations

import sys
import time
from statistics import median
from typing import Any

from ftlint.memory import estimate
from ftlint.project.spec import parse_spec

NUM_ROUNDS = 40
LIMIT_MS = 5.0
SMALL, LARGE = {"model": "meta-llama/Meta-Llama-3-8B"}, {"model": "Qwen/Qwen2.5-32B"}
SPECS: dict[str, dict[str, Any]] = {
    "8B, all weights, one GPU": SMALL,
    "8B, QLoRA": {**SMALL, "method": "qlora"},
    "8B, LoRA, FSDP on 8": {**SMALL, "method": "lora", "parallel": {"kind": "fsdp", "gpus_per_node": 8}},
    "32B, ZeRO-3 with offload": {**LARGE, "parallel": {"kind": "zero", "stage": 3, "offload_param": "cpu"}},
}


def main() -> int:
    """Measure, print, and hold to the limit."""
    num_rounds = int(sys.argv[1]) if len(sys.argv) > 1 else NUM_ROUNDS
    kept = True
    for name, spec in SPECS.items():
        wall, cpu = zip(*(_taken(spec, 512 + 8 * number) for number in range(num_rounds + 1)), strict=True)
        kept = kept and median(cpu[1:]) <= LIMIT_MS
        print(f"{name:<26} wall {median(wall[1:]):6.2f} ms   cpu {median(cpu[1:]):6.2f} ms  (limit {LIMIT_MS:g} ms)")
    return 0 if kept else 1


def _taken(spec: dict[str, Any], seq_len: int) -> tuple[float, float]:
    described = parse_spec({**spec, "batch": {"micro": 2, "seq_len": seq_len}, "gradient_checkpointing": True})
    wall, cpu = time.perf_counter(), time.process_time()
    estimate(described.run, versions=described.versions)
    return (time.perf_counter() - wall) * 1000, (time.process_time() - cpu) * 1000


if __name__ == "__main__":
    sys.exit(main())
