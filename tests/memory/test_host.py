"""Host RAM of offload: against first principles, and against what people published."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ftlint.memory import Place, Verdict
from ftlint.memory.process import KERNEL, PROCESS
from ftlint.run.dtype import DType
from ftlint.run.fact import UNKNOWN, Fact
from ftlint.run.run import AdapterFacts, Method, ParallelKind
from tests.memory.runs import (
    LLAMA_3_70B,
    LLAMA_7B,
    LLAMA_33B,
    QWEN_32B,
    TINY,
    estimated,
    lora,
    make_run,
    releases,
    said,
    term,
)

GB = 10**9
BOTH = ("cpu", "cpu")
OPTIMIZER = ("none", "cpu")
BUFFERS = (
    "master weights", "optimizer states", "gradients for the master", "gradients as accumulated", "weights",
)  # fmt: skip


def test_each_buffer_of_zero_3_by_hand() -> None:
    found = estimated(make_run(QWEN_32B, offload=BOTH))
    count = found.num_parameters
    assert count == 32_763_876_352
    widths = dict(zip(BUFFERS, (4, 8, 4, 2, 2), strict=True))
    assert {name: term(found, name).low_bytes for name in BUFFERS} == {n: w * count for n, w in widths.items()}
    assert term(found, "gradients as accumulated").expected_bytes == 64 * 2**30
    assert sum(term(found, name).low_bytes for name in BUFFERS) == 20 * count


def test_steady_buffers_of_qwen_32b() -> None:
    """20 to 23 bytes per parameter, and never `fits` on the 744 GB that killed the run of LLaMA-Factory issue 6755."""
    found = estimated(make_run(QWEN_32B, offload=BOTH, ram_bytes=744 * GB))
    steady = sum(term(found, name).expected_bytes for name in BUFFERS)
    assert 22 < steady / found.num_parameters < 23
    assert found.host_total.low_bytes == 20 * found.num_parameters + PROCESS.low_bytes + KERNEL.low_bytes
    assert found.host_verdict is Verdict.TIGHT
    assert found.verdict is Verdict.TIGHT
    assert found.host_total.expected_bytes > 744 * GB
    assert estimated(make_run(QWEN_32B, offload=BOTH, ram_bytes=512 * GB)).verdict is Verdict.DOES_NOT_FIT


@pytest.mark.parametrize(
    ("config", "gpus", "published_gb"),
    [(LLAMA_33B, 8, 775), (LLAMA_7B, 8, 178), (LLAMA_7B, 4, 165)],
    ids=["deepspeed-3448, 750 to 800", "linly-83, about 178", "linly-83, 160 and more"],
)
def test_published_figures_within_a_tenth(config: dict[str, object], gpus: int, published_gb: int) -> None:
    total = estimated(make_run(config, gpus=gpus, offload=BOTH)).host_total
    assert total.expected_bytes == pytest.approx(published_gb * GB, rel=0.1)
    assert total.low_bytes < published_gb * GB < total.high_bytes


@pytest.mark.parametrize(
    ("config", "gpus", "ram_gb"),
    [(QWEN_32B, 1, 744), (LLAMA_33B, 8, 600), (LLAMA_7B, 1, 94), (LLAMA_3_70B, 8, 1024)],
    ids=["llamafactory-6755", "deepspeed-3448", "deepspeed-3606", "axolotl-1439"],
)
@pytest.mark.parametrize("pin", [True, False])
def test_killed_runs_never_fit(config: dict[str, object], gpus: int, ram_gb: int, pin: bool) -> None:
    found = estimated(make_run(config, gpus=gpus, offload=BOTH, ram_bytes=ram_gb * GB, pin=pin))
    assert found.verdict is not Verdict.FITS
    if pin:
        assert found.host_verdict in (Verdict.TIGHT, Verdict.DOES_NOT_FIT)


def test_optimizer_offload_alone_leaves_the_weights_on_the_gpu() -> None:
    found = estimated(make_run(LLAMA_7B, offload=OPTIMIZER))
    assert {t.name for t in found.host_terms} & {"weights", "freed blocks that torch keeps"} == set()
    assert term(found, "trained weights", on_gpu=True).low_bytes == 2 * found.num_parameters
    assert "optimizer states" not in {t.name for t in found.gpu_terms}


def test_pinning_decides_the_place_and_the_rounding() -> None:
    pinned = estimated(make_run(LLAMA_7B, offload=BOTH, pin=True))
    pageable = estimated(make_run(LLAMA_7B, offload=BOTH, pin=False))
    assert pinned.host_total.low_bytes == pageable.host_total.low_bytes
    assert pinned.host_total.expected_bytes > pageable.host_total.expected_bytes
    weights = next(t for t in pageable.host_terms if t.name == "weights")
    assert weights.place is Place.HOST_PINNED  # whatever pin_memory says
    assert {t.name for t in pageable.host_terms if t.place is Place.HOST_PINNED} == {"weights"}


@pytest.mark.parametrize(("release", "place"), [("0.16.3", Place.HOST_PAGEABLE), ("0.19.8", Place.HOST_PINNED)])
def test_the_release_decides_where_nothing_is_written(release: str, place: Place) -> None:
    run = make_run(LLAMA_7B, offload=OPTIMIZER, pin=None)
    found = estimated(run, releases(deepspeed=release))
    assert next(t.place for t in found.host_terms if t.name == "gradients as accumulated") is place
    assert "parallel.pin_optimizer" in {assumption.key for assumption in found.assumptions}


def test_lora_is_not_full_training() -> None:
    full = estimated(make_run(QWEN_32B, offload=BOTH))
    adapted = estimated(make_run(QWEN_32B, offload=BOTH, adapter=lora(16)))
    assert adapted.num_trainable_parameters == 134_217_728  # as PEFT prints for rank 16 on all linear layers
    assert term(adapted, "master weights").expected_bytes == 4 * adapted.num_trainable_parameters
    assert term(adapted, "frozen weights").low_bytes == 2 * full.num_parameters
    assert adapted.host_total.expected_bytes < full.host_total.low_bytes / 4


def test_lora_by_names_of_modules() -> None:
    two = estimated(make_run(LLAMA_7B, adapter=lora(8, ("q_proj", "v_proj"))))
    assert two.num_trainable_parameters == 4_194_304  # what PEFT prints for Llama-7B with its defaults
    pattern = estimated(make_run(LLAMA_7B, adapter=lora(8, (r".*\.(q|v)_proj",))))
    assert pattern.num_trainable_parameters == 4_194_304


def test_modules_to_save_are_trained_copies() -> None:
    plain = estimated(make_run(LLAMA_7B, adapter=lora(8, ("q_proj",))))
    saved = AdapterFacts(
        method=said(Method.LORA), lora_rank=said(8), lora_targets=said(("q_proj",)), modules_to_save=said(("lm_head",))
    )
    found = estimated(make_run(LLAMA_7B, adapter=saved))
    assert found.num_trainable_parameters - plain.num_trainable_parameters == 32000 * 4096
    assert found.num_parameters - plain.num_parameters == 32000 * 4096


def test_freezing_trains_the_last_layers() -> None:
    adapter = AdapterFacts(method=said(Method.FREEZE), trainable_layers=said(2))
    found = estimated(make_run(LLAMA_7B, offload=BOTH, adapter=adapter))
    assert found.num_trainable_parameters == 2 * 202_383_360
    assert term(found, "master weights").low_bytes == 4 * found.num_trainable_parameters


def test_nvme_leaves_buffers() -> None:
    in_ram = estimated(make_run(QWEN_32B, offload=BOTH))
    on_disk = estimated(make_run(QWEN_32B, offload=("nvme", "nvme")))
    names = {t.name for t in on_disk.host_terms}
    assert names & {"master weights", "optimizer states", "weights"} == set()
    assert {"NVMe buffers of the optimizer", "NVMe buffers of the weights", "gradients as accumulated"} <= names
    assert on_disk.host_total.high_bytes < in_ram.host_total.low_bytes


def test_zero_2_keeps_16_bytes_and_since_0_17_two_more() -> None:
    run = make_run(LLAMA_7B, stage=2, gpus=8, offload=OPTIMIZER)
    old, new = estimated(run, releases(deepspeed="0.16.3")), estimated(run, releases(deepspeed="0.18.0"))
    either = estimated(run)
    processes = 8 * PROCESS.low_bytes
    assert old.host_total.low_bytes - processes == pytest.approx(16 * old.num_parameters, rel=1e-6)
    assert new.host_total.low_bytes - processes == pytest.approx(18 * new.num_parameters, rel=1e-6)
    assert "16-bit copy of the master" not in {t.name for t in old.host_terms}
    assert either.host_total.low_bytes == old.host_total.low_bytes
    assert either.host_total.high_bytes == new.host_total.high_bytes


def test_gradient_accumulation_under_zero_2_keeps_gradients_between_passes() -> None:
    once = estimated(make_run(LLAMA_7B, stage=2, offload=OPTIMIZER, accumulation=1))
    often = estimated(make_run(LLAMA_7B, stage=2, offload=OPTIMIZER, accumulation=8))
    added = often.host_total.expected_bytes - once.host_total.expected_bytes
    assert added >= 2 * once.num_parameters


def test_without_zero_init_every_rank_loads_the_model() -> None:
    found = estimated(make_run(LLAMA_7B, stage=2, gpus=8))
    assert term(found, "model loaded by each rank").expected_bytes == 8 * 2 * found.num_parameters
    assert term(estimated(make_run(LLAMA_7B)), "checkpoint file being read").expected_bytes == 5 * GB


def test_16_bit_masters_and_states() -> None:
    run = make_run(LLAMA_7B, offload=BOTH, master=said(DType.BFLOAT16))
    found = estimated(run)
    assert term(found, "master weights").low_bytes == 2 * found.num_parameters
    assert term(found, "optimizer states").low_bytes == 8 * found.num_parameters  # DeepSpeedCPUAdam's own default
    states = replace(run.precision, optimizer_states=said(DType.BFLOAT16))
    assert term(estimated(replace(run, precision=states)), "optimizer states").low_bytes == 4 * found.num_parameters


def test_an_optimizer_we_do_not_know_proves_nothing() -> None:
    found = estimated(make_run(LLAMA_7B, offload=BOTH, optimizer="galore_adamw"))
    states = term(found, "optimizer states")
    assert (states.low_bytes, states.expected_bytes) == (0, 8 * found.num_parameters)


def test_partial_offload() -> None:
    run = make_run(QWEN_32B, offload=BOTH)
    half = replace(run, parallel=replace(run.parallel, offload_optimizer_ratio=said(0.5)))
    unseen = replace(run, parallel=replace(run.parallel, offload_optimizer_ratio=Fact(UNKNOWN, said(0).origins)))
    assert term(estimated(half), "master weights").expected_bytes < 0.6 * 4 * 32_763_876_352
    assert term(estimated(unseen), "master weights").low_bytes == 0


def test_fsdp_offload() -> None:
    run = make_run(LLAMA_7B, kind=ParallelKind.FSDP, gpus=4, offload=("cpu", "none"), master=said(DType.FLOAT32))
    found = estimated(run)
    processes = 4 * PROCESS.low_bytes
    assert found.host_total.low_bytes - processes == pytest.approx(16 * found.num_parameters, rel=1e-6)
    on_gpu = {t.name for t in found.tensor_terms}
    assert {"root unit", "layer in use"} <= on_gpu
    assert not {"trained weights", "gradients", "optimizer states"} & on_gpu


def test_tiny_models_do_not_break_anything() -> None:
    for gpus in (1, 3, 1000):
        assert estimated(make_run(TINY, gpus=gpus, offload=BOTH)).host_total.low_bytes > 0
