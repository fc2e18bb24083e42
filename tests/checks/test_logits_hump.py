"""MEM107: logits that are most of a pass, in a run without room."""

from __future__ import annotations

from pathlib import Path

import pytest

from ftlint.findings import Severity
from tests.checks.memory_projects import FULL, LORA, findings, node, training

LLAMA_8B = "meta-llama/Meta-Llama-3-8B"
PACKED: dict[str, object] = {"per_device_train_batch_size": 8, "cutoff_len": 4096, "packing": True}


def project(*parts: dict[str, object], gpu: str | None = "A100-80GB", gpus: int = 1, **words: object) -> dict[str, str]:
    return {
        "train.yaml": training(LLAMA_8B, *(parts or (LORA,)), PACKED, **words),
        "ftlint.toml": node(gpu=gpu, gpus_per_node=gpus),
    }


def test_packed_sequences_are_a_warning_with_an_edit(tmp_path: Path) -> None:
    (finding,) = findings(tmp_path, "MEM107", project())
    assert finding.severity is Severity.WARNING
    assert "logits and loss 51.0 GB" in finding.related[0].message
    (fix,) = [fix for fix in finding.fixes if fix.edits]
    assert [edit.content.strip() for edit in fix.edits] == ["enable_liger_kernel: true"]


def test_sequences_that_may_be_shorter_are_an_info_without_edits(tmp_path: Path) -> None:
    (finding,) = findings(tmp_path, "MEM107", project(packing=False))
    assert finding.severity is Severity.INFO
    assert not any(fix.edits for fix in finding.fixes)


@pytest.mark.parametrize(
    "files",
    [
        project(enable_liger_kernel=True),
        project(per_device_train_batch_size=1),
        project(gpu="H200", per_device_train_batch_size=4),
        project(gpu="A100-40GB", per_device_train_batch_size=1, cutoff_len=1024),
        project(FULL, gpu="A100-40GB"),
        project(LORA, disable_gradient_checkpointing=True),
        project(gpu=None),
        project(stage="kto"),
        {**project(), "train.yaml": training(LLAMA_8B, LORA, packing=True)},
    ],
    ids=[
        "liger",
        "small batch",
        "room",
        "small GPU",
        "states do not fit",
        "activations are more",
        "no GPU",
        "kto",
        "unsaid",
    ],
)
def test_silent(files: dict[str, str], tmp_path: Path) -> None:
    assert findings(tmp_path, "MEM107", files) == []
