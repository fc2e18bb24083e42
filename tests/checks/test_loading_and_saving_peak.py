"""MEM103 and MEM104: the whole model on a GPU before FSDP shares it out, and in one node's RAM when it is saved."""

from __future__ import annotations

from pathlib import Path

import pytest

from ftlint.findings import Severity
from tests.checks.memory_projects import FULL, LORA, findings, node, training, zero

LLAMA_70B, QWEN_32B = "meta-llama/Meta-Llama-3-70B", "Qwen/Qwen2.5-32B"
GATHER = "stage3_gather_16bit_weights_on_model_save"


def fsdp(
    *, efficient: str | None = "false", model: str = LLAMA_70B, gpu: str | None = "A100-80GB", **words: object
) -> dict[str, str]:
    switch = "" if efficient is None else f"  fsdp_cpu_ram_efficient_loading: {efficient}\n"
    return {
        "train.yaml": training(model, LORA, per_device_train_batch_size=1, cutoff_len=512, **words),
        "fsdp.yaml": "compute_environment: LOCAL_MACHINE\ndistributed_type: FSDP\nmixed_precision: bf16\n"
        f"num_machines: 1\nnum_processes: 8\nfsdp_config:\n  fsdp_sharding_strategy: FULL_SHARD\n{switch}",
        "train.sh": "accelerate launch --config_file fsdp.yaml src/train.py train.yaml\n",
        "ftlint.toml": node(gpu=gpu),
    }


def test_the_whole_model_on_each_gpu_is_an_error_at_the_switch(tmp_path: Path) -> None:
    (finding,) = findings(tmp_path, "MEM103", fsdp())
    assert finding.severity is Severity.ERROR
    assert finding.location.path.name == "fsdp.yaml"
    assert "at least 141.8 GB" in finding.message
    (fix,) = finding.fixes
    assert [edit.content for edit in fix.edits] == ["true"]


@pytest.mark.parametrize(
    "files",
    [
        fsdp(efficient="true"),
        fsdp(efficient=None),
        fsdp(model="meta-llama/Meta-Llama-3-8B"),
        fsdp(quantization_bit=4),
        fsdp(gpu=None),
        fsdp(low_cpu_mem_usage=False),
        fsdp(gpu="RTX 4090", finetuning_type="full"),
    ],
    ids=["efficient", "unsaid", "fits", "4 bits fit", "no GPU", "loads into RAM", "does not train either"],
)
def test_loading_is_silent(files: dict[str, str], tmp_path: Path) -> None:
    assert findings(tmp_path, "MEM103", files) == []


def zero3(stage: int = 3, ram: str | None = "640GB", *, gathers: object = True, gpus: int | None = 8) -> dict[str, str]:
    return {
        "train.yaml": training(QWEN_32B, FULL, deepspeed="ds.json"),
        "ds.json": zero(stage, offload_optimizer={"device": "cpu", "pin_memory": False}, **{GATHER: gathers}),
        "ftlint.toml": node(gpus_per_node=gpus, host_ram=ram),
    }


def test_gathered_weights_are_an_error_at_the_switch(tmp_path: Path) -> None:
    """18 bytes offloaded and 2 gathered, of 32.76 billion, and 0.32 GB for each of eight processes: 657.8 GB."""
    (finding,) = findings(tmp_path, "MEM104", zero3())
    assert finding.severity is Severity.ERROR
    assert "at least 658 GB" in finding.message
    assert zero3()["ds.json"][finding.location.span.start :].startswith((f'"{GATHER}"', "true"))
    (edited,) = [fix for fix in finding.fixes if fix.edits]
    assert [edit.content for edit in edited.edits] == ["false"]


def test_what_is_only_expected_to_be_too_much_is_a_warning(tmp_path: Path) -> None:
    """The processes are expected to take 20 GB and may take 2.6."""
    (finding,) = findings(tmp_path, "MEM104", zero3(ram="665GB"))
    assert finding.severity is Severity.WARNING


@pytest.mark.parametrize(
    "files",
    [zero3(gathers=False), zero3(gathers="auto"), zero3(2), zero3(ram="700GB"), zero3(ram=None), zero3(gpus=None)],
    ids=["apart", "unknown", "whole anyway", "room", "RAM unknown", "ranks unknown"],
)
def test_saving_is_silent(files: dict[str, str], tmp_path: Path) -> None:
    assert findings(tmp_path, "MEM104", files) == []


def test_a_run_that_does_not_train_is_another_rules(tmp_path: Path) -> None:
    assert findings(tmp_path, "MEM104", zero3(ram="512GB")) == []
    assert len(findings(tmp_path, "MEM101", zero3(ram="512GB"))) == 1


@pytest.mark.parametrize(
    ("state", "method", "ram", "is_found"),
    [
        ("FULL_STATE_DICT", "full", "256GB", True),
        ("SHARDED_STATE_DICT", "full", "256GB", False),
        ("FULL_STATE_DICT", "lora", "256GB", False),
        ("FULL_STATE_DICT", "full", "512GB", False),
    ],
)
def test_fsdp_gathers_float32(state: str, method: str, ram: str, is_found: bool, tmp_path: Path) -> None:
    """4 bytes x 70.55 billion on rank 0, where a full state dict is asked for; adapters may be gathered alone."""
    files = fsdp(efficient="true", finetuning_type=method)
    files["fsdp.yaml"] += f"  fsdp_state_dict_type: {state}\n"
    found = findings(tmp_path, "MEM104", files | {"ftlint.toml": node(host_ram=ram)})
    assert [(finding.severity, finding.location.path.name) for finding in found] == (
        [(Severity.WARNING, "fsdp.yaml")] if is_found else []
    )
