"""Whether a device map offloads: sums and imitation by hand, and against what transformers and accelerate decide."""

from __future__ import annotations

import importlib.util
from typing import Any

import pytest

from ftlint.knowledge.architectures import ParameterTable, parameter_table, parse_architecture
from ftlint.knowledge.bundled import load_object
from ftlint.knowledge.models import find_model
from ftlint.memory.dispatch import FreeMemory, Offload, offload, size_in_bytes, usable, weigh

GB = 10**9
WORDS = ("auto", "balanced", "balanced_low_0", "sequential")


def table_of(model_id: str) -> ParameterTable:
    model = find_model(model_id)
    assert model is not None
    table = parameter_table(model.architecture, "AutoModelForCausalLM")
    assert table is not None
    return table


def gpus(count: int, low_bytes: int, high_bytes: int | None = None) -> tuple[FreeMemory, ...]:
    return (FreeMemory(low_bytes, high_bytes if high_bytes is not None else low_bytes),) * count


def test_weights_are_parameters_times_width() -> None:
    table = table_of("Qwen/Qwen2.5-7B")
    pieces = weigh(table, width_bytes=2)
    assert pieces.low_bytes == table.num_params * 2 == 15_231_233_024
    assert pieces.low_bytes < pieces.high_bytes < pieces.low_bytes * 1.02  # buffers
    assert len(pieces.sizes) == 28 + 3  # layers; embedding, norm, head


def test_a_tied_head_counts_at_most_twice() -> None:
    table = table_of("Qwen/Qwen2.5-0.5B")
    embedding = 151_936 * 896 * 2
    pieces = weigh(table, width_bytes=2)
    assert pieces.low_bytes == table.num_params * 2
    assert pieces.high_bytes >= pieces.low_bytes + embedding


def test_four_bits_leave_the_rest_as_it_is() -> None:
    table = table_of("Qwen/Qwen2.5-7B")
    pieces = weigh(table, width_bytes=4, quantized_bits=4)
    assert pieces.low_bytes == table.num_params // 2
    assert 7 * GB < pieces.high_bytes < 9 * GB  # embedding and head in float32


@pytest.mark.parametrize("word", WORDS)
def test_certain_is_a_sum(word: str) -> None:
    pieces = weigh(table_of("Qwen/Qwen2.5-32B"), width_bytes=2)
    assert offload(pieces, gpus(2, 20 * GB, 24 * GB), word) is Offload.CERTAIN
    assert offload(pieces, gpus(2, 20 * GB, 33 * GB), word) is Offload.POSSIBLE


@pytest.mark.parametrize("word", WORDS)
def test_room_to_spare_is_never(word: str) -> None:
    pieces = weigh(table_of("Qwen/Qwen2.5-32B"), width_bytes=2)
    assert offload(pieces, gpus(8, 23 * GB), word) is Offload.NEVER
    assert offload(pieces, gpus(1, 80 * GB), word) is Offload.NEVER
    assert offload(pieces, (), word) is Offload.CERTAIN


def test_one_gpu_is_filled_to_nine_tenths() -> None:
    one = gpus(1, 100)
    assert usable(one, "auto") == gpus(1, 90)
    assert usable(one, "auto", by_hand=True) == usable(one, "sequential") == one
    assert usable(one, "auto", is_quantized=True) == gpus(1, 81)
    assert usable(gpus(2, 100), "auto") == gpus(2, 100)


def test_the_first_gpu_keeps_room_for_the_largest_layer() -> None:
    pieces = weigh(table_of("Qwen/Qwen2.5-7B"), width_bytes=2)
    tight = pieces.high_bytes + 1
    assert offload(pieces, gpus(1, tight), "auto", by_hand=True) is Offload.POSSIBLE
    assert offload(pieces, gpus(1, tight + max(pieces.sizes)), "auto", by_hand=True) is Offload.NEVER


@pytest.mark.parametrize(
    ("limit", "size"),
    [("20GiB", 20 * 2**30), ("20GB", 20 * GB), ("1.5GB", 15 * 10**8), ("24000MB", 24 * GB), (7, 7), ("20Gb", None),
     ("plenty", None), ("20", None)],
)  # fmt: skip
def test_sizes_as_accelerate_reads_them(limit: int | str, size: int | None) -> None:
    assert size_in_bytes(limit) == size


# Referees -----------------------------------------------------------------------------------------------------------

REFEREED = (
    "Qwen/Qwen2.5-0.5B",  # tied
    "Qwen/Qwen2.5-7B",
    "gpt2",
    "mistralai/Mixtral-8x7B-v0.1",
    "google/gemma-2-9b",
)


def _config_of(model_id: str) -> dict[str, Any]:
    content = load_object("models.json")
    models, configs = content["models"], content["architectures"]
    assert isinstance(models, dict)
    assert isinstance(configs, list)
    config: dict[str, Any] = configs[models[model_id][0]]
    return config


def _real_maps(model: Any, word: str, limits: dict[int | str, int]) -> list[dict[str, Any]]:
    """What transformers 5 makes of it, and what accelerate does, as transformers 4 asks it to."""
    from accelerate import infer_auto_device_map
    from accelerate.utils import get_balanced_memory
    from transformers.integrations.accelerate import _get_device_map

    blocks = list(model._no_split_modules or ())
    older = dict(limits)
    if word != "sequential":
        older = get_balanced_memory(
            model, max_memory=dict(limits), no_split_module_classes=blocks, low_zero=word == "balanced_low_0"
        )
    return [
        _get_device_map(model, word, dict(limits), None),
        infer_auto_device_map(model, max_memory=older, no_split_module_classes=blocks),
    ]


@pytest.mark.referee
@pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in ("torch", "transformers", "accelerate")),
    reason="the referee needs torch, transformers and accelerate",
)
@pytest.mark.parametrize("model_id", REFEREED)
def test_the_libraries_decide_so(model_id: str) -> None:
    import torch

    from tools.harvest.counts import instantiate

    config = _config_of(model_id)
    model = instantiate(config, "AutoModelForCausalLM", 2).to(torch.bfloat16)
    architecture = parse_architecture(config)
    assert architecture is not None
    table = parameter_table(architecture, "AutoModelForCausalLM")
    assert table is not None
    pieces = weigh(table, width_bytes=2)
    answers: dict[Offload, int] = dict.fromkeys(Offload, 0)
    for word in WORDS:
        for count in (1, 2, 4, 8):
            for percent in (60, 90, 99, 101, 105, 115, 130, 150, 200, 300):
                limit = pieces.low_bytes * percent // (100 * count)
                ours = offload(pieces, gpus(count, limit), word, by_hand=True)
                answers[ours] += 1
                for found in _real_maps(model, word, {**dict.fromkeys(range(count), limit), "cpu": 10**15}):
                    is_offloaded = "cpu" in found.values() or "disk" in found.values()
                    if ours is not Offload.POSSIBLE:
                        assert is_offloaded is (ours is Offload.CERTAIN), (word, count, percent, found)
    assert answers[Offload.CERTAIN] > 20
    assert answers[Offload.NEVER] > 10
