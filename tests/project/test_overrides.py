"""A settings file is judged with what command lines set beside it."""

from __future__ import annotations

from pathlib import Path

import pytest

from ftlint.engine import check
from ftlint.project.workspace import Workspace

NO_DATASET = """model_name_or_path: Qwen/Qwen2.5-7B
stage: sft
do_train: true
finetuning_type: lora
template: qwen
output_dir: out
"""


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("llamafactory-cli train run.yaml", {"LF102"}),
        ("llamafactory-cli train configs/run.yaml dataset=mine", set()),
        ("llamafactory-cli train run.yaml learning_rate=1e-4 \\\n  dataset=mine,other 2>&1 | tee log", set()),
        ('llamafactory-cli train run.yaml "$@"', set()),
        ("llamafactory-cli train other.yaml dataset=mine", {"LF102"}),
        ("llamafactory-cli train run.yaml > out.log", {"LF102"}),
    ],
)
def test_what_a_command_sets_is_not_missing(tmp_path: Path, command: str, expected: set[str]) -> None:
    (tmp_path / "run.yaml").write_text(NO_DATASET, "utf-8")
    (tmp_path / "run.sh").write_text(f"#!/bin/bash\n{command}\n", "utf-8")
    result = check(Workspace(tmp_path), (tmp_path,))
    assert {each.code for each in result.findings if each.severity.value == "error"} == expected


def test_a_key_that_a_command_overrules_is_not_judged(tmp_path: Path) -> None:
    (tmp_path / "run.yaml").write_text(NO_DATASET + "dataset: mine\nmax_samples: 5\nstreaming: true\n", "utf-8")
    (tmp_path / "run.sh").write_text("llamafactory-cli train run.yaml streaming=false\n", "utf-8")
    result = check(Workspace(tmp_path), (tmp_path,))
    assert not [each for each in result.findings if each.code.startswith("LF")]
