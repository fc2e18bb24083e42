"""The search over changes, with an estimator that is made up here: it counts in GB, and says what a change saves."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ftlint.advice import Advice, find_advice, largest_micro_batch, longest_sequence
from ftlint.advice.catalogue import changes_for
from ftlint.memory import Estimate, Place
from ftlint.memory.estimate import ALWAYS, Term, exactly
from ftlint.run.fact import NOTHING, Fact, default
from ftlint.run.run import (
    AdapterFacts,
    BatchFacts,
    Method,
    OffloadDevice,
    ParallelFacts,
    ParallelKind,
    ReferenceModel,
    Run,
    TrainingFacts,
)

GB = 10**9


def run(**sections: object) -> Run:
    """Full training of something with micro batch 8 on one GPU."""
    usual = {
        "batch": BatchFacts(default(8, ""), default(4096, ""), default(1, "")),
        "training": TrainingFacts(
            optimizer=default("adamw_torch_fused", ""),
            gradient_checkpointing=default(False, ""),
            attention=default("sdpa", ""),
            loss=default("full", ""),
        ),
        "adapter": AdapterFacts(method=default(Method.FULL, "")),
        "parallel": ParallelFacts(kind=default(ParallelKind.SINGLE, "")),
    }
    return Run(name="made up", **{**usual, **sections})  # type: ignore[arg-type]


def needed_gb(run: Run) -> float:
    """40 of states, less with adapters and sharding; activations by token, less with checkpointing; logits likewise."""
    states = {Method.LORA: 15.0, Method.QLORA: 5.0}.get(run.adapter.method.or_default(Method.FULL), 40.0)
    if run.training.optimizer.value == "adamw_8bit":
        states = min(states, 25.0)
    if run.parallel.kind.value is ParallelKind.ZERO:
        states /= run.parallel.gpus_per_node.or_default(1)
    if run.parallel.offload_optimizer.value is OffloadDevice.CPU:
        states /= 4
    tokens = run.batch.micro_batch.or_default(1) * run.batch.sequence_length_tokens.or_default(1) / 4096
    per_token = 1.0 if run.training.gradient_checkpointing.value is True else 6.0
    logits = 0.0 if run.training.loss.value == "liger" else 1.0
    return states + tokens * (per_token + logits)


def estimator(capacity_gb: float, doubt: float = 0.0) -> object:
    def estimate(run: Run) -> Estimate:
        size = needed_gb(run) * GB
        term = Term("all of it", Place.GPU, ALWAYS, exactly(0), "", "")
        interval = type(term.size)(int(size * max(0, 1 - doubt)), int(size), int(size * (1 + doubt)))
        return Estimate(
            run_name=run.name,
            terms=(Term("all of it", Place.GPU, ALWAYS, interval, "", ""),),
            gpu_capacity=exactly(int(capacity_gb * GB)),
            host_capacity_bytes=10**15,
            deepspeed=None,
            assumptions=(),
            facts={},
            num_parameters=1,
            num_trainable_parameters=1,
            gpu_missing=(),
        )

    return estimate


def titles(advice: tuple[Advice, ...]) -> list[list[str]]:
    return [[change.title for change in each.changes] for each in advice]


def find(run: Run, capacity_gb: float, doubt: float = 0.0) -> tuple[Advice, ...]:
    return find_advice(run, estimator(capacity_gb, doubt))  # type: ignore[arg-type]


def test_a_run_that_fits_needs_nothing() -> None:
    assert titles(find(run(), 200))[0] == []


def test_the_mildest_change_comes_first() -> None:
    """96 GB are needed: Liger alone saves 8, checkpointing 40; a smaller micro batch changes the order of sums."""
    found = titles(find(run(), 60))
    assert found[0] == ["Turn on gradient checkpointing"]
    assert ["Cut the micro batch to 2"] in found
    assert all(each != [] for each in found)


def test_no_answer_contains_another() -> None:
    """Nor a further cut of the micro batch where a smaller one was enough beside the same changes."""
    advice = find(run(), 60)
    found = [frozenset(each) for each in titles(advice)]
    reach = [{title for change in each.changes for title in (change.title, *change.beyond)} for each in advice]
    assert all(not one <= covered for one in found for other, covered in zip(found, reach, strict=True) if one != other)


def test_changes_are_put_together_where_one_is_not_enough() -> None:
    """One long sequence needs 47 GB, 42 with checkpointing, 46 with Liger, 41 with both."""
    one = run(batch=BatchFacts(default(1, ""), default(4096, ""), default(1, "")))
    found = find(one, 41)
    assert set(titles(found)[0]) == {"Turn on gradient checkpointing", "Use Liger's fused linear cross-entropy"}
    assert all(needed_gb_of(each) <= 41 for each in found)


def needed_gb_of(advice: Advice) -> float:
    return advice.estimate.gpu_allocated.high_bytes / GB


def test_what_trains_something_else_comes_last() -> None:
    found = titles(find(run(), 20))
    assert any("QLoRA" in title for each in found for title in each)
    assert "Keep the optimizer's states in 8 bits" not in found[0] or len(found[0]) > 1


def test_sharding_is_offered_where_there_are_ranks() -> None:
    several = run(parallel=ParallelFacts(kind=default(ParallelKind.DDP, ""), gpus_per_node=default(4, "")))
    assert any("ZeRO-2" in title for each in titles(find(several, 45)) for title in each)
    assert not any("ZeRO" in change.title for change in changes_for(run()))


def test_likely_answers_where_none_is_certain() -> None:
    """Where the doubt is so large that nothing fits for certain, what is expected to fit is still worth trying."""
    found = find(run(), 60, doubt=50)
    assert found
    assert not any(each.fits for each in found)
    assert all(each.estimate.gpu_allocated.expected_bytes <= 60 * GB for each in found)


def test_nothing_helps() -> None:
    assert find(run(), 1) == ()


def test_a_run_that_cannot_be_estimated() -> None:
    assert find_advice(run(), lambda _run: None) == ()


@pytest.mark.parametrize(
    ("section", "facts", "dimension"),
    [
        ("adapter", AdapterFacts(method=Fact(NOTHING.value, default(1, "").origins)), "method"),
        ("training", TrainingFacts(optimizer=Fact(NOTHING.value, default(1, "").origins)), "optimizer"),
        ("training", TrainingFacts(optimizer=default("galore_adamw", "")), "optimizer"),
        ("batch", BatchFacts(), "micro batch"),
        ("batch", BatchFacts(), "sequence"),
    ],
)
def test_what_cannot_be_seen_is_not_changed(section: str, facts: object, dimension: str) -> None:
    assert dimension not in {change.dimension for change in changes_for(run(**{section: facts}))}


def test_a_micro_batch_is_halved_as_long_as_it_is_even() -> None:
    found = [
        change.facts
        for change in changes_for(run(batch=BatchFacts(default(12, ""), NOTHING, default(2, ""))))
        if change.dimension == "micro batch"
    ]
    assert found == [
        {"batch.micro_batch": 6, "batch.gradient_accumulation": 4},
        {"batch.micro_batch": 3, "batch.gradient_accumulation": 8},
    ]


def test_extremes() -> None:
    """60 GB: 20 beside the states, 7 for each sequence of 4,096 tokens."""
    assert largest_micro_batch(run(), estimator(60)) == 2  # type: ignore[arg-type]
    one = run(batch=BatchFacts(default(1, ""), default(4096, ""), default(1, "")))
    longest = longest_sequence(one, estimator(60))  # type: ignore[arg-type]
    assert longest == 20 * 4096 // 7 // 64 * 64
    assert largest_micro_batch(run(), estimator(30)) == 0  # type: ignore[arg-type]
    assert largest_micro_batch(run(), lambda _run: None) is None


def test_preference_training_is_offered_no_loss_without_logits() -> None:
    preferring = run()
    titles = {change.title for change in changes_for(preferring)}
    assert "Use Liger's fused linear cross-entropy" in titles
    compared = replace(preferring, training=replace(preferring.training, reference=default(ReferenceModel.COPY, "")))
    paired = replace(preferring, batch=replace(preferring.batch, sequences_per_example=default(2, "")))
    for each in (compared, paired):
        assert titles - {change.title for change in changes_for(each)} == {"Use Liger's fused linear cross-entropy"}
