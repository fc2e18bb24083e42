"""MEM105: whole weights on each GPU; and that MEM102 does not say it a second time."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ftlint.checks.replicated_weights import weights_alone
from ftlint.findings import Severity
from ftlint.knowledge.gpus import find_gpu
from ftlint.run.run import ParallelKind
from tests.checks.memory_projects import FULL, LORA, findings, node, training, zero
from tests.memory.runs import LLAMA_3_70B, estimated, lora, make_run, said

LLAMA_70B, QWEN_32B = "meta-llama/Meta-Llama-3-70B", "Qwen/Qwen2.5-32B"
BATCH: dict[str, object] = {"per_device_train_batch_size": 1, "cutoff_len": 512}


def project(stage: int = 2, model: str = LLAMA_70B, gpu: str | None = "A100-80GB", **of_node: object) -> dict[str, str]:
    return {
        "train.yaml": training(model, LORA, BATCH, deepspeed="ds.json"),
        "ds.json": zero(stage),
        "ftlint.toml": node(gpu=gpu, **of_node),
    }


@pytest.mark.parametrize("stage", [0, 1, 2])
def test_weights_beyond_the_gpu_are_an_error_at_the_stage(stage: int, tmp_path: Path) -> None:
    (finding,) = findings(tmp_path, "MEM105", project(stage))
    assert finding.severity is Severity.ERROR
    assert finding.location.path.name == "ds.json"
    assert f"ZeRO-{stage} keeps all 70.8 billion" in finding.message
    assert "at least 141.8 GB" in finding.message  # 2 bytes x 70.55 billion, the adapters, and the context
    assert [fix.title for fix in finding.fixes] == ["Share the weights as well: ZeRO-3"]


def test_settings_that_say_nothing_of_sharding_are_another_rules_warning(tmp_path: Path) -> None:
    """They may be meant for `accelerate launch` with a file that shards."""
    files = project() | {"train.yaml": training(LLAMA_70B, LORA, BATCH)}
    assert findings(tmp_path / "weights", "MEM105", files) == []
    (finding,) = findings(tmp_path / "states", "MEM102", files)
    assert finding.severity is Severity.WARNING


def test_one_finding_per_cause(tmp_path: Path) -> None:
    """Weights alone are MEM105's, everything together is MEM102's."""
    assert findings(tmp_path / "weights", "MEM102", project()) == []
    files = project(model=QWEN_32B) | {"train.yaml": training(QWEN_32B, FULL, BATCH, deepspeed="ds.json")}
    assert findings(tmp_path / "states", "MEM105", files) == []
    assert len(findings(tmp_path / "states", "MEM102", files)) == 1


@pytest.mark.parametrize(
    "files",
    [
        project(3),
        project(model="meta-llama/Meta-Llama-3-8B"),
        project(gpu=None),
        project(gpus_per_node=None),
        project(nodes=None),
        project(gpus_per_node=1),
        project(model="someone/a-model-of-ones-own"),
        project() | {"train.yaml": training(LLAMA_70B, LORA, BATCH, deepspeed="ds.json", use_kt=True)},
        project() | {"ds.json": zero(2).replace('"stage": 2', '"stage": "auto"')},
    ],
    ids=["sharded", "fits", "no GPU", "ranks unknown", "nodes unknown", "one GPU", "model unknown", "in RAM", "stage"],
)
def test_silent(files: dict[str, str], tmp_path: Path) -> None:
    assert findings(tmp_path, "MEM105", files) == []


def test_a_stage_that_is_not_enough_is_not_offered(tmp_path: Path) -> None:
    """70 billion parameters, trained, are 1.1 TB of states: ZeRO-3 on eight GPUs does not hold them."""
    files = project() | {"train.yaml": training(LLAMA_70B, FULL, BATCH, deepspeed="ds.json")}
    (finding,) = findings(tmp_path, "MEM105", files)
    assert "even with ZeRO-3 or FSDP" in finding.message
    assert finding.fixes == ()


@pytest.mark.parametrize(("kind", "is_beyond"), [(ParallelKind.DDP, True), (ParallelKind.FSDP, False)])
def test_ddp_keeps_all_weights_too(kind: ParallelKind, is_beyond: bool) -> None:
    run = make_run(LLAMA_3_70B, kind=kind, gpus=8, adapter=lora())
    gpu = find_gpu("A100-80GB")
    assert gpu is not None
    run = replace(run, hardware=replace(run.hardware, gpu=said(gpu)))
    assert (weights_alone(run, estimated(run)) is not None) is is_beyond
