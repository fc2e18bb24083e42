"""Measures start-up: `ftlint --version`, a check of one JSON file and an estimate, each against `python -c pass`.

    python -m tools.bench.startup [NUM_ROUNDS]

The commands take turns, so that a busy minute of the machine slows all of them; the ratios are of medians. Exit
status 1 when the ratio of wall times is over its limit. The processor's time (user and system) stands beside it: it
says whether a slow run was ours or the machine's.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import NamedTuple

NUM_ROUNDS = 25
ROOT = Path(__file__).resolve().parents[2]

DS_CONFIG = """{
  "bf16": {"enabled": "auto"},
  "train_micro_batch_size_per_gpu": "auto",
  "gradient_accumulation_steps": "auto",
  "zero_optimization": {"stage": 3, "overlap_comm": true}
}
"""
RUN_SPEC = """{
  "model": "meta-llama/Meta-Llama-3-8B", "method": "full",
  "parallel": {"kind": "zero", "stage": 3, "gpus_per_node": 8}, "batch": {"micro": 1, "seq_len": 4096},
  "gradient_checkpointing": true, "hardware": {"gpu": "H100-80GB", "host_ram": "1TB"}
}
"""
COMMANDS = {
    "python -c pass": ("-c", "pass"),
    "ftlint --version": ("-m", "ftlint", "--version"),
    "ftlint check ds.json": ("-m", "ftlint", "check", "ds.json"),
    "ftlint estimate": ("-m", "ftlint", "estimate", "--spec", "run.json"),
}
LIMITS = {"ftlint --version": 4.0, "ftlint check ds.json": 9.0, "ftlint estimate": 15.0}
_LEFT_OUT = ("FTLINT_CACHE_DIR", "XDG_CACHE_HOME", "PYTHONDONTWRITEBYTECODE")


class Taken(NamedTuple):
    """What one start took."""

    wall_seconds: float
    cpu_seconds: float


def main() -> int:
    """Prints a line for each command and says whether the limits are kept."""
    num_rounds = int(sys.argv[1]) if len(sys.argv) > 1 else NUM_ROUNDS
    with tempfile.TemporaryDirectory() as folder:
        taken = measure(Path(folder), num_rounds)
    bare = _medians(taken["python -c pass"])
    kept = True
    for name, starts in taken.items():
        wall, cpu = _medians(starts)
        ratio, limit = wall / bare.wall_seconds, LIMITS.get(name)
        kept = kept and (limit is None or ratio <= limit)
        against = "" if limit is None else f"  (limit {limit:g} x)"
        print(
            f"{name:<22} wall {wall * 1000:6.1f} ms {ratio:5.2f} x   "
            f"cpu {cpu * 1000:6.1f} ms {cpu / bare.cpu_seconds:5.2f} x{against}"
        )
    return 0 if kept else 1


def _medians(starts: list[Taken]) -> Taken:
    return Taken(*map(median, zip(*starts, strict=True)))


def measure(folder: Path, num_rounds: int) -> dict[str, list[Taken]]:
    """What each command took in each round, after one round that warms the caches."""
    project = folder / "project"
    project.mkdir()
    (project / "ds.json").write_text(DS_CONFIG)
    (project / "run.json").write_text(RUN_SPEC)
    # The cache is found as at a user's: in the home, no variable naming it.
    environment = {name: value for name, value in os.environ.items() if name not in _LEFT_OUT}
    # An installed package has its bytecode; a checkout may not, or may not be allowed to write it.
    environment.update(HOME=str(folder), PYTHONPATH=str(ROOT), PYTHONPYCACHEPREFIX=str(folder / "bytecode"))
    taken: dict[str, list[Taken]] = {name: [] for name in COMMANDS}
    for number in range(num_rounds + 1):
        for name, arguments in COMMANDS.items():
            start = _start(name, arguments, project, environment)
            if number:
                taken[name].append(start)
    return taken


def _start(name: str, arguments: tuple[str, ...], folder: Path, environment: dict[str, str]) -> Taken:
    cpu_before, begin = _cpu_seconds(), time.perf_counter()
    completed = subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, check=False
    )
    taken = Taken(time.perf_counter() - begin, _cpu_seconds() - cpu_before)
    if completed.returncode != 0:
        raise SystemExit(f"{name}: exit status {completed.returncode}\n{completed.stderr.decode()}")
    return taken


def _cpu_seconds() -> float:
    """Of all children so far."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    sys.exit(main())
