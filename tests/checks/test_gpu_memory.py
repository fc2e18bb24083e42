"""MEM102: when a GPU is too small, where the finding stands, and when nothing is said."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ftlint.checks.gpu_memory import gpu_step_peak
from ftlint.findings import Match, Severity
from ftlint.knowledge.gpus import find_gpu
from ftlint.memory import estimate
from ftlint.memory.estimate import exactly
from ftlint.run.fact import NOTHING, UNKNOWN, Fact, written
from ftlint.run.run import AdapterFacts, BatchFacts, HardwareFacts, Method, ParallelKind, Run
from ftlint.run.versions import VersionView
from ftlint.spans import Location, Span
from tests.memory.runs import LLAMA_3_8B, LLAMA_7B, lora, make_run, said

FILE = Path("train.yaml")
METHOD, BATCH, SCRIPT = (Location(Path(name), Span(at, at + 4)) for name, at in ((FILE, 10), (FILE, 30), ("a.py", 0)))


def run_on(gpu: str | None, config: dict[str, object] = LLAMA_3_8B, **words: Any) -> Run:
    """A run of one file, trained on one GPU, with the method's and the batch's places."""
    run = make_run(config, **{"kind": ParallelKind.SINGLE, "master": said(None), **words})
    found = None if gpu is None else find_gpu(gpu)
    method: Fact[Method] = written(Method.FULL, METHOD)
    adapter = run.adapter if run.adapter.method.value is not Method.FULL else AdapterFacts(method=method)
    return replace(run, adapter=adapter, hardware=HardwareFacts(gpu=NOTHING if found is None else said(found)))


def with_batch(run: Run, micro: int, length: int, *, filled: bool = True) -> Run:
    training = replace(
        run.training, gradient_checkpointing=said(True), attention=said("flash_attention_2"), loss=said("full")
    )
    batch = BatchFacts(written(micro, BATCH), said(length), said(1), said(filled))
    return replace(run, batch=batch, training=training)


def check(run: Run) -> list[Match]:
    found = estimate(run, versions=VersionView({}))
    assert found is not None
    return list(gpu_step_peak(run, found))


def test_states_that_are_too_large_are_an_error_at_the_method() -> None:
    (match,) = check(run_on("A100-40GB"))
    assert match.severity is Severity.ERROR
    assert match.at == METHOD
    assert match.values["needed"] == "at least 80.5 GB"  # 10 bytes x 8.03 billion, and the least of what is beside
    assert match.values["moment"] == "at the optimizer step"
    assert "optimizer states 32.1 GB" in match.related[0].message


def test_a_batch_that_is_too_large_is_an_error_at_the_batch() -> None:
    """64 x 4096 tokens leave 128,256 logits each, in 16 and in 32 bits."""
    run = run_on("A100-80GB", LLAMA_7B, adapter=lora(8), optimizer="adamw_torch_fused")
    (match,) = check(with_batch(run, 64, 4096))
    assert match.severity is Severity.ERROR
    assert match.at == BATCH
    assert check(with_batch(run, 1, 1024)) == []


def test_sequences_that_may_be_shorter_accuse_nobody() -> None:
    run = run_on("A100-80GB", LLAMA_7B, adapter=lora(8), optimizer="adamw_torch_fused")
    assert check(with_batch(run, 64, 4096, filled=False)) == []


def test_what_is_only_expected_is_a_warning() -> None:
    """An optimizer of which only the expected states do not fit."""
    (match,) = check(run_on("A100-40GB", optimizer="lomo_of_ones_own"))
    assert match.severity is Severity.WARNING
    assert match.values["needed"].startswith("about ")


@pytest.mark.parametrize(
    "run",
    [
        run_on(None),
        run_on("H200"),
        run_on("A100-40GB", kind=ParallelKind.FSDP, gpus=None),
        replace(run_on("A100-40GB"), root=SCRIPT, parallel=replace(run_on(None).parallel, kind=NOTHING)),
    ],
    ids=["no GPU", "room enough", "ranks unknown", "a script that says no parallelism"],
)
def test_silent(run: Run) -> None:
    assert check(run) == []


def test_what_the_allocator_gives_back_is_not_held_against_a_run() -> None:
    run = with_batch(run_on("A100-80GB", optimizer="adamw_torch_fused", adapter=lora(8)), 6, 4096)
    found = estimate(run, versions=VersionView({}))
    assert found is not None
    assert found.gpu_capacity is not None
    wanted = sum(term.size.expected_bytes for term in found.gpu_terms if term.is_given_back)
    assert wanted > 2 * 10**9
    tight = replace(found, gpu_capacity=exactly(found.gpu_needed.expected_bytes + 10**8))
    assert list(gpu_step_peak(run, tight)) == []


def test_states_of_an_optimizer_that_cannot_be_seen_accuse_nobody() -> None:
    """7 billion in bfloat16 with Adam's two states are 40 GB and more; one without states would do."""
    run = run_on("A100-40GB", LLAMA_7B)
    assert check(run) != []
    unseen: Fact[str] = Fact(UNKNOWN, said("").origins)
    assert check(replace(run, training=replace(run.training, optimizer=unseen))) == []


@pytest.mark.parametrize(("num_gpus", "severity"), [(1, Severity.ERROR), (8, Severity.WARNING)])
def test_what_a_launch_that_is_not_seen_may_shard_is_no_error(num_gpus: int, severity: Severity) -> None:
    """`accelerate launch --config_file` starts LLaMA-Factory's settings too; one GPU has nobody to share with."""
    run = run_on("A100-40GB")
    parallel = replace(run.parallel, kind=NOTHING, gpus_per_node=said(num_gpus), num_nodes=said(1))
    (match,) = check(replace(run, parallel=parallel))
    assert match.severity is severity


def test_written_sharding_that_does_not_help_stays_an_error() -> None:
    run = run_on("A100-40GB", kind=ParallelKind.DDP)
    (match,) = check(replace(run, parallel=replace(run.parallel, gpus_per_node=said(8), num_nodes=said(1))))
    assert match.severity is Severity.ERROR
