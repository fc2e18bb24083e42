"""Time of the trace over Python files, as a ratio to `ast.parse` and a walk: `python -m tools.bench.trace [FOLDER …]`.

Without folders it reads this repository's own, which is quick; released packages tell more.
"""

from __future__ import annotations

import ast
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

from ftlint.syntax import parse
from ftlint.syntax.document import Format, ScriptDocument
from ftlint.trace import trace_script

OWN = ("ftlint", "examples")
ROUNDS = 3
LIMIT = 3.0


def main(folders: list[str]) -> int:
    """Prints the distribution of the ratios, each the least of three rounds on both sides, and the worst files."""
    ratios = sorted((ratio, path) for path in _files(folders) if (ratio := _ratio(path)) is not None)
    if not ratios:
        print("no Python file that parses")
        return 2
    values = [ratio for ratio, _ in ratios]
    above = sum(value > LIMIT for value in values)
    print(f"{len(values)} files, trace / (ast.parse + walk)")
    for name, share in (("median", 0.5), ("p95", 0.95), ("p99", 0.99), ("max", 1.0)):
        print(f"{name:8} {values[min(len(values) - 1, int(share * len(values)))]:6.2f} x")
    print(f"above {LIMIT:g} x: {above} ({above / len(values):.2%})")
    for ratio, path in ratios[-3:]:
        print(f"  {ratio:6.2f} x  {path}")
    return 0


def _files(folders: list[str]) -> Iterator[Path]:
    for folder in folders:
        yield from sorted(Path(folder).rglob("*.py"))


def _ratio(path: Path) -> float | None:
    data = path.read_bytes()
    document = parse(path, data, Format.PYTHON)
    if not isinstance(document, ScriptDocument) or any(cell.tree is None for cell in document.cells):
        return None

    def bare() -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for _ in ast.walk(ast.parse(data)):
                pass

    return _least(lambda: trace_script(document)) / _least(bare)


def _least(work: Callable[[], object]) -> float:
    seconds = []
    for _ in range(ROUNDS):
        began = time.process_time()
        work()
        seconds.append(time.process_time() - began)
    return max(min(seconds), 1e-6)


if __name__ == "__main__":
    own = [str(Path(__file__).parents[2] / name) for name in OWN]
    sys.exit(main(sys.argv[1:] or own))
