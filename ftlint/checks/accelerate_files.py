"""What a file of Accelerate's lacks for `accelerate launch`."""

from __future__ import annotations

from collections.abc import Iterator

from ftlint.findings import Match, Severity
from ftlint.project.view import ProjectView
from ftlint.run.key import KeySet

_FLAGS = frozenset({"--num_processes", "--num-processes"})


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
