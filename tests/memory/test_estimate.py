"""The shape of an estimate: what its figures promise, whatever the run."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftlint.knowledge.gpus import find_gpu
from ftlint.memory import Assumption, Interval, Moment, Place, Term, Verdict, estimate, estimate_json
from ftlint.memory.estimate import ALWAYS, FROM_FIRST_STEP_ON, Estimate, exactly, judge, peak
from ftlint.run.dtype import DType
from ftlint.run.fact import NOTHING, UNKNOWN, Fact
from ftlint.run.run import AdapterFacts, Method, OffloadDevice, ParallelKind, Run
from tests.memory.runs import LLAMA_3_8B, LLAMA_7B, QWEN_32B, TINY, estimated, lora, make_run, maybe_said, said

SCHEMA = Path(__file__).parents[2] / "schemas" / "estimate.json"
GB = 10**9


@st.composite
def runs(draw: st.DrawFn) -> Run:
    kind = draw(st.sampled_from(ParallelKind))
    stage = draw(st.sampled_from([0, 1, 2, 3]))
    offload = ("none", "none")
    if kind is ParallelKind.ZERO and stage == 3:
        offload = (draw(st.sampled_from(["none", "cpu", "nvme"])), draw(st.sampled_from(["none", "cpu", "nvme"])))
    elif kind is ParallelKind.ZERO and stage:
        offload = ("none", draw(st.sampled_from(["none", "cpu"])))
    elif kind is ParallelKind.FSDP:
        offload = (draw(st.sampled_from(["none", "cpu"])), "none")
    adapter = draw(
        st.sampled_from(
            [
                AdapterFacts(method=said(Method.FULL)),
                AdapterFacts(method=said(Method.FREEZE), trainable_layers=said(1)),
                AdapterFacts(method=said(Method.LORA)),
                lora(4),
                lora(4, method=Method.QLORA),
            ]
        )
    )
    run = make_run(
        draw(st.sampled_from([TINY, LLAMA_3_8B])),
        kind=kind,
        stage=stage,
        gpus=draw(st.integers(1, 16)),
        nodes=draw(st.integers(1, 8)),
        offload=offload,
        pin=draw(st.sampled_from([True, False, None])),
        weights=draw(st.sampled_from([DType.BFLOAT16, DType.FLOAT32, None])),
        compute=draw(st.sampled_from([DType.BFLOAT16, DType.FLOAT32, None])),
        optimizer=draw(st.sampled_from(["adamw_torch", "adafactor", "paged_adamw_8bit", "muon", None])),
        accumulation=draw(st.sampled_from([1, 4, None])),
        ram_bytes=draw(st.sampled_from([None, GB, 10**13])),
        adapter=adapter,
    )
    gpu = find_gpu("A100-80GB")
    return replace(
        run,
        batch=replace(
            run.batch,
            micro_batch=maybe_said(draw(st.sampled_from([None, 1, 4]))),
            sequence_length_tokens=maybe_said(draw(st.sampled_from([None, 1, 1000, 4096]))),
            is_filled=maybe_said(draw(st.sampled_from([None, True]))),
        ),
        training=replace(
            run.training,
            gradient_checkpointing=maybe_said(draw(st.sampled_from([None, True, False]))),
            attention=maybe_said(draw(st.sampled_from([None, "eager", "sdpa", "flash_attention_2"]))),
            loss=maybe_said(draw(st.sampled_from([None, "full", "fused", "chunked", "liger"]))),
        ),
        hardware=replace(run.hardware, gpu=maybe_said(draw(st.sampled_from([None, gpu])))),
    )


@given(runs())
def test_every_interval_is_in_order(run: Run) -> None:
    found = estimated(run)
    sizes = (
        found.gpu_allocated,
        found.gpu_needed,
        found.gpu_reserved,
        found.host_total,
        found.host_pinned,
        found.host_pageable,
    )
    for size in (*sizes, *(term.size for term in found.terms)):
        assert 0 <= size.low_bytes <= size.expected_bytes <= size.high_bytes
    assert all(term.formula and term.source and term.moments for term in found.terms)


@given(runs())
def test_the_json_keeps_its_schema(run: Run) -> None:
    output = estimate_json(estimated(run), assumptions=(Assumption("class", "AutoModel", "test"),))
    jsonschema.validate(json.loads(json.dumps(output)), json.loads(SCHEMA.read_text(encoding="utf-8")))


@given(runs(), st.integers(1, 4))
def test_more_tokens_never_cost_less(run: Run, more: int) -> None:
    length: Any = run.batch.sequence_length_tokens.value
    if not isinstance(length, int):
        return
    longer = replace(run, batch=replace(run.batch, sequence_length_tokens=said(length * more)))
    few, many = estimated(run), estimated(longer)
    assert few.gpu_allocated.low_bytes <= many.gpu_allocated.low_bytes
    assert few.gpu_allocated.expected_bytes <= many.gpu_allocated.expected_bytes
    assert few.gpu_allocated.high_bytes <= many.gpu_allocated.high_bytes
    assert few.host_total == many.host_total


@given(runs())
def test_the_peak_is_the_worst_moment(run: Run) -> None:
    found = estimated(run)
    for moment in Moment:
        there = [term.size.expected_bytes for term in found.tensor_terms if moment in term.moments]
        assert sum(there) <= found.gpu_allocated.expected_bytes


@given(runs(), st.integers(1, 4))
def test_more_layers_never_cost_less(run: Run, more: int) -> None:
    larger = replace(run.model, architecture=said(_with_layers(run, more)))
    few, many = estimated(run), estimated(replace(run, model=larger))
    for before, after in ((few.gpu_allocated, many.gpu_allocated), (few.host_total, many.host_total)):
        assert before.low_bytes <= after.low_bytes
        assert before.high_bytes <= after.high_bytes


def _with_layers(run: Run, more: int) -> Any:
    found: Any = run.model.architecture.value
    return replace(found, num_layers=found.num_layers + more)


@given(runs())
def test_more_nodes_never_cost_a_node_more(run: Run) -> None:
    nodes: Any = run.parallel.num_nodes.value
    twice = replace(run, parallel=replace(run.parallel, num_nodes=said(2 * nodes)))
    few, many = estimated(run), estimated(twice)
    # Shares are rounded up to whole elements, tensor by tensor: a few bytes for each of at most a thousand tensors.
    slack = 16 * 1000 * 16
    assert many.host_total.low_bytes <= few.host_total.low_bytes + slack
    assert many.gpu_allocated.low_bytes <= few.gpu_allocated.low_bytes + slack


@given(runs())
def test_a_gpu_never_fits_by_states_alone(run: Run) -> None:
    run = replace(run, batch=replace(run.batch, sequence_length_tokens=NOTHING))
    found = replace(estimated(run), gpu_capacity=exactly(10**15), host_capacity_bytes=10**15)
    assert found.host_verdict is Verdict.FITS
    assert found.gpu_verdict is Verdict.UNKNOWN
    assert found.verdict is Verdict.UNKNOWN
    assert replace(found, gpu_missing=()).verdict is Verdict.FITS
    assert any(assumption.key == "gpu" for assumption in found.assumptions)


def test_states_that_are_too_large_are_a_proof() -> None:
    found = replace(estimated(make_run(QWEN_32B, gpus=1)), gpu_capacity=exactly(80 * GB))
    assert found.verdict is Verdict.DOES_NOT_FIT
    assert replace(found, is_rank_count_known=False).gpu_verdict is Verdict.UNKNOWN


def test_an_unsaid_number_of_gpus_is_one_and_listed() -> None:
    found = estimated(make_run(QWEN_32B, gpus=None, nodes=None))
    assert not found.is_rank_count_known
    assert {"parallel.gpus_per_node", "parallel.num_nodes"} <= {assumption.key for assumption in found.assumptions}
    assert found.deepspeed == estimated(make_run(QWEN_32B)).deepspeed


@pytest.mark.parametrize(
    "hidden",
    [
        {"model": {"architecture": Fact(UNKNOWN, said(1).origins)}},
        {"adapter": {"method": Fact(UNKNOWN, said(1).origins)}},
        {"parallel": {"kind": Fact(UNKNOWN, said(1).origins)}},
        {"parallel": {"zero_stage": Fact(UNKNOWN, said(1).origins)}},
        {"parallel": {"offload_optimizer": Fact(UNKNOWN, said(1).origins)}},
        {"model": {"model_class": Fact(UNKNOWN, said(1).origins)}},
    ],
    ids=lambda hidden: str(hidden)[2:30],
)
def test_what_cannot_be_seen_has_no_estimate(hidden: dict[str, dict[str, Fact[Any]]]) -> None:
    run = make_run(LLAMA_7B)
    for section, facts in hidden.items():
        run = replace(run, **{section: replace(getattr(run, section), **facts)})
    assert estimate(run) is None


def test_numbers_without_a_model() -> None:
    run = make_run(LLAMA_7B, offload=("cpu", "cpu"))
    numbers = replace(
        run.model,
        architecture=NOTHING,
        num_parameters=said(32_763_876_352),
        largest_layer_num_parameters=said(778_567_680),
    )
    found = estimated(replace(run, model=numbers))
    exact = estimated(make_run(QWEN_32B, offload=("cpu", "cpu")))
    assert found.deepspeed == exact.deepspeed
    assert found.host_total.low_bytes == exact.host_total.low_bytes


def test_totals_are_taken_at_each_places_own_worst_moment() -> None:
    terms = (
        _term("a", Place.HOST_PINNED, (Moment.LOADING,), 5),
        _term("b", Place.HOST_PAGEABLE, FROM_FIRST_STEP_ON, 4),
        _term("c", Place.HOST_PAGEABLE, ALWAYS, 2),
        _term("d", Place.GPU, (Moment.OPTIMIZER_STEP,), 9),
    )
    found = Estimate("x", terms, None, None, None, (), {}, 1, 1)
    assert found.host_total.expected_bytes == 7
    assert found.host_pinned.expected_bytes == 5
    assert found.host_pageable.expected_bytes == 6
    assert found.gpu_allocated.expected_bytes == 9
    assert peak(()) == Interval(0, 0, 0)
    assert [term.moment for term in terms[:3]] == ["loading", "from the first step on", "always"]


def _term(name: str, place: Place, moments: tuple[Moment, ...], size: int) -> Term:
    return Term(name, place, moments, Interval(size, size, size), "1 x 1", "test")


@pytest.mark.parametrize(
    ("capacity", "verdict"),
    [(None, Verdict.UNKNOWN), (9, Verdict.DOES_NOT_FIT), (10, Verdict.TIGHT), (29, Verdict.TIGHT), (30, Verdict.FITS)],
)
def test_verdicts_at_the_edges(capacity: int | None, verdict: Verdict) -> None:
    assert judge(Interval(10, 20, 30), None if capacity is None else exactly(capacity)) is verdict


def test_a_capacity_that_varies_proves_less() -> None:
    assert judge(exactly(10), Interval(8, 9, 10)) is Verdict.TIGHT
    assert judge(exactly(10), Interval(8, 8, 9)) is Verdict.DOES_NOT_FIT
    assert judge(exactly(8), Interval(8, 9, 10)) is Verdict.FITS


@pytest.mark.parametrize("ends", [(2, 1, 3), (1, 3, 2), (-1, 0, 1)])
def test_an_interval_out_of_order_is_refused(ends: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="not an interval"):
        Interval(*ends)


def test_facts_that_were_read_keep_their_origins() -> None:
    run = make_run(LLAMA_7B, offload=("cpu", "cpu"), ram_bytes=GB)
    found = estimated(run)
    assert found.facts["parallel.offload_param"] is run.parallel.offload_param
    assert found.facts["hardware.host_ram_bytes"].value == GB
    assert run.parallel.offload_param.value is OffloadDevice.CPU
