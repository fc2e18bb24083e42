"""`ftlint estimate --measured`: a recorded run beside its estimate."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from ftlint.watching import watch_memory
from tests.cli.conftest import ROOT, Cli

SCHEMA = json.loads((ROOT / "schemas" / "estimate.json").read_text(encoding="utf-8"))
WORDS = (
    "--model Qwen/Qwen2.5-0.5B --method full --dtype bfloat16 --micro-batch 1 --seq-len 512 --attention sdpa "
    "--loss full "
    "--no-gradient-checkpointing --optimizer adamw_torch_fused --framework transformers=5.0.0 --gpu H100-80GB"
).split()
GIB = 2**30


def header(rank: int = 0, world_size: int = 1) -> dict[str, Any]:
    return {"ftlint_memory": 1, "rank": rank, "world_size": world_size, "packages": {"torch": "2.13.0"}}


def line(moment: str, allocated: int | None, *, resident: int = GIB, failure: str | None = None) -> dict[str, Any]:
    gpu = None
    if allocated is not None:
        gpu = {"name": "G", "total": 80 * GIB, "peak_allocated": allocated, "peak_reserved": allocated + GIB}
    found: dict[str, Any] = {
        "step": 0, "moment": moment, "seconds": 0.1, "gpu": gpu,
        "host": {"resident": resident, "pinned": None, "node_used": 2 * GIB},
    }  # fmt: skip
    return found if failure is None else {**found, "failure": failure}


def record(file: Path, *lines: dict[str, Any]) -> str:
    file.write_text("".join(json.dumps(each) + "\n" for each in lines), encoding="utf-8")
    return str(file)


def estimated(cli: Cli) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(cli("estimate", *WORDS, "--output-format", "json").stdout)
    return found


def test_inside_and_outside(cli: Cli, folder: Path) -> None:
    allocated = estimated(cli)["gpu"]["allocated"]
    inside = record(folder / "in.jsonl", header(), line("forward and backward", allocated["expected"]))
    found = json.loads(cli("estimate", *WORDS, "--measured", inside, "--output-format", "json").stdout)
    jsonschema.validate(found, SCHEMA)
    compared = {each["figure"]: each for each in found["measured"]["comparisons"]}
    assert compared["allocated"]["inside"] is True
    outside = record(folder / "out.jsonl", header(), line("forward and backward", 3 * allocated["high"]))
    text = cli("estimate", *WORDS, "--measured", outside).stdout
    assert "allocated" in text
    assert "outside" in text
    assert "most of the estimate is" in text


def test_the_largest_of_all_steps_and_ranks_counts(cli: Cli, folder: Path) -> None:
    first = record(folder / "m.rank0.jsonl", header(0, 2), line("optimizer step", GIB), line("optimizer step", 2 * GIB))
    second = record(folder / "m.rank1.jsonl", header(1, 2), line("optimizer step", GIB, resident=3 * GIB))
    outcome = cli("estimate", *WORDS, "--measured", first, "--measured", second, "--output-format", "json")
    measured = json.loads(outcome.stdout)["measured"]
    assert (measured["ranks"], measured["world_size"]) == (2, 2)
    assert measured["moments"]["optimizer step"] == {
        "allocated": 2 * GIB, "reserved": 3 * GIB, "resident": 4 * GIB, "pinned": None,
    }  # fmt: skip


def test_a_real_watch_without_a_gpu(cli: Cli, folder: Path) -> None:
    with watch_memory(folder / "memory.jsonl") as watch, watch.moment("forward and backward"):
        pass
    outcome = cli("estimate", *WORDS, "--measured", "memory.jsonl")
    assert outcome.status == 0
    assert "no GPU was recorded" in outcome.stdout
    assert "of RAM, all ranks together" in outcome.stdout


def test_a_run_that_was_killed(cli: Cli, folder: Path) -> None:
    """Its last line is half a line, and an exception ended its last moment."""
    file = folder / "memory.jsonl"
    record(file, header(), line("forward and backward", GIB, failure="OutOfMemoryError"))
    file.write_text(file.read_text(encoding="utf-8") + '{"step": 1, "mom', encoding="utf-8")
    outcome = cli("estimate", *WORDS, "--measured", "memory.jsonl")
    assert outcome.status == 0, outcome.stderr
    assert "ended by OutOfMemoryError on 1 of them" in outcome.stdout


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "not what ftlint.watching writes"),
        ("{}\n", "not what ftlint.watching writes"),
        ("[1]\n", ":1: not an object"),
        ('{"ftlint_memory": 2}\n', "another version"),
        (json.dumps(header()) + "\n", "no moment was recorded"),
        (json.dumps(header()) + "\n{}\n", ":2: no moment with its figures"),
        (json.dumps({**header(), "rank": "x"}) + "\n", "rank is no whole number"),
        (json.dumps(header()) + "\n" + json.dumps(line("loading", -1)) + "\n", "peak_allocated is no whole number"),
        (json.dumps(header()) + "\n\x00\n" + json.dumps(line("loading", 1)), ":2: not an object"),
    ],
)
def test_a_file_that_is_no_record(cli: Cli, folder: Path, content: str, words: str) -> None:
    (folder / "m.jsonl").write_text(content, encoding="utf-8")
    outcome = cli("estimate", *WORDS, "--measured", "m.jsonl")
    assert (outcome.status, outcome.stdout) == (2, "")
    assert words in outcome.stderr


def test_two_files_of_one_rank(cli: Cli, folder: Path) -> None:
    names = [record(folder / name, header(), line("loading", 1)) for name in ("a.jsonl", "b.jsonl")]
    outcome = cli("estimate", *WORDS, "--measured", names[0], "--measured", names[1])
    assert outcome.status == 2
    assert "the same rank" in outcome.stderr


def test_html_shows_neither(cli: Cli, folder: Path) -> None:
    name = record(folder / "a.jsonl", header(), line("loading", 1))
    assert cli("estimate", *WORDS, "--measured", name, "--html").status == 2
