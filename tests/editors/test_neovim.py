"""Neovim, set up by `editors/neovim.lua`: diagnostics appear, a quick fix is applied and saved, and the file is clean.

What the editor writes is compared with what `ftlint check --fix` writes: both doors apply the same edits.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
DRIVE = Path(__file__).with_name("drive.lua")
NVIM = shutil.which("nvim")

pytestmark = [
    pytest.mark.editors,
    pytest.mark.skipif(NVIM is None, reason="nvim is not installed (Debian: apt-get install neovim)"),
]

PROJECT = {
    "train.yaml": """\
model_name_or_path: Qwen/Qwen2.5-32B
stage: sft
do_train: true
finetuning_type: full
deepspeed: ds.json
dataset: alpaca_en_demo
template: qwen  # \U0001f600
output_dir: saves/qwen
bf16: true
""",
    "ds.json": """\
{
  "bf16": {"enabled": true},
  "zero_optimization": {
    "stage": 3,
    "offload_optimizer": {"device": "cpu", "pin_memory": true},
    "offload_param": {"device": "cpu", "pin_memory": true}
  },
  "train_micro_batch_size_per_gpu": "auto"
}
""",
    "ftlint.toml": '[hardware]\ngpus-per-node = 1\nnodes = 1\nhost-ram = "512GB"\n',
}
SCRIPT = """\
import torch
from transformers import AutoModelForCausalLM

model = AutoModelForCausalLM.from_pretrained("meta-llama/Meta-Llama-3-8B", torch_dtype=torch.bfloat16)
name = "\U0001f600"; model.lm_head = torch.nn.Linear(4096, 2)
loss = model(input_ids=torch.ones(1, 8, dtype=torch.long)).logits.sum()
"""
Step = Mapping[str, object]
NVME, LORA = "Offload to NVMe", "Train LoRA"


def _write(folder: Path, files: Mapping[str, str]) -> Path:
    for name, text in files.items():
        folder.mkdir(exist_ok=True)
        (folder / name).write_bytes(text.encode())
    return folder


def _check(folder: Path, *options: str) -> int:
    command = [sys.executable, "-m", "ftlint", "check", "--fail-on", "info", *options, "."]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, check=False).returncode


def _neovim(folder: Path, steps: Sequence[Step]) -> list[dict[str, Any]]:
    """What Neovim saw while it did these steps; its own settings, plugins and swap files stay out of it."""
    assert NVIM is not None
    home = folder.parent / "home"
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "HOME": str(home),
        **{f"XDG_{name}_HOME": str(home / name.lower()) for name in ("CONFIG", "DATA", "STATE", "CACHE")},
        "FTLINT_SETUP": str(ROOT / "editors" / "neovim.lua"),
        "FTLINT_COMMAND": json.dumps([sys.executable, "-m", "ftlint", "server"]),
        "FTLINT_STEPS": json.dumps(steps),
    }
    command = [NVIM, "--headless", "-u", "NONE", "-i", "NONE", "-n", "-S", str(DRIVE)]
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=100, check=False
    )
    seen: list[dict[str, Any]] = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert done.returncode == 0, f"{seen}\n{done.stderr}"
    return seen


def _diagnostics(seen: Sequence[Mapping[str, Any]]) -> list[list[tuple[str, int, int]]]:
    """Code, row from 1 and severity (1 is an error) of each answer."""
    answers = [answer["diagnostics"] for answer in seen if "diagnostics" in answer]
    return [[(one["code"], one["range"]["start"]["line"] + 1, one["severity"]) for one in answer] for answer in answers]


def _actions(seen: Sequence[Mapping[str, Any]]) -> list[str]:
    (titles,) = (answer["actions"] for answer in seen if "actions" in answer)
    return [str(title) for title in titles]


def test_a_finding_of_two_files_is_fixed_and_saved(tmp_path: Path) -> None:
    folder, terminal = _write(tmp_path / "project", PROJECT), _write(tmp_path / "terminal", PROJECT)
    seen = _neovim(folder, [{"open": "ds.json"}, {"diagnostics": 1}, {"fix": NVME}, {"diagnostics": 0}, {"save": True}])

    assert _diagnostics(seen) == [[("MEM101", 5, 1)], []]
    assert [title.partition(" (")[0] for title in _actions(seen)] == [
        "Offload to NVMe instead of RAM",
        "Train LoRA adapters instead of all weights",
    ]
    assert _check(folder) == 0
    assert _check(terminal, "--fix", "--unsafe-fixes") == 0
    assert {name: (folder / name).read_bytes() for name in PROJECT} == {
        name: (terminal / name).read_bytes() for name in PROJECT
    }


def test_a_fix_in_another_file_than_the_finding(tmp_path: Path) -> None:
    """The finding stands in DeepSpeed's file, the edit in LLaMA-Factory's, which is not open."""
    folder = _write(tmp_path / "project", PROJECT)
    seen = _neovim(folder, [{"open": "ds.json"}, {"diagnostics": 1}, {"fix": LORA}, {"save": True}])
    assert _diagnostics(seen) == [[("MEM101", 5, 1)]]
    expected = PROJECT["train.yaml"].replace("finetuning_type: full", "finetuning_type: lora")
    assert (folder / "train.yaml").read_bytes() == expected.encode()
    assert (folder / "ds.json").read_bytes() == PROJECT["ds.json"].encode()
    assert _check(folder) == 0


def test_a_script(tmp_path: Path) -> None:
    """What stands before the finding on its line takes more units in UTF-16 than in code points."""
    folder = _write(tmp_path / "project", {"train.py": SCRIPT})
    mended: list[Step] = [{"fix": "Give the new layer"}, {"diagnostics": 0}, {"save": True}]
    seen = _neovim(folder, [{"open": "train.py"}, {"diagnostics": 1}, *mended])
    assert _diagnostics(seen) == [[("DTY101", 5, 1)], []]
    expected = SCRIPT.replace("Linear(4096, 2)", "Linear(4096, 2, dtype=torch.bfloat16)")
    assert (folder / "train.py").read_bytes() == expected.encode()


def test_a_yaml_that_is_mended_by_typing(tmp_path: Path) -> None:
    broken = PROJECT["train.yaml"].replace("output_dir: saves/qwen", "output_dir: saves: qwen")
    folder = _write(tmp_path / "project", {"train.yaml": broken})
    quotes: list[Step] = [{"type": {"row": 8, "column": column, "text": '"'}} for column in (23, 12)]
    seen = _neovim(folder, [{"open": "train.yaml"}, {"diagnostics": 1}, *quotes, {"diagnostics": 0}, {"save": True}])
    assert _diagnostics(seen) == [[("CFG001", 8, 1)], []]
    assert 'output_dir: "saves: qwen"\n' in (folder / "train.yaml").read_text("utf-8")
