"""A small project that has a finding, for tests of everything that happens around findings."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ftlint.engine import CheckResult, Selection, check
from ftlint.project.workspace import Workspace

TRAIN = """\
model_name_or_path: Qwen/Qwen2.5-32B
stage: sft
do_train: true
finetuning_type: full
template: qwen
deepspeed: ds.json
bf16: true
dataset: alpaca_en_demo
output_dir: saves/qwen
"""
LORA = TRAIN.replace("finetuning_type: full", "finetuning_type: lora")
OFFLOAD = """\
{
  "zero_optimization": {
    "stage": 3,
    "offload_optimizer": {"device": "cpu"},
    "offload_param": {"device": "cpu"}
  },
  "train_batch_size": "auto",
  "train_micro_batch_size_per_gpu": "auto"
}
"""
SETTINGS = """\
[hardware]
gpus-per-node = 1
nodes = 1
host-ram = "512GB"
"""
PROJECT = {"train.yaml": TRAIN, "ds.json": OFFLOAD, "ftlint.toml": SETTINGS}


def write(folder: Path, files: Mapping[str, str]) -> Path:
    """The files below that folder."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return folder


def checked(folder: Path, *paths: str, selection: Selection | None = None) -> CheckResult:
    """A check of the folder, or of some of its files."""
    targets = [folder / path for path in paths] or [folder]
    return check(Workspace(folder), targets, selection or Selection())


def shown(result: CheckResult, folder: Path) -> list[tuple[str, str, str]]:
    """Code, severity and file of each finding."""
    return [
        (finding.code, finding.severity.value, finding.location.path.relative_to(folder).as_posix())
        for finding in result.findings
    ]
