"""The closed form of activations against traces of the real model classes on fake tensors."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from pathlib import Path

import pytest

from ftlint.exact import exact_step
from ftlint.knowledge.architectures import count_parameters
from ftlint.memory.activations import activations
from ftlint.memory.step import Attention, Checkpointing
from tools.accuracy.traces import CONFIGS, cases, compared, config_of, difference, steps

pytestmark = [
    pytest.mark.referee,
    pytest.mark.filterwarnings("ignore"),
    *(
        pytest.mark.skipif(importlib.util.find_spec(name) is None, reason=f"{name} is not installed")
        for name in ("torch", "transformers", "peft")
    ),
]

TOLERANCE = 0.02

MODEL_TYPES = (
    "cohere", "gemma3_text", "gpt2", "gpt_neox", "llama", "mixtral",
    "olmo2", "opt", "phi", "phi3", "qwen3", "starcoder2",
)  # fmt: skip
"""Those that differ most; `python -m tools.accuracy.traces` asks all."""


@pytest.mark.parametrize("model_type", MODEL_TYPES)
def test_kept_bytes_and_humps(model_type: str) -> None:
    """Attention x method x checkpointing x three shapes; the attention kernel is the one that was meant."""
    found = list(cases(model_type))
    assert len(found) == 28
    for case in found:
        assert abs(difference(case.kept)) < TOLERANCE, case.name
        assert abs(difference(case.hump)) < TOLERANCE, case.name
        is_eager = case.step.attention is Attention.EAGER
        assert case.kernels == (() if is_eager else ("flash",)), case.name


@pytest.mark.parametrize("checkpointing", [Checkpointing.NONE, Checkpointing.NON_REENTRANT])
def test_under_autocast_and_with_a_mask(checkpointing: Checkpointing) -> None:
    """float32 weights under bfloat16 autocast, as the Trainer's `bf16`; and padding, which takes another kernel."""
    config = config_of("llama")
    step = replace(steps(config, Attention.SDPA, None)[1], checkpointing=checkpointing)
    autocast = replace(step, weight_bytes=4, is_autocast=True)
    masked = replace(step, attention=Attention.SDPA_MASKED)
    for one in (autocast, masked):
        (case,) = compared(config, [one])
        assert abs(difference(case.kept)) < TOLERANCE
        assert abs(difference(case.hump)) < TOLERANCE
        assert case.kernels == (("memory-efficient",) if one is masked else ("flash",))


@pytest.mark.parametrize("checkpointing", list(Checkpointing))
def test_two_shallow_models_say_what_the_whole_one_does(
    checkpointing: Checkpointing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FTLINT_CACHE_DIR", str(tmp_path))
    config = config_of("qwen2", num_layers=7)
    step = replace(steps(config, Attention.SDPA, None)[1], checkpointing=checkpointing)
    extended = exact_step(step)
    assert extended.depths == (2, 3)
    assert extended.num_params == count_parameters(step.architecture)
    from ftlint.exact import trace

    whole = trace.trace_step(config, step)
    assert extended.kept_bytes == pytest.approx(whole.kept_bytes, rel=1e-4)
    assert extended.layer_peak_bytes == pytest.approx(whole.layer_peak_bytes, rel=1e-4)
    assert extended.loss_peak_bytes == pytest.approx(whole.loss_peak_bytes, rel=1e-4)
    # The second time nothing is traced.
    monkeypatch.setattr(trace, "trace_step", lambda *_: pytest.fail("traced again"))
    assert exact_step(step) == extended


def test_llama_3_8b_whole() -> None:
    """All 32 layers at full width: 13.30 GiB with keys shared by query heads and no mask."""
    from ftlint.exact.trace import trace_step

    config = {
        "model_type": "llama", "hidden_size": 4096, "intermediate_size": 14336, "num_hidden_layers": 32,
        "num_attention_heads": 32, "num_key_value_heads": 8, "vocab_size": 128256, "tie_word_embeddings": False,
    }  # fmt: skip
    step = replace(steps(config, Attention.SDPA, None)[0], sequence_length_tokens=2048)
    traced, found = trace_step(config, step), activations(step)
    assert found is not None
    assert traced.kept_bytes / 2**30 == pytest.approx(13.30, abs=0.005)
    assert found.kept_bytes == pytest.approx(traced.kept_bytes, rel=1e-4)
    assert found.loss.activation_bytes == pytest.approx(traced.loss_peak_bytes, rel=1e-4)


def test_every_description_is_compared() -> None:
    from ftlint.memory.blocks import BLOCKS

    assert set(CONFIGS) == set(BLOCKS)
