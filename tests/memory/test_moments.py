"""When gradients, buffers and activations are there, against arithmetic by hand and published peaks."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ftlint.memory import Estimate, Interval, Moment, Verdict
from ftlint.memory.estimate import PASS, Place, exactly, sums_by_moment
from ftlint.project.spec import parse_spec
from ftlint.run.dtype import DType
from ftlint.run.fact import UNKNOWN, Fact, Unknown
from ftlint.run.run import AdapterFacts, BatchFacts, Method, ParallelKind, ReferenceModel, Run
from tests.memory.runs import LLAMA_3_8B, LLAMA_7B, TINY, estimated, lora, make_run, releases, said, term

LLAMA_3_COUNT = 8_030_261_248
VOCABULARY, HIDDEN, FFN, LAYER = 128_256, 4096, 14_336, 218_112_000
NO_COPY: Fact[DType | None] = said(None)
COPY: Fact[DType | None] = said(DType.FLOAT32)
GB = 10**9
WORKSPACES = 2 * (2 * 4 * 2**20 + 8 * 16 * 2**10)


def at(found: Estimate, name: str, moment: Moment) -> int:
    """Expected bytes of all terms of that name at one moment."""
    return sum(term.size.expected_bytes for term in found.tensor_terms if term.name == name and moment in term.moments)


def full(**changes: Any) -> Run:
    return make_run(LLAMA_3_8B, **{"kind": ParallelKind.SINGLE, "master": NO_COPY, **changes})


def with_batch(run: Run, micro: int, length: int, **training: Any) -> Run:
    words: dict[str, Any] = {
        "gradient_checkpointing": True,
        "attention": "flash_attention_2",
        "loss": "liger",
        "kernels": "fused",
    }
    chosen: dict[str, Any] = {name: said(value) for name, value in (words | training).items()}
    return replace(
        run,
        batch=BatchFacts(said(micro), said(length), said(1), said(True)),
        training=replace(run.training, **chosen),
    )


# Gradients ----------------------------------------------------------------------------------------------------------


def test_gradients_appear_from_the_output_layer_down() -> None:
    found = estimated(full())
    so_far = {moment: at(found, "gradients so far", moment) for moment in PASS}
    assert so_far == {
        Moment.LOSS: 0,
        Moment.BACKWARD_START: 2 * VOCABULARY * HIDDEN,
        Moment.BACKWARD_END: 2 * (LLAMA_3_COUNT - VOCABULARY * HIDDEN - LAYER),
        Moment.BACKWARD_EMBEDDING: 2 * (LLAMA_3_COUNT - VOCABULARY * HIDDEN),
    }
    assert at(found, "gradients", Moment.OPTIMIZER_STEP) == 2 * LLAMA_3_COUNT
    assert at(found, "gradient of one matrix", Moment.BACKWARD_START) == 2 * FFN * HIDDEN


def test_a_tied_embedding_has_its_gradient_from_the_start() -> None:
    found = estimated(make_run({**LLAMA_3_8B, "tie_word_embeddings": True}, kind=ParallelKind.SINGLE, master=NO_COPY))
    assert at(found, "gradients so far", Moment.BACKWARD_START) == 2 * VOCABULARY * HIDDEN
    assert at(found, "gradients so far", Moment.BACKWARD_EMBEDDING) == 2 * found.num_parameters


def test_accumulated_gradients_are_there_all_the_time() -> None:
    found = estimated(full(accumulation=4))
    assert {at(found, "gradients", moment) for moment in (*PASS, Moment.OPTIMIZER_STEP)} == {2 * LLAMA_3_COUNT}


def test_an_unknown_accumulation_may_be_one_or_more() -> None:
    found = estimated(full(accumulation=None))
    (start,) = [t.size for t in found.tensor_terms if t.name == "gradients so far" and Moment.LOSS in t.moments]
    assert start == Interval(0, 0, 2 * LLAMA_3_COUNT)


def test_layerwise_optimizers_keep_no_gradients() -> None:
    found = estimated(full(optimizer="galore_adamw_layerwise"))
    assert at(found, "gradients", Moment.OPTIMIZER_STEP) == 0
    assert at(found, "gradient of one matrix", Moment.BACKWARD_START) > 0


def test_an_optimizer_that_cannot_be_seen_may_keep_none() -> None:
    found = estimated(full(optimizer="mine"))
    sizes = [term.size for term in found.tensor_terms if term.name.startswith("gradients")]
    assert {size.low_bytes for size in sizes} == {0}
    assert max(size.expected_bytes for size in sizes) == 2 * LLAMA_3_COUNT


def test_frozen_layers_have_none() -> None:
    adapter = AdapterFacts(method=said(Method.FREEZE), trainable_layers=said(2))
    found = estimated(make_run(LLAMA_3_8B, kind=ParallelKind.SINGLE, master=NO_COPY, adapter=adapter))
    assert at(found, "gradients so far", Moment.BACKWARD_START) == 0
    assert at(found, "gradients so far", Moment.BACKWARD_END) == 2 * LAYER


def test_layers_at_one_end_are_reckoned() -> None:
    """The last layers have no backward below them; the first ones have all frozen layers above."""
    kept = {}
    for count in (2, -2, 30, -30, 32):
        adapter = AdapterFacts(method=said(Method.FREEZE), trainable_layers=said(count), recomputes_frozen=said(False))
        run = make_run(LLAMA_3_8B, kind=ParallelKind.SINGLE, master=NO_COPY, adapter=adapter)
        found = estimated(with_batch(run, micro=1, length=2048, gradient_checkpointing=False))
        assert not found.gpu_missing
        kept[count] = at(found, "activations kept for backward", Moment.LOSS)
    assert kept[2] < kept[30] < kept[-30] < kept[32]
    assert kept[2] * 10 < kept[-2]


def test_no_layer_at_all_has_no_pass() -> None:
    adapter = AdapterFacts(method=said(Method.FREEZE), trainable_layers=said(0))
    run = make_run(LLAMA_3_8B, kind=ParallelKind.SINGLE, master=NO_COPY, adapter=adapter)
    assert estimated(with_batch(run, micro=1, length=2048)).gpu_missing


def test_a_classifier_has_no_use_for_a_language_models_loss() -> None:
    """`num_labels` logits for each token: whatever loss is asked for, the hump is that of the last layer's forward."""
    peaks = set()
    for loss in ("full", "liger", "chunked"):
        run = full(model_class="AutoModelForSequenceClassification")
        found = estimated(with_batch(run, micro=1, length=2048, loss=loss, kernels="standard"))
        assert not found.gpu_missing
        peaks.add(at(found, "logits and loss", Moment.LOSS))
    (peak,) = peaks
    assert peak < 2048 * VOCABULARY


# Preference training ------------------------------------------------------------------------------------------------


def preferring(reference: ReferenceModel | Unknown, pairs: int = 2, **words: Any) -> Estimate:
    run = with_batch(make_run(LLAMA_3_8B, **words), micro=1, length=2048, loss="full")
    return estimated(
        replace(
            run,
            batch=replace(run.batch, sequences_per_example=said(pairs)),
            training=replace(run.training, reference=Fact(reference, said(1).origins)),
        )
    )


def test_pairs_are_two_sequences() -> None:
    found = preferring(ReferenceModel.NONE, kind=ParallelKind.SINGLE, master=NO_COPY)
    run = with_batch(make_run(LLAMA_3_8B, kind=ParallelKind.SINGLE, master=NO_COPY), micro=2, length=2048, loss="full")
    assert found.gpu_allocated == estimated(run).gpu_allocated


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        ({"kind": ParallelKind.SINGLE}, 1),
        ({"kind": ParallelKind.DDP, "gpus": 4}, 1),
        ({"kind": ParallelKind.ZERO, "stage": 2, "gpus": 4}, 1),
        ({"kind": ParallelKind.ZERO, "stage": 3, "gpus": 4}, 4),
        ({"kind": ParallelKind.FSDP, "gpus": 4}, 4),
    ],
)
def test_a_reference_is_sharded_as_the_policy_is(words: dict[str, Any], parts: int) -> None:
    size = term(preferring(ReferenceModel.COPY, **words), "reference model", on_gpu=True)
    assert size.low_bytes == size.expected_bytes == 2 * LLAMA_3_COUNT // parts
    maybe = term(preferring(UNKNOWN, **words), "reference model", on_gpu=True)
    assert (maybe.low_bytes, maybe.high_bytes) == (0, size.high_bytes)


def test_adapters_that_are_switched_off_are_no_copy_but_a_pass() -> None:
    found = preferring(ReferenceModel.ADAPTERS_OFF, kind=ParallelKind.SINGLE, adapter=lora())
    assert not any(each.name == "reference model" for each in found.terms)
    assert at(found, "logits of the reference's pass", Moment.LOSS) == 4 * 2 * 2048 * VOCABULARY


# Peaks --------------------------------------------------------------------------------------------------------------


def test_full_training_peaks_where_it_was_measured() -> None:
    """Mistral-7B and Llama-3-8B on one A100, foreach AdamW in bf16: states and cuBLAS' workspaces, to a megabyte."""
    run = with_batch(full(optimizer="adamw_torch"), micro=4, length=4096)
    found = estimated(run, releases(torch="2.4.1", transformers="4.45.2"))
    assert found.gpu_allocated.expected_bytes == pytest.approx(80_318_097_408, abs=3_000_000)


@pytest.mark.parametrize(("micro", "measured"), [(8, 44_061_352_448), (16, 60_306_944_512)])
def test_fsdp_peaks_where_backward_starts(micro: int, measured: int) -> None:
    """Llama-3-8B on 4 A100s, float32 masters, 4096 tokens, published: activations decide."""
    run = make_run(LLAMA_3_8B, kind=ParallelKind.FSDP, gpus=4, master=COPY, optimizer="adamw_torch")
    found = estimated(with_batch(run, micro, 4096), releases(torch="2.4.1", transformers="4.45.2"))
    assert found.gpu_allocated.expected_bytes == pytest.approx(measured, rel=0.005)
    sums = sums_by_moment(found.tensor_terms)
    assert max(PASS, key=lambda moment: sums[moment].expected_bytes) is Moment.BACKWARD_START


def test_the_first_fsdp_holds_layer_inputs_twice_over_frozen_layers() -> None:
    """Mistral and Llama under LoRA: 4 x layers x hidden x tokens at backward's end, on 2 GPUs as on 4."""
    adapter = lora(16, ("q_proj", "k_proj", "v_proj", "o_proj"))
    run = make_run(LLAMA_3_8B, kind=ParallelKind.FSDP, gpus=2, master=COPY, adapter=adapter)
    found = estimated(with_batch(run, 4, 4096), releases(torch="2.4.1", transformers="4.45.2"))
    inputs = at(found, "layer inputs kept for backward", Moment.BACKWARD_END)
    held = at(found, "layer inputs and gradients that FSDP holds", Moment.BACKWARD_END)
    assert inputs + held == pytest.approx(4 * 32 * HIDDEN * 4 * 4096, rel=0.01)
    second = replace(run, parallel=replace(run.parallel, fsdp_version=said(2)))
    assert at(estimated(with_batch(second, 4, 4096)), "layer inputs and gradients that FSDP holds", PASS[2]) == 0


def test_qlora_residents() -> None:
    """Double-quantized, rank 16 on q, k, v and o, published between steps: 4.306 GB, 5.884 and 37.179."""
    for model, published in (
        ("mistralai/Mistral-7B-v0.1", 4.306),
        ("meta-llama/Meta-Llama-3-8B", 5.884),
        ("NousResearch/Llama-2-70b-hf", 37.179),
    ):
        quantization = {"type": "nf4", "double": True, "prepared": False}
        adapters = {"rank": 16, "target": ["q_proj", "k_proj", "v_proj", "o_proj"]}
        spec = parse_spec({"model": model, "method": "qlora", "quantization": quantization, "lora": adapters})
        found = estimated(spec.run, spec.versions)
        resident = ("frozen weights", "trained weights", "optimizer states")
        assert sum(at(found, name, Moment.SAVING) for name in resident) / GB == pytest.approx(published, rel=0.005)


def test_preparing_makes_float32_of_what_is_not_quantized() -> None:
    sizes = {}
    for prepared in (True, False, None):
        quantization = {"type": "nf4", "double": True, "prepared": prepared}
        spec = parse_spec({"model": "meta-llama/Meta-Llama-3-8B", "method": "qlora", "quantization": quantization})
        found = estimated(spec.run, spec.versions)
        (sizes[prepared],) = [term.size for term in found.tensor_terms if term.name == "frozen weights"]
    plain = 2 * VOCABULARY * HIDDEN + (2 * 32 + 1) * HIDDEN
    assert sizes[True].low_bytes - sizes[False].low_bytes == 2 * plain
    assert (sizes[None].low_bytes, sizes[None].high_bytes) == (sizes[False].low_bytes, sizes[True].high_bytes)


# Buffers ------------------------------------------------------------------------------------------------------------


def test_ddp_keeps_a_second_copy_of_gradients() -> None:
    found = estimated(full(kind=ParallelKind.DDP, gpus=8))
    assert at(found, "DDP gradient buckets", Moment.LOADING) == 2 * LLAMA_3_COUNT


@pytest.mark.parametrize(
    ("words", "low", "expected", "high"),
    [
        ({"stage": 2, "reduce_bucket_size": 10**8, "overlap_comm": False}, 2e8, 2e8, 2e8),
        ({"stage": 2, "reduce_bucket_size": 10**8, "overlap_comm": True}, 4e8, 4e8, 4e8),
        ({"stage": 2, "reduce_bucket_size": 10**8}, 2e8, 2e8, 4e8),
        ({"stage": 3, "reduce_bucket_size": 10**8}, 2e8, 2e8, 2e8),
        ({"stage": 3}, 2 * 4096**2, 2 * 4096**2, 2 * 5e8),  # "auto" is hidden^2, DeepSpeed's own default 5e8
    ],
)
def test_reduce_buckets(words: dict[str, Any], low: float, expected: float, high: float) -> None:
    parallel = {"kind": "zero", "gpus_per_node": 8, **words}
    spec = parse_spec({"model": "meta-llama/Meta-Llama-3-8B", "parallel": parallel})
    found = estimated(spec.run, spec.versions)
    (size,) = [term.size for term in found.tensor_terms if term.name == "reduce bucket"]
    assert (size.low_bytes, size.expected_bytes, size.high_bytes) == (low, expected, high)


def test_zero_3_gathers_what_is_used_soon_again() -> None:
    parallel = {"kind": "zero", "stage": 3, "gpus_per_node": 8, "max_live_parameters": 10**9, "prefetch_bucket_size": 0}
    spec = parse_spec({"model": "meta-llama/Meta-Llama-3-8B", "parallel": parallel})
    found = estimated(spec.run, spec.versions)
    (size,) = [term.size for term in found.tensor_terms if term.name == "gathered weights"]
    assert size.low_bytes == 2 * LAYER  # a layer is smaller than the output layer
    assert size.expected_bytes == 2 * VOCABULARY * HIDDEN  # which is more than half of what may stay
    assert size.high_bytes == 2 * (10**9 + VOCABULARY * HIDDEN)


@pytest.mark.parametrize("strategy", ["SHARD_GRAD_OP", "HYBRID_SHARD_ZERO2"])
def test_units_may_stay_whole_until_backward(strategy: str) -> None:
    """All layers, the one in use among them, are there at the loss, in the format of the arithmetic."""
    parallel = {"kind": "fsdp", "gpus_per_node": 8, "strategy": strategy}
    spec = {"model": {"config": LLAMA_3_8B}, "parallel": parallel, "batch": {"micro": 1, "seq_len": 128}}
    found = estimated(parse_spec(spec).run)
    assert at(found, "layers kept whole", Moment.LOSS) == 31 * LAYER * 2
    assert at(found, "layers kept whole", Moment.BACKWARD_START) == 31 * LAYER * 2
    assert at(found, "layers kept whole", Moment.BACKWARD_END) == 0
    parallel["strategy"] = "FULL_SHARD"
    assert at(estimated(parse_spec(spec).run), "layers kept whole", Moment.LOSS) == 0


@pytest.mark.parametrize(("strategy", "ranks"), [("FULL_SHARD", 16), ("HYBRID_SHARD", 8), ("NO_SHARD", 1)])
def test_fsdp_shards_as_its_strategy_says(strategy: str, ranks: int) -> None:
    parallel = {"kind": "fsdp", "gpus_per_node": 8, "nodes": 2, "strategy": strategy}
    spec = parse_spec({"model": "meta-llama/Meta-Llama-3-8B", "parallel": parallel})
    weights = at(estimated(spec.run, spec.versions), "trained weights", Moment.LOADING)
    assert weights == pytest.approx(4 * LLAMA_3_COUNT / ranks, abs=4)


def test_accumulating_under_fsdp_leaves_gradients_whole() -> None:
    run = make_run(LLAMA_7B, kind=ParallelKind.FSDP, gpus=8, master=COPY, accumulation=4)
    found = estimated(run)
    assert at(found, "gradients not yet reduced", Moment.LOSS) == 2 * found.num_parameters


def test_dora_trains_a_magnitude_for_each_output() -> None:
    words = {"model": {"config": TINY}, "method": "lora", "lora": {"rank": 4, "target": ["q_proj"]}}
    plain = parse_spec(words)
    dora = parse_spec(words | {"lora": {"rank": 4, "target": ["q_proj"], "dora": True}})
    counts = [estimated(spec.run, spec.versions).num_trainable_parameters for spec in (plain, dora)]
    assert counts[1] - counts[0] == 2 * 64  # two layers, 64 outputs each
    assert at(estimated(dora.run), "DoRA's weight norm", Moment.LOSS) == 0  # it is in the pass
    unplayed = estimated(replace(dora.run, batch=BatchFacts()))
    assert at(unplayed, "DoRA's weight norm", Moment.LOSS) == 4 * 4 * 128 * 64


@pytest.mark.parametrize(("gpu", "workspaces"), [("A100-80GB", WORKSPACES), ("H100-80GB", 2 * 8 * 4 * 2**20)])
def test_workspaces_follow_the_gpu(gpu: str, workspaces: int) -> None:
    spec = parse_spec({"model": {"config": TINY}, "hardware": {"gpu": gpu}})
    assert at(estimated(spec.run, spec.versions), "cuBLAS workspaces", Moment.LOSS) == workspaces


# Optimizers by release ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("packages", "temporaries"),
    [
        ({"torch": "2.7.1", "transformers": "4.57.6"}, 1),
        ({"torch": "2.8.0", "transformers": "4.53.3"}, 1),
        ({"torch": "2.8.0", "transformers": "4.57.6"}, 0),
    ],
)
def test_the_default_optimizer_follows_the_releases(packages: dict[str, str], temporaries: int) -> None:
    found = estimated(full(optimizer=None), releases(**packages))
    assert at(found, "optimizer temporaries", Moment.OPTIMIZER_STEP) == temporaries * 2 * LLAMA_3_COUNT


def test_without_releases_both_defaults_are_covered() -> None:
    found = estimated(full(optimizer=None))
    (size,) = [term.size for term in found.tensor_terms if term.name == "optimizer temporaries"]
    assert (size.low_bytes, size.high_bytes) == (0, 2 * LLAMA_3_COUNT)


# Verdicts -----------------------------------------------------------------------------------------------------------


def test_a_whole_estimate_may_fit() -> None:
    run = with_batch(full(), 1, 2048)
    found = replace(estimated(run), gpu_capacity=exactly(200 * GB), host_capacity_bytes=10**12)
    assert found.gpu_missing == ()
    assert found.verdict is Verdict.FITS
    assert found.gpu_needed.expected_bytes <= found.gpu_reserved.expected_bytes


def test_without_a_length_it_never_does() -> None:
    found = replace(estimated(full()), gpu_capacity=exactly(200 * GB), host_capacity_bytes=10**12)
    assert found.gpu_missing == ("activations", "logits and loss")
    assert found.gpu_verdict is Verdict.UNKNOWN


def test_reserved_ends_at_the_gpus_memory() -> None:
    """Kept blocks are given back when there is no room; what is needed is not."""
    found = estimated(with_batch(full(optimizer="adamw_torch_fused"), 8, 4096, loss="full"))
    cut = replace(found, gpu_capacity=exactly(found.gpu_needed.expected_bytes + GB))
    assert found.gpu_reserved.expected_bytes > cut.gpu_reserved.expected_bytes
    assert cut.gpu_reserved.expected_bytes == found.gpu_needed.expected_bytes + GB
    assert cut.gpu_verdict is Verdict.TIGHT
    assert replace(found, gpu_capacity=exactly(GB)).gpu_verdict is Verdict.DOES_NOT_FIT


def test_a_longest_length_accuses_nobody() -> None:
    run = with_batch(full(), 8, 8192, loss="full")
    longest = replace(run, batch=replace(run.batch, is_filled=said(False)))
    filled, may_be_short = estimated(run), estimated(longest)
    assert may_be_short.gpu_allocated.expected_bytes == filled.gpu_allocated.expected_bytes
    states = [t for t in filled.tensor_terms if t.name not in ("logits and loss",) and "backward" not in t.name]
    assert may_be_short.gpu_allocated.low_bytes <= sums_by_moment(states)[Moment.OPTIMIZER_STEP].low_bytes


def test_what_is_beside_tensors_is_not_allocated() -> None:
    found = estimated(with_batch(full(), 1, 2048))
    beside = [term for term in found.gpu_terms if term.place is Place.GPU_BESIDE]
    assert {"CUDA context", "blocks kept by the allocator"} <= {term.name for term in beside}
    without = replace(found, terms=tuple(term for term in found.terms if term.place is not Place.GPU_BESIDE))
    assert without.gpu_allocated == found.gpu_allocated
