"""The programs of `tools/bench` still run: what they print is for people, that they end is for this test."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SHORT = {
    "startup": ["1"],
    "estimate": ["1"],
    "schemas": ["examples"],
    "folders": ["tools/bench"],
    "trace": ["tools/bench"],
}
"""Arguments that make one end soon: a number of rounds, or a small folder."""

PROGRAMS = sorted(path.stem for path in (ROOT / "tools" / "bench").glob("[!_]*.py"))


@pytest.mark.parametrize("program", PROGRAMS)
def test_it_ends_with_a_verdict_and_not_with_a_traceback(program: str) -> None:
    command = [sys.executable, "-m", f"tools.bench.{program}", *SHORT.get(program, [])]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.stderr == ""
    assert ended.stdout
    assert ended.returncode in (0, 1)  # 1: over a limit, which says nothing on a machine that runs tests beside it
