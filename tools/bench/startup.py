"""Measures start-up: `ftlint --version` and a check of one JSON file, each against `python -c pass`.

    python -m tools.bench.startup [NUM_ROUNDS]

The commands take turns, so that a busy minute of the machine slows all of them; the ratios are of medians. Exit
status 1 when a ratio is over its limit.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

NUM_ROUNDS = 15
ROOT = Path(__file__).resolve().parents[2]

DS_CONFIG = """{
  "bf16": {"enabled": "auto"},
  "train_micro_batch_size_per_gpu": "auto",
  "gradient_accumulation_steps": "auto",
  "zero_optimization": {"stage": 3, "overlap_comm": true}
}
"""
COMMANDS = {
    "python -c pass": ("-c", "pass"),
    "ftlint --version": ("-m", "ftlint", "--version"),
    "ftlint check ds.json": ("-m", "ftlint", "check", "ds.json"),
}
LIMITS = {"ftlint --version": 4.0, "ftlint check ds.json": 9.0}


def main() -> int:
    """Prints a line for each command and says whether the limits are kept."""
    num_rounds = int(sys.argv[1]) if len(sys.argv) > 1 else NUM_ROUNDS
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "ds.json").write_text(DS_CONFIG)
        seconds = measure(Path(folder), num_rounds)
    bare = median(seconds["python -c pass"])
    kept = True
    for name, times in seconds.items():
        ratio, limit = median(times) / bare, LIMITS.get(name)
        kept = kept and (limit is None or ratio <= limit)
        against = "" if limit is None else f"  (limit {limit:g} x)"
        print(f"{name:<22} {median(times) * 1000:7.1f} ms  {ratio:5.2f} x{against}")
    return 0 if kept else 1


def measure(folder: Path, num_rounds: int) -> dict[str, list[float]]:
    """Seconds of each command in each round, after one round that warms the caches."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "FTLINT_CACHE_DIR": str(folder / "cache")}
    # An installed package has its bytecode; a checkout may not, or may not be allowed to write it.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    environment["PYTHONPYCACHEPREFIX"] = str(folder / "bytecode")
    seconds: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for number in range(num_rounds + 1):
        for name, arguments in COMMANDS.items():
            begin = time.perf_counter()
            completed = subprocess.run(
                [sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, check=False
            )
            taken = time.perf_counter() - begin
            if completed.returncode != 0:
                raise SystemExit(f"{name}: exit status {completed.returncode}\n{completed.stderr.decode()}")
            if number:
                seconds[name].append(taken)
    return seconds


if __name__ == "__main__":
    sys.exit(main())
