"""Measures the check of whole folders, as a ratio to parsing their Python files and nothing else.

    python -m tools.bench.folders [FOLDER …]

Both are programs of their own, with every import, and take turns; seconds are the processor's. Without a folder this
checkout's tests are checked. Exit status 1 when a median ratio is over the limit.
"""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path
from statistics import median

NUM_ROUNDS = 3
LIMIT = 8.0
"""A folder of a few hundred files measures 4 to 5.5, of which starting up is a third."""
ROOT = Path(__file__).resolve().parents[2]
PARSE = "import ast, pathlib, sys\nfor path in pathlib.Path(sys.argv[1]).rglob('*.py'): ast.parse(path.read_bytes())"


def main() -> int:
    """Measure, print, and hold to the limit."""
    folders = [Path(argument) for argument in sys.argv[1:]] or [ROOT / "tests"]
    return max(_measured(folder) for folder in folders)


def _measured(folder: Path) -> int:
    """Print a folder's line; 1 where it is over the limit."""
    parse = ("-W", "ignore", "-c", PARSE, str(folder))
    check = ("-m", "ftlint", "check", "--fail-on", "never", "--output-format", "json", str(folder))
    rounds = [(_seconds(*parse), _seconds(*check)) for _ in range(NUM_ROUNDS)]
    parsing, checking = (median(column) for column in zip(*rounds, strict=True))
    ratio = median(check / parse for parse, check in rounds)
    num_files = sum(1 for _ in folder.rglob("*.py"))
    print(f"{folder.name:<14} {num_files:5} files   parse {parsing:6.2f} s   check {checking:6.2f} s {ratio:5.2f} x")
    return int(ratio > LIMIT)


def _seconds(*arguments: str) -> float:
    before = _cpu_seconds()
    subprocess.run([sys.executable, *arguments], cwd=ROOT, capture_output=True, check=False)
    return _cpu_seconds() - before


def _cpu_seconds() -> float:
    """Of all children so far."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    sys.exit(main())
