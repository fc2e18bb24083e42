"""A file as `accelerate launch --config_file` reads it, and the plugins that the launched script then makes.

The launch goes as far as starting processes: there, torchrun's own reading of its arguments and the plugins of the
environment that the processes would see take the place of the processes.
"""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

PACKAGES = ("accelerate", "deepspeed")


def prepare() -> None:
    """Imports the launcher."""
    import accelerate.commands.launch  # noqa: F401
    import torch.distributed.run  # noqa: F401


def judge(root: str, text: str) -> None:
    """Launches `train.py`, short of starting it."""
    from accelerate.commands import launch

    Path("train.py").write_text("", "utf-8")
    Path("config.yaml").write_text(text, "utf-8")
    arguments = launch.launch_command_parser().parse_args(["--config_file", "config.yaml", "train.py"])
    with (
        mock.patch("torch.distributed.run.run", _launched),
        mock.patch.object(launch.subprocess, "Popen", _started),
        mock.patch("accelerate.utils.launch.is_port_in_use", return_value=False),
    ):
        launch.launch_command(arguments)


def _launched(arguments: Any) -> None:
    from torch.distributed.run import config_from_args

    config_from_args(arguments)
    _plugins(dict(os.environ))


def _started(command: Any, env: dict[str, str] | None = None, **_: Any) -> Any:
    if not all(isinstance(part, str) for part in command):
        raise TypeError(f"expected str, bytes or os.PathLike object in {command}")
    before = dict(os.environ)
    os.environ.update(env or {})
    _plugins(dict(os.environ))
    os.environ.clear()
    os.environ.update(before)
    return SimpleNamespace(wait=lambda: 0, returncode=0)


def _plugins(environment: dict[str, str]) -> None:
    from accelerate import DeepSpeedPlugin, FullyShardedDataParallelPlugin

    if environment.get("ACCELERATE_USE_DEEPSPEED") == "true":
        DeepSpeedPlugin()
    if environment.get("ACCELERATE_USE_FSDP") == "true":
        # Rank 0 would ask for a GPU to copy the weights from; nothing else depends on the two.
        os.environ.update({"FSDP_SYNC_MODULE_STATES": "false", "FSDP_CPU_RAM_EFFICIENT_LOADING": "false"})
        FullyShardedDataParallelPlugin()
