"""Small LLaMA-Factory projects for the rules on memory, in few words, and what one rule finds in them."""

from __future__ import annotations

import json
from pathlib import Path

from ftlint.engine import check
from ftlint.findings import Finding
from ftlint.project.workspace import Workspace

LORA = {"finetuning_type": "lora", "lora_rank": 16, "lora_target": "all"}
FULL: dict[str, object] = {"finetuning_type": "full"}


def training(model: str, *parts: dict[str, object], **words: object) -> str:
    """A train.yaml; JSON's values are YAML's."""
    settings: dict[str, object] = {
        "model_name_or_path": model, "stage": "sft", "do_train": True, "dataset": "alpaca_en_demo",
        "template": "default", "output_dir": "saves/run", "bf16": True,
    }  # fmt: skip
    for part in (*parts, words):
        settings.update(part)
    return "".join(f"{name}: {json.dumps(value)}\n" for name, value in settings.items())


def zero(stage: int, **words: object) -> str:
    """A DeepSpeed file."""
    return json.dumps({"bf16": {"enabled": True}, "zero_optimization": {"stage": stage, **words}}, indent=2)


def node(**words: object) -> str:
    """The settings' hardware; a None leaves a word out."""
    said = {"gpus-per-node": 8, "nodes": 1} | {name.replace("_", "-"): value for name, value in words.items()}
    lines = (f"{name} = {json.dumps(value)}\n" for name, value in said.items() if value is not None)
    return "[hardware]\n" + "".join(lines)


def findings(folder: Path, code: str, files: dict[str, str]) -> list[Finding]:
    """What the rule of that code finds in a project of these files."""
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text, "utf-8")
    return [finding for finding in check(Workspace(folder), (folder,)).findings if finding.code == code]
