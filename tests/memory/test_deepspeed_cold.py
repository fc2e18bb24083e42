"""DeepSpeed's own estimators, to the byte."""

from __future__ import annotations

import random

import pytest

from ftlint.memory.deepspeed_cold import zero2_needs, zero3_needs
from ftlint.memory.estimate import DeepSpeedAnswer
from ftlint.run.run import ParallelKind
from tests.memory.runs import LLAMA_7B, QWEN_32B, estimated, lora, make_run

GIB = 2**30
AUTO_MODEL, CAUSAL_LM, LAYER = 31_985_308_672, 32_763_876_352, 778_567_680

# What DeepSpeed prints as "GB", which are GiB. Host, GPU; None where it was not published.
PUBLISHED = [
    (AUTO_MODEL, True, True, 804.29, 2.90),
    (AUTO_MODEL, True, False, 714.93, 62.48),
    (AUTO_MODEL, False, False, 4.35, 539.10),
    (CAUSAL_LM, True, True, 823.87, 2.90),
    (CAUSAL_LM, True, False, 732.33, 63.93),
    (CAUSAL_LM, False, False, None, 552.15),
]


@pytest.mark.parametrize(("num_params", "optimizer", "param", "cpu_gib", "gpu_gib"), PUBLISHED)
def test_published_figures_of_qwen_32b(
    num_params: int, optimizer: bool, param: bool, cpu_gib: float | None, gpu_gib: float
) -> None:
    answer = zero3_needs(num_params, LAYER, offload_optimizer=optimizer, offload_param=param)
    assert round(answer.gpu_bytes / GIB, 2) == gpu_gib
    assert cpu_gib is None or round(answer.cpu_bytes / GIB, 2) == cpu_gib


@pytest.mark.parametrize(
    ("model_class", "cpu_bytes"), [("AutoModelForCausalLM", 884_624_661_504), ("AutoModel", 863_603_334_144)]
)
def test_whole_run(model_class: str, cpu_bytes: int) -> None:
    found = estimated(make_run(QWEN_32B, offload=("cpu", "cpu"), model_class=model_class))
    assert found.deepspeed == DeepSpeedAnswer(cpu_bytes, 3_114_270_720)


def test_zero_init_off_loads_the_model_once_per_gpu() -> None:
    answer = zero3_needs(AUTO_MODEL, LAYER, gpus_per_node=8, zero_init=False)
    assert round(answer.cpu_bytes / GIB, 2) == 1429.85


def test_zero_2_counts_the_gpus_of_all_nodes() -> None:
    assert zero2_needs(10**9, gpus_per_node=4, num_nodes=2).cpu_bytes == 10**9 * 4 * 8 * 3 // 2
    assert zero2_needs(10**9, gpus_per_node=1, num_nodes=2).cpu_bytes == 10**9 * 16 * 3 // 2


def test_zero_2() -> None:
    assert round(zero2_needs(AUTO_MODEL, gpus_per_node=8).cpu_bytes / GIB, 2) == 1429.85
    assert round(zero2_needs(AUTO_MODEL, gpus_per_node=8, offload_optimizer=False).gpu_bytes / GIB, 2) == 126.60


@pytest.mark.parametrize(
    "run",
    [
        make_run(LLAMA_7B, adapter=lora()),
        make_run(LLAMA_7B, stage=1),
        make_run(LLAMA_7B, offload=("nvme", "nvme")),
        make_run(LLAMA_7B, kind=ParallelKind.DDP),
    ],
    ids=["LoRA", "ZeRO-1", "NVMe", "DDP"],
)
def test_no_answer_where_deepspeed_has_none(run: object) -> None:
    assert estimated(run).deepspeed is None  # type: ignore[arg-type]  # ids and runs share one list


@pytest.mark.referee
def test_equal_as_integers_to_deepspeed() -> None:
    pytest.importorskip("deepspeed", reason="deepspeed is not installed")
    from deepspeed.runtime.zero.stage3 import estimate_zero3_model_states_mem_needs
    from deepspeed.runtime.zero.stage_1_and_2 import estimate_zero2_model_states_mem_needs

    numbers = random.Random(3)
    for _ in range(1000):
        num_params = int(10 ** numbers.uniform(0, 13))
        largest = numbers.randint(1, num_params)
        gpus, nodes = numbers.randint(1, 16), numbers.randint(1, 64)
        optimizer, param, zero_init = (numbers.random() < 0.5 for _ in range(3))
        factor = numbers.choice([1.0, 1.5, numbers.uniform(0.5, 3)])
        cpu, gpu, _layer = estimate_zero3_model_states_mem_needs(
            num_params, largest, gpus, nodes, optimizer, param, zero_init, factor
        )
        assert DeepSpeedAnswer(cpu, gpu) == zero3_needs(
            num_params, largest, gpus_per_node=gpus, num_nodes=nodes, offload_optimizer=optimizer,
            offload_param=param, zero_init=zero_init, buffer_factor=factor,
        )  # fmt: skip
        cpu, gpu = estimate_zero2_model_states_mem_needs(num_params, gpus, nodes, optimizer, factor)
        assert DeepSpeedAnswer(cpu, gpu) == zero2_needs(
            num_params, gpus_per_node=gpus, num_nodes=nodes, offload_optimizer=optimizer, buffer_factor=factor
        )
