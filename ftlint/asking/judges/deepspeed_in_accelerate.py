"""A DeepSpeed file as accelerate reads it: the plugin, then `Accelerator.prepare` as far as `deepspeed.initialize`.

accelerate's own `_prepare_deepspeed` runs, on a bare object in place of an Accelerator (a real one would open a process
group). `deepspeed.initialize` is replaced by the first thing it does with the config, DeepSpeedConfig. The script is
taken to agree with the file: its mixed precision is the file's, and it uses placeholders for an optimizer or scheduler
written there.
"""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

from ftlint.asking.judges import deepspeed as alone

PACKAGES = ("deepspeed", "accelerate")


class Initialized(Exception):  # noqa: N818 - no error: how the frameworks' code is left
    """`deepspeed.initialize` would now build the engine."""


def prepare() -> None:
    """Imports both."""
    alone.prepare()
    import accelerate.accelerator  # noqa: F401


def judge(root: str, text: str) -> None:
    """The plugin made with the file's path, then prepared."""
    from accelerate import DeepSpeedPlugin

    Path("ds_config.json").write_text(text, "utf-8")
    plugin = DeepSpeedPlugin(hf_ds_config="ds_config.json")
    plugin.set_mixed_precision(precision_of(plugin.deepspeed_config))
    initialize(plugin)


def precision_of(config: Any) -> str:
    """The mixed precision of a script that agrees with the file."""
    for name in ("bf16", "fp16"):
        section = config.get(name)
        if isinstance(section, dict) and section.get("enabled") in (True, "true", "True"):
            return name
    return "no"


def initialize(plugin: Any) -> None:
    """accelerate's own preparation with that plugin."""
    import torch
    from accelerate import Accelerator
    from accelerate.utils import DummyOptim, DummyScheduler

    config = plugin.deepspeed_config
    model = torch.nn.Linear(2, 2)
    model.config = SimpleNamespace(hidden_size=64)
    optimizer: Any = torch.optim.AdamW(model.parameters(), lr=1e-4)
    if "optimizer" in config:
        optimizer = DummyOptim(model.parameters(), lr=1e-4, weight_decay=0.0)
    prepared: list[Any] = [model, optimizer, torch.utils.data.DataLoader([0, 1], batch_size=1)]
    if "scheduler" in config:
        prepared.append(DummyScheduler(optimizer, total_num_steps=100, warmup_num_steps=10))
    accelerator = SimpleNamespace(
        fp8_backend=None,
        deepspeed_plugin=plugin,
        parallelism_config=None,
        split_batches=False,
        num_processes=1,
        gradient_accumulation_steps=1,
        device=torch.device("cpu"),
        state=SimpleNamespace(),
        _prepare_one=lambda each, **_: each,
    )
    with (
        mock.patch("deepspeed.initialize", _initialize),
        # It would ask for the state of a real Accelerator before it warns.
        mock.patch("accelerate.accelerator.logger"),
        # It would compile a CPU optimizer.
        mock.patch("accelerate.accelerator.map_pytorch_optim_to_deepspeed", lambda each: each),
    ):
        try:
            Accelerator._prepare_deepspeed(accelerator, *prepared)
        except Initialized:
            return


def _initialize(*_: Any, config_params: Any = None, **__: Any) -> None:
    from deepspeed.runtime.config import DeepSpeedConfig

    DeepSpeedConfig(config_params)
    raise Initialized
