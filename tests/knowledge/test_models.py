"""The catalogue: every model's count to the digit, against what torch counted on the meta device."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ftlint.knowledge.architectures import parameter_table, usual_class
from ftlint.knowledge.bundled import load_object
from ftlint.knowledge.models import find_model, model_ids
from tools.harvest import models as harvest

COUNTS: dict[str, dict[str, list[int]]] = json.loads(
    Path(__file__).with_name("model_counts.json").read_text(encoding="utf-8")
)

# Published by their makers, or read from the index of the released weights; none of them from our own formulas.
PUBLISHED = {
    "Qwen/Qwen2.5-32B": 32_763_876_352,
    "Qwen/Qwen2.5-0.5B": 494_032_768,
    "Qwen/Qwen3-235B-A22B": 235_093_634_560,
    "meta-llama/Llama-3.1-405B": 405_853_388_800,
    "meta-llama/Llama-3.2-1B": 1_235_814_400,
    "mistralai/Mixtral-8x7B-v0.1": 46_702_792_704,
    "google/gemma-2-27b": 27_227_128_320,
    "google/gemma-3-1b-it": 999_885_952,
    "google/gemma-3-4b-it": 4_300_079_472,
    "google/gemma-3-27b-it": 27_432_406_640,
    "microsoft/phi-2": 2_779_683_840,
    "tiiuae/falcon-7b": 6_921_720_704,
    "EleutherAI/pythia-1.4b": 1_414_647_808,
    "allenai/OLMo-1B-hf": 1_176_764_416,
    "allenai/Olmo-3-1125-32B": 32_233_522_176,
    "ByteDance-Seed/Seed-OSS-36B-Base": 36_151_104_512,
    "LiquidAI/LFM2-2.6B": 2_569_272_320,
    "ibm-granite/granite-4.0-h-small": 32_207_337_984,
    "nvidia/NVIDIA-Nemotron-Nano-9B-v2": 8_888_227_328,
    "deepseek-ai/DeepSeek-V2-Lite": 15_706_484_224,
    "openai-community/gpt2": 124_439_808,
    "Qwen/Qwen2-VL-2B-Instruct": 2_208_985_600,
    "Qwen/Qwen2-VL-72B-Instruct": 73_405_560_320,
    "Qwen/Qwen2.5-VL-7B-Instruct": 8_292_166_656,
    "Qwen/Qwen2.5-VL-32B-Instruct": 33_452_718_336,
    "Qwen/Qwen3-VL-2B-Instruct": 2_127_532_032,
    "Qwen/Qwen3-VL-8B-Instruct": 8_767_123_696,
    "Qwen/Qwen3-VL-32B-Instruct": 33_357_390_064,
    "Qwen/Qwen3-VL-30B-A3B-Instruct": 31_070_754_032,
    "llava-hf/llava-1.5-7b-hf": 7_063_427_072,
    "meta-llama/Llama-4-Scout-17B-16E-Instruct": 108_641_793_536,
    "meta-llama/Llama-4-Maverick-17B-128E-Instruct": 401_583_781_376,
    "mistralai/Mistral-Small-3.2-24B-Instruct-2506": 24_011_361_280,
    "HuggingFaceTB/SmolVLM-256M-Instruct": 256_484_928,
    "google/paligemma-3b-pt-224": 2_923_466_480,
    "OpenGVLab/InternVL3-38B-hf": 38_388_164_992,
    "meta-llama/Llama-3.2-11B-Vision-Instruct": 10_670_220_835,
}


def test_every_architecture_has_a_count() -> None:
    content = load_object("models.json")
    assert isinstance(content["architectures"], list)
    assert len(COUNTS) == len(content["architectures"])


@pytest.mark.parametrize("model_id", COUNTS)
def test_counts_equal_torch(model_id: str) -> None:
    model = find_model(model_id)
    assert model is not None
    ours = {}
    for name in COUNTS[model_id]:
        table = parameter_table(model.architecture, name)
        assert table is not None
        ours[name] = [table.num_params, table.largest_layer]
    assert ours == COUNTS[model_id]


@pytest.mark.parametrize("model_id", PUBLISHED)
def test_counts_equal_the_published(model_id: str) -> None:
    model = find_model(model_id)
    assert model is not None
    table = parameter_table(model.architecture, usual_class(model.architecture))
    assert table is not None
    assert table.num_params == PUBLISHED[model_id]


def test_every_entry_can_be_read() -> None:
    assert len(model_ids()) >= 1300
    for model_id in model_ids():
        model = find_model(model_id)
        assert model is not None
        assert model.model_id == model_id
        assert model.checkpoint_dtype in (None, "bfloat16", "float16", "float32")
        # A copy quantized to four bits says nothing of the dtype that the original is stored in.
        assert model.quantization != "bnb-4bit" or model.checkpoint_dtype is None


def test_dtypes_that_people_trip_over() -> None:
    for model_id, dtype in (
        ("meta-llama/Llama-2-7b-hf", "float16"),
        ("Qwen/Qwen2.5-7B", "bfloat16"),
        ("google/gemma-2-9b", "float32"),
        ("microsoft/deberta-v3-base", "float16"),
        ("gpt2", "float32"),
    ):
        model = find_model(model_id)
        assert model is not None
        assert model.checkpoint_dtype == dtype


def test_names_are_exact() -> None:
    assert find_model("qwen/qwen2.5-32b") is None
    assert find_model("Qwen/Qwen2.5-32B-mine") is None
    assert find_model("") is None
    original, mirror = find_model("Qwen/Qwen2.5-7B"), find_model("unsloth/Qwen2.5-7B-bnb-4bit")
    assert original is not None
    assert mirror is not None
    assert mirror.quantization == "bnb-4bit"
    assert parameter_table(mirror.architecture) == parameter_table(original.architecture)


def test_unknown_positions_are_not_the_class_default() -> None:
    model = find_model("tiiuae/Falcon3-10B-Base")  # a Llama, whose class would say 2048
    assert model is not None
    assert model.max_position_embeddings is None
    assert model.architecture.max_position_embeddings is None


def test_rebuilds_to_the_same_bytes() -> None:
    groups = json.loads(harvest.SOURCE.read_text(encoding="utf-8"))
    assert harvest.build(groups) == harvest.TARGET.read_text(encoding="utf-8")
