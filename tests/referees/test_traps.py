"""What a framework accepts when it reads the settings, and refuses later: shown there, for the table of traps."""

from __future__ import annotations

import importlib
import os
import subprocess
from typing import Any

import pytest

from tests.referees.asking import ROOT
from tests.referees.roster import BY_NAME
from tests.referees.test_agreement import available

pytestmark = pytest.mark.referee

# torchaudio is imported by name, and nothing of it is used here.
_TEMPLATE = """
import sys
from importlib.machinery import ModuleSpec
from types import ModuleType
from unittest.mock import MagicMock

import transformers.audio_utils
import transformers.processing_utils

sys.modules["torchaudio"] = ModuleType("torchaudio")
sys.modules["torchaudio"].__spec__ = ModuleSpec("torchaudio", None)
from llamafactory.data.template import get_template_and_fix_tokenizer
from llamafactory.hparams import DataArguments

tokenizer = MagicMock()
tokenizer.add_special_tokens.return_value = 0
for name in ("qwen", "moss_vl", ["qwen"]):
    try:
        get_template_and_fix_tokenizer(tokenizer, DataArguments(template=name))
    except (TypeError, ValueError) as error:
        print(name, error)
    else:
        print(name, "is registered")
"""


def test_llamafactory_refuses_a_template_that_is_not_registered() -> None:
    referee = available(BY_NAME["llamafactory"])
    answer = subprocess.run(
        [str(referee.python), "-c", _TEMPLATE],
        check=True,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "DISABLE_VERSION_CHECK": "1", "CUDA_VISIBLE_DEVICES": ""},
    ).stdout.splitlines()
    assert answer[-3:] == [
        "qwen is registered",
        "moss_vl Template moss_vl does not exist.",
        "['qwen'] unhashable type: 'list'",
    ]


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


def test_schedulers_refuse_to_do_without_a_parameter_that_the_settings_lack() -> None:
    pytest.importorskip("deepspeed")
    torch = pytest.importorskip("torch")
    from deepspeed.runtime import lr_schedules
    from deepspeed.runtime.config import DeepSpeedConfig

    section: dict[str, Any] = {"type": "WarmupDecayLR", "params": {"warmup_num_steps": 100}}
    settings = DeepSpeedConfig({"train_micro_batch_size_per_gpu": 1, "scheduler": section})
    assert settings.scheduler_params == section["params"]
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(2))], lr=1e-4)
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'total_num_steps'"):
        getattr(lr_schedules, section["type"])(optimizer, **settings.scheduler_params)
