"""The measuring program: what it makes of records, and (referee) a whole measurement on the CPU with a tiny model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.measure_steps import complete, measure, outcome, peaks
from ftlint.project.spec import parse_spec

ROOT = Path(__file__).parents[2]
STEPS = json.loads((ROOT / "benchmarks" / "steps.json").read_text(encoding="utf-8"))
TINY = {
    "model_type": "llama", "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2,
    "num_attention_heads": 2, "num_key_value_heads": 1, "vocab_size": 64,
}  # fmt: skip


@pytest.mark.parametrize("spec", STEPS, ids=lambda spec: str(spec["name"]))
def test_every_step_is_a_run_spec(spec: dict[str, Any]) -> None:
    completed = {key: value for key, value in complete(spec).items() if key != "name"}
    assert completed["model"]["config"]["model_type"]
    assert parse_spec(completed, spec["name"]).run.model.architecture.known


def test_names_are_told_apart() -> None:
    names = [spec["name"] for spec in STEPS]
    assert len(set(names)) == len(names)


def line(moment: str, step: int, resident: int, allocated: int | None) -> dict[str, Any]:
    gpu = None
    if allocated is not None:
        gpu = {"name": "G", "total": 100, "peak_allocated": allocated, "peak_reserved": allocated + 1}
    return {"moment": moment, "step": step, "gpu": gpu, "host": {"resident": resident, "pinned": None}}


def test_peaks_are_the_largest_of_each_moment() -> None:
    found = peaks(
        [
            {"ftlint_memory": 1, "packages": {"torch": "2.13.0"}},
            line("optimizer step", 0, 7, 50),
            line("optimizer step", 1, 5, 60),
            line("loading", 0, 9, None),
        ]
    )
    assert found["packages"] == {"torch": "2.13.0"}
    assert found["gpu"] == {"name": "G", "total": 100}
    assert found["moments"] == {
        "loading": {"resident": 9, "pinned": 0},
        "optimizer step": {"resident": 7, "pinned": 0, "allocated": 60, "reserved": 61},
    }


@pytest.mark.parametrize(
    ("status", "errors", "ended"),
    [
        (0, "", {"ended": "finished"}),
        (None, "", {"ended": "timeout"}),
        (-9, "", {"ended": "killed"}),
        (1, "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate", {"ended": "out of memory"}),
        (1, "Traceback\nValueError: no\n\n", {"ended": "failed", "error": "ValueError: no"}),
        (3, "", {"ended": "failed", "error": "exit status 3"}),
    ],
)
def test_how_a_run_ended(status: int | None, errors: str, ended: dict[str, object]) -> None:
    assert outcome(status, errors) == ended


def test_a_model_that_nobody_knows() -> None:
    with pytest.raises(SystemExit, match="not in the catalogue"):
        complete({"name": "x", "model": {"id": "nobody/nothing"}})


@pytest.mark.referee
@pytest.mark.parametrize("method", ["full", "lora"])
def test_a_whole_measurement(method: str) -> None:
    spec = {
        "name": "tiny", "model": {"config": TINY}, "method": method, "dtype": {"weights": "float32"},
        "batch": {"micro": 2, "seq_len": 8, "accumulation": 2}, "gradient_checkpointing": True,
    }  # fmt: skip
    result = measure(spec)
    assert result["ended"] == "finished", result
    assert list(result["moments"]) == ["loading", "forward and backward", "optimizer step"]


@pytest.mark.referee
def test_a_run_that_fails_is_a_result() -> None:
    result = measure({"name": "broken", "model": {"config": {**TINY, "num_attention_heads": 0}}, "batch": {"micro": 1}})
    assert result["ended"] == "failed"
    assert "ZeroDivisionError" in str(result["error"])
