"""What launch commands are told is held against the launcher's own parser."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ftlint.engine import check
from ftlint.project.workspace import Workspace

PINS = '[versions]\naccelerate = "==1.15.0"\nllamafactory = "==0.9.5"\n'


def found(folder: Path, text: str, name: str = "run.sh", pins: str = PINS) -> list[tuple[str, str, str]]:
    """Code, severity and the text pointed at."""
    (folder / "ftlint.toml").write_text(pins, "utf-8")
    (folder / name).write_text(text, "utf-8")
    result = check(Workspace(folder), [folder])
    assert not result.unread
    return [
        (each.code, each.severity.value, text[each.location.span.start : each.location.span.end])
        for each in result.findings
    ]


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("accelerate launch --num_procesess 4 train.py", [("CFG101", "error", "num_procesess")]),
        ("accelerate launch --num-procesess=4 train.py", [("CFG101", "error", "num-procesess")]),
        ("accelerate launch --num_proc 4 train.py", [("CFG101", "error", "num_proc")]),  # no abbreviations
        ("accelerate launch --lora_rank 8 train.py", [("CFG106", "error", "lora_rank")]),
        ("accelerate launch --num_processes four train.py", [("CFG102", "error", "four")]),
        ("accelerate launch --num_processes 2.5 train.py", [("CFG102", "error", "2.5")]),
        ("accelerate launch --mixed_precision BF16 train.py", [("CFG110", "error", "BF16")]),
        ("accelerate launch --mixed_precision=fp64 train.py", [("CFG103", "error", "fp64")]),
        ("srun uv run accelerate launch --zero_stag 3 train.py", [("CFG101", "error", "zero_stag")]),
        ("X=1 python -m accelerate.commands.launch --zero_stag 3 a.py", [("CFG101", "error", "zero_stag")]),
        ("accelerate-launch --zero_stag 3 train.py", [("CFG101", "error", "zero_stag")]),
        ("N=four\naccelerate launch --num_processes $N train.py", [("CFG102", "error", "four")]),
        ('ARGS="--zero_stag 3"\naccelerate launch $ARGS train.py', [("CFG101", "error", "zero_stag")]),
        ("bash -c 'accelerate launch --zero_stag 3 train.py'", [("CFG101", "error", "zero_stag")]),
        ("llamafactory-cli train a.yaml lora_rnk=8", [("CFG101", "error", "lora_rnk")]),
        ("FORCE_TORCHRUN=1 llamafactory-cli train a.yaml lora_rank=8 use_lora=true", [("CFG101", "error", "use_lora")]),
    ],
)
def test_what_the_launcher_refuses_is_an_error_at_the_word(
    command: str, expected: list[tuple[str, str, str]], tmp_path: Path
) -> None:
    assert found(tmp_path, f"#!/bin/bash\n{command}\n") == expected


@pytest.mark.parametrize(
    "command",
    [
        "accelerate launch train.py --num_procesess 4",  # the script's own
        "accelerate launch --multi_gpu -m package.train --zero_stag 3",
        "accelerate launch --num-processes=4 --mixed-precision bf16 -m train --zero_stag 3",
        "accelerate launch $ARGS --zero_stag 3 train.py",  # who knows whether the script has come
        'accelerate launch "${ARGS[@]}" --zero_stag 3 train.py',
        "accelerate launch --num_processes $(nvidia-smi -L | wc -l) train.py",
        "accelerate launch --num_processes ${N:-4} --machine_rank $SLURM_PROCID train.py",
        "accelerate launch --$NAME 3 train.py",
        "accelerate launch --help",
        "accelerate launch --",
        "accelerate launch",
        "accelerate launch --num_processes",
        "accelerate config --num_procesess 4",
        "echo accelerate launch --zero_stag 3 train.py",
        "# accelerate launch --zero_stag 3 train.py",
        "llamafactory-cli train a.yaml $MORE learning_rate=1e-4",
        "llamafactory-cli train --stage sft --lora_ran 8",  # abbreviations are taken here
        "llamafactory-cli chat a.yaml lora_rnk=8",
        "llamafactory-cli train",
    ],
)
def test_what_it_takes_or_nobody_can_tell_is_nothing(command: str, tmp_path: Path) -> None:
    assert found(tmp_path, f"{command}\n") == []


def test_a_command_in_a_notebook(tmp_path: Path) -> None:
    cell: dict[str, object] = {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None}
    cells = [{**cell, "source": ["import torch\n"]}, {**cell, "source": ["!accelerate launch --zero_stag 3 a.py\n"]}]
    text = json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})
    ((code, severity, _),) = found(tmp_path, text, "run.ipynb")
    assert (code, severity) == ("CFG101", "error")


def test_a_flag_that_comes_later_and_one_that_is_gone(tmp_path: Path) -> None:
    old = '[versions]\naccelerate = "==0.26.1"\n'
    assert found(tmp_path, "accelerate launch --enable_cpu_affinity train.py\n", pins=old) == [
        ("CFG101", "error", "enable_cpu_affinity")
    ]
    assert found(tmp_path, "accelerate launch --enable_cpu_affinity train.py\n") == []
    assert [each[:2] for each in found(tmp_path, "accelerate launch --ipex train.py\n")] == [("CFG104", "error")]


def test_the_fix_keeps_the_dashes_in_front(tmp_path: Path) -> None:
    text = "accelerate launch --num-procesess 4 train.py\n"
    (tmp_path / "run.sh").write_text(text, "utf-8")
    (finding,) = check(Workspace(tmp_path), [tmp_path]).findings
    ((edit,),) = (fix.edits for fix in finding.fixes)
    after = text[: edit.location.span.start] + edit.content + text[edit.location.span.end :]
    assert after == "accelerate launch --num_processes 4 train.py\n"
