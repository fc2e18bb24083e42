"""How many parameters LoRA trains, counted by PEFT on the real model classes."""

from __future__ import annotations

import importlib.util
from typing import Any

import pytest

from ftlint.knowledge.architectures import parameter_table, parse_architecture, usual_class
from ftlint.knowledge.models import catalogued_config, find_model
from ftlint.memory.adapting import ExpertAdapters, find_targets
from ftlint.memory.parameters import adapter_tensors
from tests.memory.runs import smallest_models
from tools.accuracy.traced_models import config_of

pytestmark = [
    pytest.mark.referee,
    pytest.mark.filterwarnings("ignore"),
    *(
        pytest.mark.skipif(importlib.util.find_spec(name) is None, reason=f"{name} is not installed")
        for name in ("torch", "transformers", "peft")
    ),
]

FEED_FORWARD = ("q_proj", "gate_proj", "up_proj", "down_proj")
HALF = ("q_proj", "gate_proj", "down_proj")
PATTERN = (r".*\.(q_proj|gate_proj|up_proj|down_proj)",)
MODELS = smallest_models()
MAMBA = frozenset({"falcon_h1", "falcon_mamba", "mamba", "nemotron_h"})
"""PEFT refuses what one of their linear modules is called."""
TARGETS = (("all-linear",), FEED_FORWARD, HALF, PATTERN)


def peft_model(model_type: str, targets: tuple[str, ...], *, dropout: float = 0.0) -> Any:
    import peft
    import torch
    import transformers

    written = {key: value for key, value in config_of(model_type).items() if key != "model_type"}
    with torch.device("meta"):
        model = transformers.AutoModelForCausalLM.from_config(transformers.AutoConfig.for_model(model_type, **written))
    is_text = targets in (("all-linear",), PATTERN)
    modules = targets[0] if is_text else list(targets)
    settings = peft.LoraConfig(r=4, target_modules=modules, lora_dropout=dropout, task_type="CAUSAL_LM")
    return peft.get_peft_model(model, settings)


@pytest.mark.parametrize("targets", TARGETS, ids=("all", "names", "half", "pattern"))
@pytest.mark.parametrize("model_type", ["mixtral", "qwen3_moe", "qwen2_moe", "gpt_oss", "glm4_moe", "deepseek_v2"])
def test_trained_parameters(model_type: str, targets: tuple[str, ...]) -> None:
    """To the digit; and what we take for refused, PEFT refuses."""
    architecture = parse_architecture(config_of(model_type))
    assert architecture is not None
    table = parameter_table(architecture)
    assert table is not None
    found = find_targets(table, model_type, targets, ExpertAdapters.FOLDED)
    if found.is_refused:
        with pytest.raises(ValueError, match="without also targeting"):
            peft_model(model_type, targets)
        return
    model = peft_model(model_type, targets)
    trained = sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
    assert sum(adapter_tensors(table, found, 4)) == trained


@pytest.mark.parametrize("model_type", sorted(MODELS))
def test_every_linear_module_of_every_model_type(model_type: str) -> None:
    """What PEFT takes for fused experts it knows by model type, and so do we: a type that is new to us is compared."""
    import peft
    import torch
    import transformers

    config, model = catalogued_config(MODELS[model_type]), find_model(MODELS[model_type])
    assert config is not None
    assert model is not None
    name = usual_class(model.architecture).value
    table = parameter_table(model.architecture, name)
    if table is None:
        pytest.skip("no language model")
    settings = peft.LoraConfig(r=4, target_modules="all-linear", task_type="CAUSAL_LM")
    with torch.device("meta"):
        real = getattr(transformers, name).from_config(transformers.CONFIG_MAPPING[model_type].from_dict(dict(config)))
    if model_type in MAMBA:
        with pytest.raises(ValueError, match="incompatible with Mamba"):
            peft.get_peft_model(real, settings, low_cpu_mem_usage=True)
        return
    adapted = peft.get_peft_model(real, settings, low_cpu_mem_usage=True)
    trained = sum(parameter.numel() for parameter in adapted.parameters() if parameter.requires_grad)
    found = find_targets(table, model.architecture.language_model_type, ("all-linear",), ExpertAdapters.FOLDED)
    assert sum(adapter_tensors(table, found, 4)) == trained


def test_no_dropout_on_parameters() -> None:
    with pytest.raises(ValueError, match="lora_dropout"):
        peft_model("qwen3_moe", ("all-linear",), dropout=0.1)
    assert peft_model("qwen3_moe", ("q_proj",), dropout=0.1) is not None
