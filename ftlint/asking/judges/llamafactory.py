"""A YAML file as `llamafactory-cli train` reads it: OmegaConf, then `get_train_args`.

The command starts its workers through torchrun, so `get_train_args` demands a process group. Each text finds the
answers that a worker of a single-GPU launch would give: parallel mode "distributed", and a GPU that knows bfloat16.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from unittest import mock

PACKAGES = ("llamafactory", "transformers", "trl", "peft", "omegaconf")


def prepare() -> None:
    """Imports the parser; optional packages count as installed, as the command says which to install."""
    os.environ["DISABLE_VERSION_CHECK"] = "1"
    from llamafactory.hparams import parser
    from transformers.training_args import ParallelMode, TrainingArguments

    from ftlint.asking.judges.gpu import pretend_gpu

    pretend_gpu()
    mock.patch.object(parser, "is_torch_bf16_gpu_available", return_value=True).start()
    mock.patch.object(TrainingArguments, "parallel_mode", property(lambda _: ParallelMode.DISTRIBUTED)).start()
    mock.patch.object(parser, "check_version").start()
    mock.patch.object(parser, "_set_transformers_logging").start()


def judge(root: str, text: str) -> None:
    """As `read_args` does with a file's path, then `get_train_args`."""
    import transformers
    from accelerate.state import AcceleratorState
    from llamafactory.hparams import parser
    from omegaconf import OmegaConf

    Path("config.yaml").write_text(text, "utf-8")
    read: Any = OmegaConf.to_container(OmegaConf.merge(OmegaConf.load("config.yaml"), OmegaConf.from_cli([])))
    try:
        parser.get_train_args(read)
    finally:
        AcceleratorState._reset_state(reset_partial_state=True)
        transformers.integrations.deepspeed.unset_hf_deepspeed_config()
