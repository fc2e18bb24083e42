"""What `hardware.profile` stands for: a cloud instance by name, or the machine that ftlint runs on."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from ftlint.errors import SettingsError, nearest
from ftlint.knowledge.gpus import find_gpu
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
    """What the operating system and the driver say. A GPU whose name we do not know stays unknown."""
    try:
        import psutil
    except ModuleNotFoundError:
        raise _not_installed(table) from None
    location = table.location(_KEY)
    names = _gpu_names()
    gpus = {find_gpu(name) for name in names}
    gpu = gpus.pop() if len(gpus) == 1 else None
    return HardwareSettings(
        gpu=_detected(gpu, location),
        gpus_per_node=_detected(len(names) or None, location),
        num_nodes=_detected(1, location),
        host_ram_bytes=_detected(int(psutil.virtual_memory().total), location),
    )


def _gpu_names() -> list[str]:
    """The names of this machine's GPUs as NVIDIA's driver gives them; empty where it or its library is missing."""
    try:
        import pynvml
    except ModuleNotFoundError:
        return []
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return []
    try:
        handles = [pynvml.nvmlDeviceGetHandleByIndex(index) for index in range(pynvml.nvmlDeviceGetCount())]
        names = [pynvml.nvmlDeviceGetName(handle) for handle in handles]
    except pynvml.NVMLError:
        return []
    finally:
        pynvml.nvmlShutdown()
    return [name.decode() if isinstance(name, bytes) else name for name in names]


def _detected(value: T | None, location: Location) -> Fact[T]:
    if value is None:
        return NOTHING
    return Fact(value, (Origin(How.DETECTED, location, "this machine, because of hardware.profile = local"),))


def _not_installed(table: SettingsTable) -> SettingsError:
    return table.complaint(_KEY, "psutil to be installed, which looks at this machine: pip install 'ftlint[gpu]'")
