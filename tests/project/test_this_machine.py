"""`hardware.profile = "local"`: limits of containers, boards that are split, differ, or are not what they say."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ftlint.project.this_machine import Board, boards, common_gpu, host_ram_bytes, num_gpus

GIB = 1 << 30
MIB = 1 << 20
MACHINE_BYTES = 1024 * GIB

V1_MOUNT = "35 31 0:32 {root} /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n"
V1_OTHER = "34 31 0:31 / /sys/fs/cgroup/cpuset rw,relatime - cgroup cgroup rw,cpuset\n"
V2_MOUNT = "30 23 0:26 {root} /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
V1_UNLIMITED = 9223372036854771712


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch) -> None:
    memory = SimpleNamespace(total=MACHINE_BYTES)
    monkeypatch.setitem(sys.modules, "psutil", SimpleNamespace(virtual_memory=lambda: memory))


def linux(root: Path, mounts: str, groups: str, limits: dict[str, object]) -> Path:
    """A tree with what Linux says of control groups; limits by path."""
    (root / "proc/self").mkdir(parents=True)
    (root / "proc/self/mountinfo").write_text("22 1 8:1 / / rw - ext4 /dev/sda1 rw\n" + mounts)
    (root / "proc/self/cgroup").write_text(groups)
    for path, limit in limits.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(f"{limit}\n")
    return root


V1 = "sys/fs/cgroup/memory"
V2 = "sys/fs/cgroup"
IN_V1 = "5:devices:/\n4:memory:{group}\n0::/\n"

TREES: dict[str, tuple[str, str, dict[str, object], int | None]] = {
    "v2, a container sees its own group as the root": (
        V2_MOUNT.format(root="/"),
        "0::/\n",
        {f"{V2}/memory.max": 64 * GIB},
        64,
    ),
    "v2, no limit": (V2_MOUNT.format(root="/"), "0::/\n", {f"{V2}/memory.max": "max"}, None),
    "v2, a job under a slice that has less": (
        V2_MOUNT.format(root="/"),
        "0::/slurm/job_7/step_0\n",
        {f"{V2}/slurm/job_7/memory.max": 100 * GIB, f"{V2}/slurm/job_7/step_0/memory.max": "max"},
        100,
    ),
    "v2, the tightest binds": (
        V2_MOUNT.format(root="/"),
        "0::/a/b\n",
        {f"{V2}/a/memory.max": 32 * GIB, f"{V2}/a/b/memory.max": 48 * GIB},
        32,
    ),
    "v2, another job's limit is not ours": (
        V2_MOUNT.format(root="/"),
        "0::/a\n",
        {f"{V2}/b/memory.max": 1 * GIB},
        None,
    ),
    "v2, a group outside of the namespace": (
        V2_MOUNT.format(root="/"),
        "0::/../../other\n",
        {f"{V2}/memory.max": 64 * GIB},
        64,
    ),
    "v1, a container's own group is mounted": (
        V1_OTHER + V1_MOUNT.format(root="/docker/abc"),
        IN_V1.format(group="/docker/abc"),
        {f"{V1}/memory.limit_in_bytes": 64 * GIB},
        64,
    ),
    "v1, a group of like name is not it": (
        V1_MOUNT.format(root="/docker/ab"),
        IN_V1.format(group="/docker/abc"),
        {f"{V1}/memory.limit_in_bytes": 64 * GIB, f"{V1}/c/memory.limit_in_bytes": 1 * GIB},
        64,
    ),
    "v1, a job on the host": (
        V1_MOUNT.format(root="/"),
        IN_V1.format(group="/slurm/uid_1/job_7"),
        {
            f"{V1}/memory.limit_in_bytes": V1_UNLIMITED,
            f"{V1}/slurm/uid_1/job_7/memory.limit_in_bytes": 256 * GIB,
        },
        256,
    ),
    "v1, no limit": (
        V1_MOUNT.format(root="/"),
        IN_V1.format(group="/"),
        {f"{V1}/memory.limit_in_bytes": V1_UNLIMITED},
        None,
    ),
    "both, memory under v1": (
        V1_MOUNT.format(root="/") + V2_MOUNT.format(root="/").replace("cgroup rw", "cgroup/unified rw"),
        IN_V1.format(group="/pod"),
        {f"{V1}/pod/memory.limit_in_bytes": 8 * GIB},
        8,
    ),
    "a limit above what the machine has": (
        V2_MOUNT.format(root="/"),
        "0::/\n",
        {f"{V2}/memory.max": 2 * MACHINE_BYTES},
        None,
    ),
}


@pytest.mark.parametrize("name", TREES)
def test_control_groups(name: str, tmp_path: Path) -> None:
    mounts, groups, limits, expected_gib = TREES[name]
    found = host_ram_bytes(linux(tmp_path, mounts, groups, limits))
    assert found == ((MACHINE_BYTES, False) if expected_gib is None else (expected_gib * GIB, True))


def test_no_linux(tmp_path: Path) -> None:
    assert host_ram_bytes(tmp_path) == (MACHINE_BYTES, False)


class Nvml(SimpleNamespace):
    """As much of pynvml as is asked; boards are (name, MiB, MIG mode), a mode of None means NotSupported."""

    NVML_DEVICE_MIG_ENABLE = 1

    class NVMLError(Exception):
        pass

    def __init__(self, found: list[tuple[Any, int, int | None]] | None) -> None:
        super().__init__()
        self.found = found

    def nvmlInit(self) -> None:  # noqa: N802 - pynvml's names
        if self.found is None:
            raise self.NVMLError("driver not loaded")

    def nvmlShutdown(self) -> None:  # noqa: N802
        pass

    def nvmlDeviceGetCount(self) -> int:  # noqa: N802
        return len(self.found or [])

    def nvmlDeviceGetHandleByIndex(self, at: int) -> Any:  # noqa: N802
        return (self.found or [])[at]

    def nvmlDeviceGetName(self, board: Any) -> Any:  # noqa: N802
        return board[0]

    def nvmlDeviceGetMemoryInfo(self, board: Any) -> Any:  # noqa: N802
        return SimpleNamespace(total=board[1] * MIB)

    def nvmlDeviceGetMigMode(self, board: Any) -> list[int]:  # noqa: N802
        if board[2] is None:
            raise self.NVMLError("not supported")
        return [board[2], board[2]]


def test_boards(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [("NVIDIA L4", 23034, None), (b"NVIDIA A100-SXM4-80GB", 81920, 0), ("NVIDIA H200", 143771, 1)]
    monkeypatch.setitem(sys.modules, "pynvml", Nvml(found))
    assert boards() == [
        Board("NVIDIA L4", 23034 * MIB, False),
        Board("NVIDIA A100-SXM4-80GB", 81920 * MIB, False),
        Board("NVIDIA H200", 143771 * MIB, True),
    ]


def test_no_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", Nvml(None))
    assert boards() == []
    monkeypatch.setitem(sys.modules, "pynvml", None)
    assert boards() == []
    assert (common_gpu([]), num_gpus([])) == (None, None)


L4 = Board("NVIDIA L4", 23034 * MIB, False)
H200 = Board("NVIDIA H200", 143771 * MIB, False)


@pytest.mark.parametrize(
    ("found", "name", "count"),
    [
        ([L4, L4], "L4", 2),
        ([H200], "H200", 1),
        ([L4, H200], None, 2),  # which of them a rank gets is not said
        ([Board("NVIDIA GeForce RTX 9999", 23034 * MIB, False)] * 2, None, 2),
        ([Board("NVIDIA A100-SXM4-80GB", 81920 * MIB, True)], None, None),  # MIG
        ([Board("NVIDIA GeForce RTX 3080", 10240 * MIB, False)], "RTX-3080-10GB", 1),
        ([Board("NVIDIA GeForce RTX 3080", 12288 * MIB, False)], None, 1),  # the same name, another board
        ([Board("NVIDIA A40", 12288 * MIB, False)], None, 1),  # a virtual part of one
    ],
)
def test_what_they_have_in_common(found: list[Board], name: str | None, count: int | None) -> None:
    gpu = common_gpu(found)
    assert ((gpu.name if gpu else None), num_gpus(found)) == (name, count)


# Totals of nvidia-smi by public threads (ftlint/knowledge/data/gpus.json names some).
TOTALS = {
    "Tesla T4": 15360,
    "Tesla V100-SXM2-32GB": 32768,
    "NVIDIA A10G": 23028,
    "NVIDIA A40": 46068,
    "NVIDIA A100-SXM4-40GB": 40960,
    "NVIDIA A100-SXM4-80GB": 81920,
    "NVIDIA H100 80GB HBM3": 81559,
    "NVIDIA L40S": 46068,
    "NVIDIA B200": 183359,
    "NVIDIA GeForce RTX 3090": 24576,
    "NVIDIA GeForce RTX 4090": 24564,
    "NVIDIA GeForce RTX 5090": 32607,
    "NVIDIA RTX A6000": 49140,
}


@pytest.mark.parametrize("name", TOTALS)
def test_whole_boards_are_known(name: str) -> None:
    assert common_gpu([Board(name, TOTALS[name] * MIB, False)]) is not None
