"""Model states per GPU, against first principles and measured figures."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ftlint.knowledge.architectures import count_parameters
from ftlint.memory import Estimate, Moment, estimate
from ftlint.memory.estimate import Interval, sums_by_moment
from ftlint.memory.optimizers import OPTIMIZERS, WITHOUT_FORMULA, find_optimizer
from ftlint.project.spec import parse_spec
from ftlint.run.dtype import DType
from ftlint.run.fact import UNKNOWN, Fact
from ftlint.run.run import AdapterFacts, Method, ParallelKind, TrainingFacts
from tests.memory.runs import LLAMA_3_8B, LLAMA_7B, QWEN_32B, architecture, estimated, lora, make_run, said, term

COUNT = 6_738_415_616
EMBEDDED = 32000 * 4096 / COUNT
"""The share of the input embedding, whose states the Trainer has bitsandbytes keep in 32 bits."""
NO_COPY: Fact[DType | None] = said(None)
COPY: Fact[DType | None] = said(DType.FLOAT32)


WHATEVER_IT_TRAINS = ("cuBLAS workspaces", "small tensors")


def states(found: Estimate, moment: Moment = Moment.OPTIMIZER_STEP) -> int:
    """Expected bytes of the tensors that depend on the model."""
    terms = [term for term in found.tensor_terms if term.name not in WHATEVER_IT_TRAINS]
    return sums_by_moment(terms)[moment].expected_bytes


def per_param(found: Estimate, moment: Moment = Moment.OPTIMIZER_STEP) -> float:
    return states(found, moment) / found.num_parameters


def test_pure_bf16_peaks_at_ten_bytes() -> None:
    """Measured on 30 runs: Mistral-7B 72.42 of 72.43 GB, Llama-3-8B 80.30 of 80.32 GB."""
    run = make_run(LLAMA_3_8B, kind=ParallelKind.SINGLE, master=NO_COPY, optimizer="adamw_torch")
    found = estimated(run)
    assert found.num_parameters == count_parameters(architecture(LLAMA_3_8B))
    assert per_param(found) == 10
    assert found.gpu_allocated.expected_bytes == pytest.approx(80.32e9, rel=0.001)


@pytest.mark.parametrize(
    ("optimizer", "master", "expected"),
    [
        ("adamw_torch", NO_COPY, 10),
        ("adamw_torch_fused", NO_COPY, 8),
        ("adamw_torch", COPY, 20),
        ("adamw_torch_fused", COPY, 16),
        ("lion_32bit", NO_COPY, 8),  # bitsandbytes has no states of two bytes
        ("paged_adamw_32bit", NO_COPY, 12),
        ("adamw_8bit", NO_COPY, 4 + (2 + 8 / 256) * (1 - EMBEDDED) + 8 * EMBEDDED),
        ("adamw_torch_8bit", NO_COPY, 6.03125 + 2 * 4 * EMBEDDED),  # torchao's has no exceptions, but temporaries
        ("adafactor", NO_COPY, 4.001 + 2 * 4 * EMBEDDED),  # two float32 results for one tensor
    ],
)
def test_single_gpu_by_optimizer(optimizer: str, master: Fact[DType | None], expected: float) -> None:
    found = estimated(make_run(LLAMA_7B, kind=ParallelKind.SINGLE, master=master, optimizer=optimizer))
    assert per_param(found) == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize(("gpus", "measured_gb"), [(2, 80.32), (4, 40.17)])
def test_fsdp_shards_twenty_bytes(gpus: int, measured_gb: float) -> None:
    """Measured: Llama-3-8B under FSDP with float32 masters and foreach AdamW, on 2 and 4 GPUs."""
    run = make_run(LLAMA_3_8B, kind=ParallelKind.FSDP, gpus=gpus, master=COPY, optimizer="adamw_torch")
    step = states(estimated(run))
    assert step == pytest.approx(measured_gb * 1e9, rel=0.001)


@pytest.mark.parametrize(
    ("stage", "expected"),
    [(1, 2 + 2 + (4 + 8 + 4) / 8), (2, 2 + 2 / 8 + (4 + 8 + 4) / 8)],  # weights, gradients, master, states, gradient
)
def test_zero_1_and_2_by_hand(stage: int, expected: float) -> None:
    run = make_run(LLAMA_7B, stage=stage, gpus=8, optimizer="adamw_torch_fused")
    assert per_param(estimated(run)) == pytest.approx(expected, rel=1e-6)


def test_zero_3_by_hand() -> None:
    found = estimated(make_run(LLAMA_7B, gpus=8, optimizer="adamw_torch_fused"))
    share = COUNT / 8
    sizes = {t.name: t.size.expected_bytes / share for t in found.gpu_terms}
    for name, width in (("trained weights", 2), ("gradients", 2), ("master weights", 4), ("optimizer states", 8)):
        assert sizes[name] == pytest.approx(width, rel=1e-6)
    assert term(found, "gathered weights", on_gpu=True).low_bytes == 2 * 32000 * 4096


def test_both_offloads_leave_the_layer_in_use() -> None:
    found = estimated(make_run(QWEN_32B, offload=("cpu", "cpu")))
    names = {t.name for t in found.tensor_terms} - set(WHATEVER_IT_TRAINS)
    assert names == {
        "gathered weights", "weights too small to shard", "layer gathered to be saved", "reduce bucket",
        "gradient of one matrix",
    }  # fmt: skip


def test_qlora_weights() -> None:
    """Double-quantized Llama-3-8B, published: 5.884 GB resident with rank 16 on q, k, v and o."""
    adapter = AdapterFacts(
        method=said(Method.QLORA), lora_rank=said(16),
        lora_targets=said(("q_proj", "k_proj", "v_proj", "o_proj")),
        quantization_bits=said(4), quantization_type=said("nf4"), double_quantization=said(True),
    )  # fmt: skip
    run = make_run(LLAMA_3_8B, kind=ParallelKind.SINGLE, adapter=adapter, master=NO_COPY, optimizer="adamw_torch_fused")
    resident = states(estimated(run), Moment.LOSS)
    assert resident == pytest.approx(5.884e9, rel=0.02)


def test_lora_has_gradients_for_adapters_only() -> None:
    found = estimated(make_run(LLAMA_7B, kind=ParallelKind.SINGLE, adapter=lora(8), master=COPY))
    assert term(found, "gradients", on_gpu=True).expected_bytes == 4 * found.num_trainable_parameters
    assert term(found, "frozen weights", on_gpu=True).expected_bytes == 2 * COUNT


def test_assumed_adapters_prove_nothing() -> None:
    unsaid = AdapterFacts(method=said(Method.LORA))
    found = estimated(make_run(LLAMA_7B, kind=ParallelKind.SINGLE, adapter=unsaid))
    assert term(found, "gradients", on_gpu=True).low_bytes == 0
    assert {"adapter.lora_rank", "adapter.lora_targets"} <= {assumption.key for assumption in found.assumptions}


def test_unknown_weights_are_between_16_and_32_bits() -> None:
    run = make_run(LLAMA_7B, kind=ParallelKind.SINGLE, weights=None, compute=None)
    weights = term(estimated(run), "trained weights", on_gpu=True)
    assert (weights.low_bytes, weights.high_bytes) == (2 * COUNT, 4 * COUNT)


def test_an_unseen_optimizer_is_wide() -> None:
    run = make_run(LLAMA_7B, kind=ParallelKind.SINGLE, optimizer=None, master=NO_COPY)
    unseen = replace(run, training=TrainingFacts(optimizer=Fact(UNKNOWN, said("x").origins)))
    states = term(estimated(unseen), "optimizer states", on_gpu=True)
    assert (states.low_bytes, states.high_bytes) == (0, 6 * COUNT)


@pytest.mark.referee
def test_every_optimizer_of_the_trainer_has_a_name_here() -> None:
    arguments = pytest.importorskip("transformers.training_args", reason="transformers is not installed")
    names = {member.value for member in arguments.OptimizerNames}
    assert names - set(OPTIMIZERS) - set(WITHOUT_FORMULA) == set()
    assert all(find_optimizer(name).states == (0, 2, 3) for name in WITHOUT_FORMULA)


def test_flat_buffers_know_no_embeddings() -> None:
    """DeepSpeed hands bitsandbytes one flat tensor: nothing of it is kept in 32 bits."""
    small = estimated(make_run(LLAMA_7B, stage=2, gpus=1, optimizer="adamw_8bit"))
    states = next(term for term in small.terms if term.name == "optimizer states")
    assert states.size.expected_bytes == pytest.approx(COUNT * (2 + 8 / 256), rel=1e-6)


@pytest.mark.parametrize(("model", "low"), [("deepseek-ai/DeepSeek-V3", 1), ("openai/gpt-oss-20b", 2)])
def test_checkpoints_in_few_bits_are_not_in_four(model: str, low: int) -> None:
    """Stored in 8-bit floats, weights may stay so; what is stored in MXFP4 is trained in 16 bits only."""
    spec = {
        "model": model,
        "method": "lora",
        "lora": {"target": ["q_b_proj", "q_proj"]},
        "dtype": {"weights": "bfloat16"},
    }
    described = parse_spec({**spec, "parallel": {"kind": "single"}, "batch": {"micro": 1, "seq_len": 512}})
    found = estimate(described.run, versions=described.versions)
    assert found is not None
    frozen = next(term for term in found.terms if term.name == "frozen weights")
    num_frozen = found.num_parameters - found.num_trainable_parameters
    assert frozen.size == Interval(low * num_frozen, 2 * num_frozen, 2 * num_frozen)
