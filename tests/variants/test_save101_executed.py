"""SAVE101's variants under `fully_shard`, and their fixes, run for real: two ranks on the CPU over gloo.

A bad one must show its damage, a good one must leave a checkpoint that is equal to the model; a fixed one too.
`SAVE101_executed.json` says of each what was seen, by whoever wrote it.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ftlint.rulebook.body import parse_examples
from ftlint.rulebook.examples import Example
from tests.variants.test_fixes import repaired

HERE = Path(__file__).parent
RECORDS: dict[int, dict[str, Any]] = {
    record["number"]: record for record in json.loads((HERE / "SAVE101_executed.json").read_text("utf-8"))
}
VARIANTS: dict[int, Example] = {
    int(found[1]): variant
    for variant in parse_examples("SAVE101", (HERE / "SAVE101.md").read_text("utf-8"), HERE / "SAVE101.md", 1)
    if (found := re.match(r"(?:bad|good)-\d+-(\d+)-", variant.name)) and int(found[1]) in RECORDS
}
BAD = [number for number, record in RECORDS.items() if record["kind"] == "bad"]
GOOD = [number for number, record in RECORDS.items() if record["kind"] == "good"]
NOT_EDITED = (10, 11, 12)
"""Local pieces taken on purpose, a whole module that is pickled, weights gathered one by one under a guard: no edit is
right for certain."""


class Runner:
    """The process of `two_ranks.py`."""

    def __init__(self) -> None:
        offline = {"HF_HUB_OFFLINE": "1", "CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1"}
        self.process: subprocess.Popen[str] = subprocess.Popen(
            [sys.executable, str(HERE / "two_ranks.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, **offline},
        )

    def run(self, number: int, folder: Path) -> dict[str, Any]:
        """How the two ranks of a variant ended, whose files lie in `folder`."""
        record = RECORDS[number]
        job = {"folder": str(folder), **{key: record[key] for key in ("script", "output", "loads_with")}}
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(job) + "\n")
        self.process.stdin.flush()
        answer: dict[str, Any] = json.loads(self.process.stdout.readline())
        return answer


@pytest.fixture(scope="module")
def runner() -> Iterator[Runner]:
    for package in ("torch", "transformers", "safetensors"):
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"{package} is not installed")
    if not hasattr(os, "fork"):
        pytest.skip("the ranks are forked processes")
    started = Runner()
    yield started
    started.process.kill()
    started.process.wait()


def test_each_record_has_its_variant() -> None:
    assert set(VARIANTS) == set(RECORDS)
    assert len(BAD) >= 14
    assert len(GOOD) >= 14


@pytest.mark.referee
@pytest.mark.parametrize("number", BAD)
def test_a_bad_variant_does_damage(number: int, runner: Runner, tmp_path: Path) -> None:
    folder = VARIANTS[number].write_to(tmp_path / "project")
    answer = runner.run(number, folder)
    damage = RECORDS[number]["damage"]
    assert answer["checkpoint"] != "whole", answer
    if damage.startswith("raises: "):
        assert any(answer["codes"]), answer
        assert re.search(damage.removeprefix("raises: "), answer["log"]), answer["log"]
    elif damage == "hangs":
        assert any(answer["codes"]), answer


@pytest.mark.referee
@pytest.mark.parametrize("number", GOOD)
def test_a_good_variant_leaves_the_model(number: int, runner: Runner, tmp_path: Path) -> None:
    folder = VARIANTS[number].write_to(tmp_path / "project")
    answer = runner.run(number, folder)
    assert answer["codes"] == [0, 0], answer["log"]
    assert answer["checkpoint"] == "whole", answer


@pytest.mark.referee
@pytest.mark.parametrize("number", [number for number in BAD if number not in NOT_EDITED])
def test_a_fixed_variant_leaves_the_model(number: int, runner: Runner, tmp_path: Path) -> None:
    variant = VARIANTS[number]
    folder = variant.write_to(tmp_path / "project")
    before = variant.texts_in(folder)
    assert repaired(folder, "SAVE101")
    assert variant.texts_in(folder) != before
    answer = runner.run(number, folder)
    assert answer["codes"] == [0, 0], answer["log"]
    assert answer["checkpoint"] == "whole", answer
