"""What a file of Accelerate's lacks for `accelerate launch`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from ftlint.findings import Match, Severity
from ftlint.project.view import ProjectView
from ftlint.run.key import KeySet, Section

_FLAGS = frozenset({"--num_processes", "--num-processes"})
_SEVERAL_DEVICES = frozenset(f"MULTI_{kind}" for kind in ("GPU", "NPU", "XPU", "MLU", "SDAA", "MUSA", "HPU", "NEURON"))
_TORCHRUN = _SEVERAL_DEVICES | {"FSDP", "MEGATRON_LM", "DEEPSPEED"}
_NUMBERS: Mapping[str, frozenset[object]] = {
    "num_machines": _TORCHRUN | {"NO", False, "MULTI_CPU"},
    "num_processes": _TORCHRUN,
    "machine_rank": _TORCHRUN - {"DEEPSPEED"},
}
"""Numbers that the launcher calculates with, and under which `distributed_type` it surely does."""


def no_number_of_processes(keys: KeySet, project: ProjectView) -> Iterator[Match]:
    """No `num_processes`, or -1, where several processes are launched, and no command of the project that says it.

    An error where a command of the project names the file; else nobody knows how it is launched. Without a
    `distributed_type` and for SageMaker the launcher does not get there.
    Source: accelerate 0.34 to 1.15 commands/launch.py, _validate_launch_command, and commands/config/config_args.py.
    """
    kind, number = keys.key("distributed_type"), keys.key("num_processes")
    environment = keys.key("compute_environment")
    if kind is None or not keys.complete or not isinstance(kind.fact.value, (str, bool)) or kind.fact.value == "NO":
        return
    if environment is not None and environment.fact.value != "LOCAL_MACHINE":
        return
    if (number is None or number.fact.value == -1) and not project.configurations_saying(_FLAGS):
        is_launched = project.is_launched_by(kind.location.path, "accelerate launch")
        yield Match(at=(number or kind).location, severity=Severity.ERROR if is_launched else Severity.WARNING)


def number_left_empty(keys: KeySet, project: ProjectView) -> Iterator[Match]:
    """A number that is written as null, or is no number yet, and that no command of the project says.

    Severities as above: what the file lacks may be on a command line that we do not see. A rank is only asked for with
    several machines. Source: accelerate 0.20 to 1.15 utils/launch.py: `num_machines > 1`, `int(args.machine_rank)`, and
    `str(num_processes)` for torchrun, which refuses `None`.
    """
    kind, machines = keys.key("distributed_type"), keys.key("num_machines")
    environment = keys.key("compute_environment")
    if kind is None or (environment is not None and environment.fact.value != "LOCAL_MACHINE"):
        return
    num_machines = machines.fact.value if machines is not None else 1
    for name, where in _NUMBERS.items():
        key = keys.key(name)
        if key is None or kind.fact.value not in where or not _is_empty(name, key.fact.value):
            continue
        if name == "machine_rank" and not (isinstance(num_machines, int) and num_machines > 1):
            continue
        if not project.configurations_saying(frozenset({f"--{name}", f"--{name.replace('_', '-')}"})):
            is_launched = project.is_launched_by(key.location.path, "accelerate launch")
            yield Match(
                at=key.value_location,
                values={"key": name, "value": key.raw or "nothing"},
                severity=Severity.ERROR if is_launched else Severity.WARNING,
            )


def _is_empty(name: str, value: object) -> bool:
    """Nothing, or for a rank a word; of the others other rules say that they are no numbers."""
    is_word = isinstance(value, str) and re.match(r"[A-Za-z]", value) is not None
    return value is None or (name == "machine_rank" and (is_word or isinstance(value, Section)))
