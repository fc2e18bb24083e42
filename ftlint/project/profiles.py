"""What `hardware.profile` stands for: a cloud instance by name, or the machine that ftlint runs on."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from ftlint.errors import SettingsError, nearest
from ftlint.project.settings import HardwareSettings
from ftlint.run.fact import NOTHING, Fact
from ftlint.spans import How, Location, Origin

if TYPE_CHECKING:
    from ftlint.project.settings_table import SettingsTable

T = TypeVar("T")

_KEY = "profile"


def profile_hardware(table: SettingsTable, profile: str) -> HardwareSettings:
    """The node that the profile in that table describes. Raises SettingsError where we know of no such thing."""
    if profile == "local":
        return _this_machine(table)
    from ftlint.knowledge.instances import find_instance, instance_names

    instance = find_instance(profile)
    if instance is None:
        expected = f'"local" or a cloud instance, such as "aws:p4d.24xlarge"{nearest(profile, instance_names())}'
        raise table.complaint(_KEY, expected)
    origins = (Origin(How.WRITTEN, table.location(_KEY), f"hardware.profile = {profile}"),)
    return HardwareSettings(
        gpu=Fact(instance.gpu, origins),
        gpus_per_node=Fact(instance.num_gpus, origins),
        host_ram_bytes=Fact(instance.host_ram_bytes, origins),
    )


def _this_machine(table: SettingsTable) -> HardwareSettings:
    """What the operating system and the driver say. A GPU that we do not know for certain stays unknown."""
    from ftlint.project import this_machine

    try:
        ram_bytes, is_limited = this_machine.host_ram_bytes()
    except ModuleNotFoundError:
        raise _not_installed(table) from None
    location = table.location(_KEY)
    boards = this_machine.boards()
    return HardwareSettings(
        gpu=_detected(this_machine.common_gpu(boards), location),
        gpus_per_node=_detected(this_machine.num_gpus(boards), location),
        num_nodes=_detected(1, location),
        host_ram_bytes=_detected(ram_bytes, location, "the limit of this container" if is_limited else "this machine"),
    )


def _detected(value: T | None, location: Location, source: str = "this machine") -> Fact[T]:
    if value is None:
        return NOTHING
    return Fact(value, (Origin(How.DETECTED, location, f"{source}, because of hardware.profile = local"),))


def _not_installed(table: SettingsTable) -> SettingsError:
    return table.complaint(_KEY, "psutil to be installed, which looks at this machine: pip install 'ftlint[gpu]'")
