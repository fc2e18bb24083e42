"""What accelerate itself makes of configuration files; run by test_accelerate.py where accelerate is installed.

python accelerate_referee.py FOLDER ANSWERS.json. For each file of the folder: what the launcher decides, and what the
plugins that the script then makes hold.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any


def main(folder: Path, answers: Path) -> None:
    from accelerate.commands import launch
    from accelerate.commands.config.config_args import load_config_from_file

    found: dict[str, Any] = {}
    for path in sorted(folder.iterdir()):
        arguments = json.loads(path.with_suffix(".flags").read_text()) if path.with_suffix(".flags").exists() else []
        if path.suffix == ".flags":
            continue
        config = load_config_from_file(str(path))
        args = launch.launch_command_parser().parse_args(["--config_file", str(path), *arguments, "train.py"])
        args, _, _ = launch._validate_launch_command(args)
        found[path.name] = {
            "loaded": [config.num_machines, config.num_processes, config.mixed_precision],
            **_launched(args),
        }
    answers.write_text(json.dumps(found))


def _launched(args: Any) -> dict[str, Any]:
    from accelerate.utils import launch as environments

    args.main_process_port = 0
    if args.use_fsdp:
        return _base(args, "fsdp", args.num_processes) | _fsdp(environments.prepare_multi_gpu_env(args))
    if args.use_deepspeed:
        args.deepspeed_fields_from_accelerate_config = ""
        _, environment = environments.prepare_deepspeed_cmd_env(args)
        return _base(args, "zero", args.num_processes) | _zero(environment)
    if args.multi_gpu:
        return _base(args, "ddp", args.num_processes)
    command, _ = environments.prepare_simple_launcher_cmd_env(args)
    assert command[-1] == "train.py"
    return _base(args, "single", 1)


def _base(args: Any, kind: str, num_processes: int) -> dict[str, Any]:
    return {"kind": kind, "processes": num_processes, "nodes": args.num_machines, "precision": args.mixed_precision}


def _fsdp(environment: dict[str, str]) -> dict[str, Any]:
    from accelerate import FullyShardedDataParallelPlugin

    # Rank 0 would ask for a GPU to copy the weights from; nothing else depends on the two.
    os.environ.update(environment | {"FSDP_SYNC_MODULE_STATES": "false", "FSDP_CPU_RAM_EFFICIENT_LOADING": "false"})
    try:
        plugin = FullyShardedDataParallelPlugin()
    finally:
        for name in [name for name in os.environ if name.startswith(("FSDP_", "ACCELERATE_"))]:
            del os.environ[name]
    strategy = getattr(plugin.sharding_strategy, "name", None)
    if plugin.fsdp_version == 2:
        strategy = "FULL_SHARD" if plugin.reshard_after_forward else "SHARD_GRAD_OP"
    offloads = type(plugin.cpu_offload).__name__ == "CPUOffloadPolicy" or bool(
        getattr(plugin.cpu_offload, "offload_params", False)
    )
    return {
        "version": plugin.fsdp_version,
        "strategy": strategy,
        "offloads": offloads,
        "ram_efficient": environment["FSDP_CPU_RAM_EFFICIENT_LOADING"],
        "state_dict": plugin.state_dict_type.name,
    }


def _zero(environment: dict[str, str]) -> dict[str, Any]:
    from accelerate import DeepSpeedPlugin

    os.environ.update(environment)
    try:
        plugin = DeepSpeedPlugin()
    finally:
        for name in [name for name in os.environ if name.startswith("ACCELERATE_")]:
            del os.environ[name]
    return {
        "stage": plugin.zero_stage,
        "param": str(plugin.offload_param_device),
        "optimizer": str(plugin.offload_optimizer_device),
        "zero_init": plugin.zero3_init_flag,
    }


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
