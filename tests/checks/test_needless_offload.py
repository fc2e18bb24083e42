"""MEM106: offload of a run that has room, by the most that it can take."""

from __future__ import annotations

from pathlib import Path

import pytest

from ftlint.findings import Severity
from tests.checks.memory_projects import FULL, LORA, findings, node, training, zero

BATCH: dict[str, object] = {"per_device_train_batch_size": 1, "cutoff_len": 2048}
CPU = {"device": "cpu"}
LLAMA_8B = "meta-llama/Meta-Llama-3-8B"


def project(
    stage: int = 3,
    method: dict[str, object] = LORA,
    batch: dict[str, object] = BATCH,
    gpu: str | None = "H100-80GB",
    *,
    offload: str = "offload_optimizer",
    device: str = "cpu",
    **of_node: object,
) -> dict[str, str]:
    return {
        "train.yaml": training(LLAMA_8B, method, batch, deepspeed="ds.json"),
        "ds.json": zero(stage, **{offload: {"device": device, "nvme_path": "/disk"}}),
        "ftlint.toml": node(gpu=gpu, **of_node),
    }


@pytest.mark.parametrize(
    ("files", "device"),
    [
        (project(), "CPU"),
        (project(2), "CPU"),
        (project(device="nvme"), "NVMe"),
        (project(offload="offload_param"), "CPU"),
    ],
)
def test_an_info_at_the_offload(files: dict[str, str], device: str, tmp_path: Path) -> None:
    (finding,) = findings(tmp_path, "MEM106", files)
    assert finding.severity is Severity.INFO
    assert finding.location.path.name == "ds.json"
    assert f"Offload to {device}" in finding.message
    assert [bool(fix.edits) for fix in finding.fixes] == [False]


@pytest.mark.parametrize(
    "files",
    [
        project(method=FULL, gpus_per_node=1),
        project(batch={"per_device_train_batch_size": 16, "cutoff_len": 8192}),
        project(batch={"cutoff_len": 2048}),
        project(batch={"per_device_train_batch_size": 1}),
        project(gpu=None),
        project(gpus_per_node=None),
        project(device="none"),
        project(2, offload="offload_param"),
    ],
    ids=[
        "states",
        "activations",
        "batch unsaid",
        "length unsaid",
        "no GPU",
        "ranks",
        "not offloaded",
        "read by nobody",
    ],
)
def test_silent(files: dict[str, str], tmp_path: Path) -> None:
    assert findings(tmp_path, "MEM106", files) == []
