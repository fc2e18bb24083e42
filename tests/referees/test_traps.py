"""What a framework takes when it reads the settings, and stumbles over later: each row of traps.json is shown here."""

from __future__ import annotations

import importlib

import pytest

pytestmark = pytest.mark.referee


@pytest.mark.parametrize("name", ["FusedAdam", "DeepSpeedCPUAdam"])
def test_optimizers_refuse_parameters_that_the_settings_take(name: str) -> None:
    pytest.importorskip("deepspeed")
    torch = pytest.importorskip("torch")
    from deepspeed.runtime.config import DeepSpeedConfig

    section = {"type": "Adam", "params": {"lrate": 1e-4}}
    settings = DeepSpeedConfig({"train_micro_batch_size_per_gpu": 1, "optimizer": section})
    assert settings.optimizer_params == {"lrate": 1e-4}
    optimizer = getattr(importlib.import_module("deepspeed.ops.adam"), name)
    with pytest.raises(TypeError, match="unexpected keyword argument 'lrate'"):
        optimizer([torch.nn.Parameter(torch.zeros(2))], **settings.optimizer_params)
