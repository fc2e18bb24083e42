"""What the machine that ftlint runs on has: what `hardware.profile = "local"` stands for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from ftlint.knowledge.gpus import Gpu, find_gpu
from ftlint.record import record

# NVML's total has what the driver keeps, torch's has not: up to 1.5 per cent above the most that we know torch to have.
_DRIVER_SHARE = 0.02


@record
class Board:
    """One GPU as NVIDIA's driver gives it."""

    name: str
    total_bytes: int
    is_split: bool
    """By MIG: each process sees one slice, none the whole board."""


def host_ram_bytes(root: Path = Path("/")) -> tuple[int, bool]:
    """The RAM that processes here may fill, and whether a control group says so rather than the machine.

    Raises ModuleNotFoundError without psutil, which knows only the machine's: in a container that is the host's.
    """
    import psutil

    machine_bytes = int(psutil.virtual_memory().total)
    limit_bytes = min(_group_limits(root), default=machine_bytes)
    return min(machine_bytes, limit_bytes), limit_bytes < machine_bytes


def _group_limits(root: Path) -> Iterator[int]:
    """The limits in bytes of our memory control group and of all above it that can be seen, of version 1 and 2.

    Each one binds. Above its own mount a container sees nothing. Source: Linux Documentation/admin-guide/cgroup-v2.rst
    (memory.max) and cgroup-v1/memory.rst (memory.limit_in_bytes), proc(5) for mountinfo.
    """
    for mount_root, mount_point, file in _memory_mounts(root):
        for group in _own_groups(root, is_version_2=file == "memory.max"):
            folder = root / mount_point.lstrip("/")
            for part in ("", *_parts_below(group, mount_root)):
                folder = folder / part
                limit = _number(folder / file)
                if limit is not None:
                    yield limit


def _parts_below(group: str, mount_root: str) -> tuple[str, ...]:
    """The folders from a mount down to the group; none for a group outside of what is mounted."""
    try:
        parts = PurePosixPath(group).relative_to(mount_root).parts
    except ValueError:
        return ()
    return () if ".." in parts else parts


def _memory_mounts(root: Path) -> Iterator[tuple[str, str, str]]:
    """Where control groups of memory are mounted: which group is the mount's root, where it lies, the limit's file."""
    for line in _lines(root / "proc/self/mountinfo"):
        before, _, after = line.partition(" - ")
        fields, kind = before.split(), after.split()
        if len(fields) < 5 or not kind:
            continue
        if kind[0] == "cgroup2":
            yield fields[3], fields[4], "memory.max"
        elif kind[0] == "cgroup" and "memory" in kind[-1].split(","):
            yield fields[3], fields[4], "memory.limit_in_bytes"


def _own_groups(root: Path, is_version_2: bool) -> Iterator[str]:
    """The control group this process is in, as /proc/self/cgroup names it: `id:controllers:path`."""
    for line in _lines(root / "proc/self/cgroup"):
        parts = line.split(":", 2)
        if len(parts) == 3 and (parts[0] == "0" if is_version_2 else "memory" in parts[1].split(",")):
            yield parts[2]


def _number(path: Path) -> int | None:
    """None for "max", and where there is no such file or it is not for us to read."""
    text = "".join(_lines(path)).strip()
    return int(text) if text.isdecimal() else None


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []


def boards() -> list[Board]:
    """This machine's GPUs; empty where NVIDIA's driver or its library is missing, or either refuses."""
    try:
        import pynvml
    except ModuleNotFoundError:
        return []
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return []
    try:
        return [_board(pynvml, pynvml.nvmlDeviceGetHandleByIndex(at)) for at in range(pynvml.nvmlDeviceGetCount())]
    except pynvml.NVMLError:
        return []
    finally:
        pynvml.nvmlShutdown()


def _board(nvml: Any, handle: object) -> Board:
    """Raises NVMLError for a board that does not answer."""
    name = nvml.nvmlDeviceGetName(handle)
    try:
        is_split = nvml.nvmlDeviceGetMigMode(handle)[0] == nvml.NVML_DEVICE_MIG_ENABLE
    except nvml.NVMLError:  # boards without MIG say NotSupported
        is_split = False
    total_bytes = int(nvml.nvmlDeviceGetMemoryInfo(handle).total)
    return Board(name.decode() if isinstance(name, bytes) else str(name), total_bytes, is_split)


def common_gpu(found: list[Board]) -> Gpu | None:
    """The GPU that all boards are; None for several kinds, for one we do not know, and for parts of one."""
    gpus = {_gpu(board) for board in found}
    return gpus.pop() if len(gpus) == 1 else None


def _gpu(board: Board) -> Gpu | None:
    """The name alone is not enough: an RTX 3080 has 10 or 12 GB, and a virtual GPU has its board's name and less."""
    gpu = None if board.is_split else find_gpu(board.name)
    if gpu is None or not gpu.usable_low_bytes <= board.total_bytes <= gpu.usable_high_bytes * (1 + _DRIVER_SHARE):
        return None
    return gpu


def num_gpus(found: list[Board]) -> int | None:
    """How many processes can have a GPU each; None where there is none, and under MIG, which only the slices tell."""
    return None if any(board.is_split for board in found) else len(found) or None
