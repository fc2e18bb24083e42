"""The product's judge, and the keys that the framework declares."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

from ftlint.asking.judges.accelerate import PACKAGES, judge, prepare
from tests.referees.describing import Key, of_dataclass

__all__ = ["PACKAGES", "judge", "keys", "prepare"]

# A section of the file, and the prefix its keys have as flags of the launcher.
_SECTIONS = {
    "deepspeed_config": "DeepSpeed Arguments",
    "fsdp_config": "FSDP Arguments",
    "megatron_lm_config": "Megatron-LM Arguments",
    "fp8_config": "FP8 Arguments",
    "parallelism_config": "Parallelism Config Arguments",
    "mpirun_config": "MPI Arguments",
}


def keys() -> list[Key]:
    """The fields of the config class, and in its sections the launcher's flags of that group."""
    from accelerate.commands.config.config_args import ClusterConfig
    from accelerate.commands.launch import launch_command_parser

    found = list(of_dataclass(ClusterConfig, ""))
    groups = {group.title: group for group in launch_command_parser()._action_groups}
    for section, title in _SECTIONS.items():
        if title in groups:
            found += _flags(section, groups[title])
    dynamo = [action for action in launch_command_parser()._actions if action.dest.startswith("dynamo_")]
    found += _flags("dynamo_config", SimpleNamespace(_group_actions=dynamo))
    return found


def _flags(section: str, group: Any) -> Iterator[Key]:
    for action in group._group_actions:
        if action.dest.startswith("use_"):
            continue
        kinds = {int: ("int",), float: ("float",)}.get(action.type, ("str",))
        if (
            action.nargs == 0
            or "str_to_bool" in getattr(action.type, "__name__", "")
            or isinstance(action.default, bool)
        ):
            kinds = ("bool",)
        choices = tuple(action.choices or ())
        yield Key(
            "", (section, action.dest), kinds, choices, action.default if action.default != "==SUPPRESS==" else None
        )
