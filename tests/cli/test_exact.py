"""`ftlint estimate --exact` as a door: what is traced stands beside what is reckoned."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ftlint.exact import ExactStep, extending
from ftlint.memory.step import Step
from tests.cli.conftest import Cli

WORDS = (
    "--model Qwen/Qwen2.5-0.5B --method full --parallel single --micro-batch 2 --seq-len 512 "
    "--dtype bfloat16 --compute-dtype bfloat16 --attention sdpa --no-gradient-checkpointing --loss full"
).split()


@pytest.fixture
def traced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Step]:
    steps: list[Step] = []

    def trace(step: Step, releases: tuple[str, ...]) -> ExactStep:
        steps.append(step)
        pass_bytes, step_bytes = (3 * 2**30, 2**32, 2**31), (2**30, 2**30, 3 * 2**30, 2**28)
        return ExactStep(*pass_bytes, *step_bytes, 494032768, (2, 3), ("flash",), releases)

    monkeypatch.setenv("FTLINT_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(extending, "_releases", lambda: ("torch 2.13.0",))
    monkeypatch.setattr(extending, "_trace", trace)
    return steps


def test_both_are_shown(cli: Cli, traced: list[Step]) -> None:
    text = cli("estimate", *WORDS, "--exact").stdout
    assert "Traced (torch 2.13.0)" in text
    assert "3.00 GiB   by formula" in text
    assert "5.25 GiB = 1.00 parameters + 1.00 gradients + 3.00 optimizer with its temporaries + 0.25 logits" in text
    shown = json.loads(cli("estimate", *WORDS, "--exact", "--output-format", "json").stdout)["exact"]
    assert shown["optimizer_step"]["total_bytes"] == 5.25 * 2**30
    assert [row["traced_bytes"] for row in shown["rows"]] == [3 * 2**30, 2**32, 2**31]
    assert all(row["reckoned_bytes"] > 0 for row in shown["rows"])
    assert len(traced) == 1  # the second time from the cache
    assert (traced[0].micro_batch, traced[0].sequence_length_tokens) == (2, 512)


def test_nothing_is_traced_unasked(cli: Cli, traced: list[Step]) -> None:
    assert "exact" not in json.loads(cli("estimate", *WORDS, "--output-format", "json").stdout)
    assert traced == []


def test_only_some_layers_may_be_trained(cli: Cli, traced: list[Step]) -> None:
    words = [word if word != "full" or WORDS[at - 1] != "--method" else "freeze" for at, word in enumerate(WORDS)]
    assert cli("estimate", *words, "--exact").status == 0
    assert traced[0].trained_layers == (22, 23)


def test_a_model_known_by_numbers_alone_has_no_step(cli: Cli, traced: list[Step], tmp_path: Path) -> None:
    spec = tmp_path / "spec.json"
    spec.write_text('{"model": {"parameters": {"total": 1000000, "largest_layer": 1000}}}')
    outcome = cli("estimate", "--spec", str(spec), "--exact")
    assert outcome.status == 2
    assert "known model" in outcome.stderr
    assert traced == []


def test_a_page_does_not_show_it(cli: Cli, traced: list[Step]) -> None:
    assert cli("estimate", *WORDS, "--exact", "--html").status == 2


@pytest.mark.parametrize(
    ("model", "tokens", "is_wider"),
    [
        ("mistralai/Mistral-7B-v0.1", 2048, False),
        ("mistralai/Mistral-7B-v0.1", 4096, True),
        ("Qwen/Qwen2.5-7B", 4096, False),
    ],
)
def test_sequences_that_reach_a_window_may_take_a_mask(cli: Cli, model: str, tokens: int, is_wider: bool) -> None:
    """SDPA's other kernel then keeps a mask, and keys for every query head: in every layer, at the high end."""
    words = [model if word == "Qwen/Qwen2.5-0.5B" else str(tokens) if word == "512" else word for word in WORDS]
    words[words.index("--micro-batch") + 1] = "1"
    words += ["--framework", "transformers=5.23.0"]
    terms = json.loads(cli("estimate", *words, "--output-format", "json").stdout)["gpu"]["terms"]
    kept = next(term for term in terms if term["name"] == "activations kept for backward")
    assert (kept["high"] > 1.1 * kept["expected"]) is is_wider
