"""The closed form of activations against traces of the real model classes on fake tensors."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ftlint.errors import InputError
from ftlint.exact import exact_step
from ftlint.knowledge.architectures import count_parameters
from ftlint.memory.activations import activations
from ftlint.memory.step import Adapters, Attention, Checkpointing
from tools.accuracy.traced_models import CONFIGS, config_of
from tools.accuracy.traces import PASSES as ALL_PASSES
from tools.accuracy.traces import SHAPES, Case, cases, compared, difference, steps

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


OPTIMIZER_STEP = ("parameter_bytes", "gradient_bytes", "optimizer_peak_bytes", "output_bytes")

PASSES = [pair for pair in ALL_PASSES if pair[0] is not Checkpointing.REENTRANT or pair[1] == SHAPES[1]]
"""Recomputing in either way differs in the hump alone; all shapes of both are in the page's table."""


def agrees(case: Case) -> None:
    """Every figure is within the tolerance."""
    assert abs(difference(case.kept)) < TOLERANCE, case.name
    assert abs(difference(case.hump)) < TOLERANCE, case.name
    assert abs(difference(case.loss)) < TOLERANCE, case.name


@pytest.mark.parametrize("model_type", MODEL_TYPES)
def test_kept_bytes_humps_and_losses(model_type: str) -> None:
    """Attention x method x checkpointing x three shapes; in every layer the kernel is the one that was meant."""
    found = list(cases(model_type, formats=["bfloat16"], passes=PASSES))
    assert len(found) == 28
    for case in found:
        agrees(case)
        if case.step.attention is Attention.EAGER:
            assert (case.kernels, case.num_attentions) == ((), 0), case.name
        else:
            assert (case.kernels, case.num_attentions) == (("flash",), case.step.architecture.num_layers), case.name


@pytest.mark.parametrize("model_type", ["cohere", "gpt2", "llama", "mixtral", "nemotron", "olmo2"])
def test_under_autocast(model_type: str) -> None:
    """Trained weights in float32, products in bfloat16: the Trainer's `bf16`."""
    passes = [(checkpointing, SHAPES[1]) for checkpointing in Checkpointing]
    found = list(cases(model_type, kernels=[Attention.SDPA], formats=["autocast"], passes=passes))
    assert len(found) == (3 if model_type == "mixtral" else 6)
    for case in found:
        agrees(case)


@pytest.mark.parametrize("checkpointing", [Checkpointing.NONE, Checkpointing.NON_REENTRANT])
def test_padding_takes_another_kernel(checkpointing: Checkpointing) -> None:
    config = config_of("llama")
    step = replace(steps(config, Attention.SDPA_MASKED, None)[1], checkpointing=checkpointing)
    (case,) = compared(config, [step])
    agrees(case)
    assert (case.kernels, case.num_attentions) == (("memory-efficient",), 2)


@pytest.mark.parametrize("kernel", ["FLASH_ATTENTION", "MATH"])
def test_another_kernel_is_no_trace(kernel: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the kernels of a GPU in place, a CPU computes SDPA with its own, or with plain products."""
    import torch
    from torch.nn.attention import SDPBackend, sdpa_kernel

    from ftlint.exact import kernels, trace

    own = torch.nn.functional.scaled_dot_product_attention

    def on_the_cpu(*args: Any, **settings: Any) -> Any:
        with sdpa_kernel(getattr(SDPBackend, kernel)):
            return own(*args, **settings)

    config = config_of("olmo")
    step = steps(config, Attention.SDPA, None)[0]
    assert trace.trace_step(config, step).kernels == ("flash",)
    monkeypatch.setattr(kernels, "_attention", on_the_cpu)
    with pytest.raises(InputError, match="CPU" if kernel == "FLASH_ATTENTION" else "no kernel of its own"):
        trace.trace_step(config, step)


def test_one_layer_of_another_kernel_is_no_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    from ftlint.exact import kernels, trace

    own, meant, turns = torch.nn.functional.scaled_dot_product_attention, kernels._attention, iter((True, False))

    def by_turns(*args: Any, **settings: Any) -> Any:
        return meant(*args, **settings) if next(turns) else own(*args, **settings)

    monkeypatch.setattr(kernels, "_attention", by_turns)
    config = config_of("olmo")
    with pytest.raises(InputError, match="CPU"):
        trace.trace_step(config, steps(config, Attention.SDPA, None)[0])


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


def test_llama_3_8b_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All 32 layers at full width: 13.30 GiB with keys shared by query heads and no mask, 75.28 GiB in AdamW's step."""
    from ftlint.exact.trace import trace_step

    monkeypatch.setenv("FTLINT_CACHE_DIR", str(tmp_path))
    config = {
        "model_type": "llama", "hidden_size": 4096, "intermediate_size": 14336, "num_hidden_layers": 32,
        "num_attention_heads": 32, "num_key_value_heads": 8, "vocab_size": 128256, "tie_word_embeddings": False,
    }  # fmt: skip
    step = replace(steps(config, Attention.SDPA, None)[0], sequence_length_tokens=2048)
    whole, extended, found = trace_step(config, step, has_optimizer=True), exact_step(step), activations(step)
    assert found is not None
    assert whole.kept_bytes / 2**30 == pytest.approx(13.30, abs=0.005)
    assert found.kept_bytes == pytest.approx(whole.kept_bytes, rel=1e-4)
    assert found.loss.activation_bytes == pytest.approx(whole.loss_peak_bytes, rel=1e-4)
    for name in ("kept_bytes", "loss_peak_bytes", "layer_peak_bytes", "num_params", *OPTIMIZER_STEP):
        assert getattr(extended, name) == pytest.approx(getattr(whole, name), rel=1e-4), name
    parts = [getattr(extended, name) / 2**30 for name in OPTIMIZER_STEP]
    assert parts == pytest.approx([14.96, 14.96, 44.87, 0.49], abs=0.005)
    assert extended.optimizer_step_bytes / 2**30 == pytest.approx(75.28, abs=0.005)


LLAVA = {
    "model_type": "llava",
    "text_config": {"model_type": "llama", **CONFIGS["llama"], "vocab_size": 4096, "num_hidden_layers": 2},
    "vision_config": {
        "model_type": "clip_vision_model", "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2,
        "num_attention_heads": 4, "image_size": 56, "patch_size": 14,
    },
}  # fmt: skip


@pytest.mark.parametrize(
    "config", [config_of("qwen2_5_vl_text"), config_of("qwen3_vl_text"), LLAVA], ids=lambda it: it["model_type"]
)
def test_language_models_beside_a_vision_tower(config: dict[str, Any]) -> None:
    """Without an image, which is what is reckoned; several sequences, as positions may be each one's own."""
    passes = [(Checkpointing.NONE, SHAPES[2]), (Checkpointing.NON_REENTRANT, SHAPES[2])]
    adapters = Adapters(("all-linear",), rank=16, has_dropout=False, num_bytes=4)
    for each in (None, adapters):
        for case in compared(config, steps(config, Attention.SDPA, each, passes)):
            agrees(case)


def test_every_description_is_compared() -> None:
    from ftlint.memory.blocks import BLOCKS

    assert set(CONFIGS) == set(BLOCKS)
