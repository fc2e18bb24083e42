"""Every model type of the catalogue, trained in every way under old and new releases: a figure or none."""

from __future__ import annotations

import pytest

from ftlint.errors import SpecError
from ftlint.memory import estimate
from ftlint.project.spec import parse_spec
from tests.memory.runs import smallest_models

MODELS = smallest_models()
RELEASES = [
    {},
    {"transformers": "4.48.1", "peft": "0.14.0"},
    {"transformers": "4.57.1", "peft": "0.18.0"},
    {"transformers": "5.23.0", "peft": "0.21.2"},
]


@pytest.mark.parametrize("model_type", sorted(MODELS))
def test_a_figure_or_none(model_type: str) -> None:
    asked = [(method, versions) for method in ("full", "lora", "qlora", "freeze") for versions in RELEASES]
    num_read, num_answers = 0, 0
    for number, (method, versions) in enumerate(asked):
        spec = {
            "model": MODELS[model_type],
            "method": method,
            "versions": versions,
            "parallel": {"kind": ("fsdp", "zero", "ddp")[number % 3], "gpus_per_node": 8},
            "batch": {"micro": 2, "seq_len": 256},
            "gradient_checkpointing": number % 2 == 0,
            "attention": ("sdpa", "eager", "flash_attention_2")[number % 3],
        }
        try:
            described = parse_spec(spec)
        except SpecError:
            continue  # an encoder is no language model, LoRA may have nothing to adapt
        num_read += 1
        answer = estimate(described.run, versions=described.versions)
        if answer is not None:
            num_answers += 1
            size = answer.gpu_allocated
            assert 0 < size.low_bytes <= size.expected_bytes <= size.high_bytes
    assert num_answers or not num_read
