"""A DeepSpeed file as `TrainingArguments(deepspeed="ds_config.json")` and the Trainer read it.

TrainingArguments' own steps: HfTrainerDeepSpeedConfig, `trainer_config_process`, accelerate's plugin; then the
Trainer's: `trainer_config_finalize` and accelerate's preparation (see `deepspeed_in_accelerate`). The arguments are
taken to agree with the file, so what `fill_match` notes as a mismatch is put aside: it is a question of two files.
"""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from ftlint.asking.judges import deepspeed as alone
from ftlint.asking.judges.deepspeed_in_accelerate import initialize, precision_of

PACKAGES = ("deepspeed", "transformers", "accelerate")
_ARGUMENTS: list[Any] = []


def prepare() -> None:
    """One set of arguments for all texts."""
    alone.prepare()
    import accelerate.accelerator  # noqa: F401
    from transformers import TrainingArguments

    arguments = TrainingArguments(output_dir="out", use_cpu=True, per_device_train_batch_size=1)
    _ARGUMENTS.append(arguments)


def judge(root: str, text: str) -> None:
    """From the file to `deepspeed.initialize`."""
    from accelerate import DeepSpeedPlugin
    from transformers.integrations.deepspeed import HfTrainerDeepSpeedConfig

    Path("ds_config.json").write_text(text, "utf-8")
    arguments = _ARGUMENTS[0]
    config = HfTrainerDeepSpeedConfig("ds_config.json")
    arguments.gradient_accumulation_steps = _number(config.get_value("gradient_accumulation_steps"))
    arguments.per_device_train_batch_size = _number(config.get_value("train_micro_batch_size_per_gpu"))
    config.trainer_config_process(arguments)
    plugin = DeepSpeedPlugin(hf_ds_config=config)
    plugin.set_mixed_precision(precision_of(plugin.deepspeed_config))
    config.mismatches.clear()
    model = SimpleNamespace(config=SimpleNamespace(hidden_size=64))
    try:
        config.trainer_config_finalize(arguments, model, 100)
    except ValueError as error:
        if "mismatch TrainingArguments" not in str(error):
            raise
    initialize(plugin)


def _number(written: Any) -> int:
    """What arguments that agree with the file say; one where it says "auto", or nothing that they could say."""
    return written if type(written) is int and written > 0 else 1
