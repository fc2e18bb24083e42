"""Runs that begin in a launch command, in shell files and in notebooks."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ftlint.engine import check, runs_of
from ftlint.project.workspace import Workspace
from ftlint.run.fact import UNKNOWN
from ftlint.run.run import ParallelKind, Run

FLAGS = "--enable_fsdp --model_name meta-llama/Llama-2-7b-hf --fsdp_config.pure_bf16"


def runs(root: Path, **files: str) -> list[Run]:
    for name, text in files.items():
        (root / name.replace("_", ".", 1)).write_text(text, "utf-8")
    return [variant.run for variant in runs_of(Workspace(root), [root])]


def test_each_command_is_a_run(tmp_path: Path) -> None:
    text = (
        f"torchrun --nnodes 2 --nproc_per_node 4 src/finetuning.py {FLAGS}\n"
        f"torchrun --nproc_per_node 8 -m llama_recipes.finetuning {FLAGS}\n"
    )
    found = runs(tmp_path, run_sh=text)
    assert [run.parallel.num_processes.value for run in found] == [8, 8]
    assert [run.parallel.gpus_per_node.value for run in found] == [4, 8]
    assert [run.parallel.kind.value for run in found] == [ParallelKind.FSDP] * 2
    places = [run.root.span for run in found if run.root is not None]
    assert [text[place.start : place.end] for place in places] == ["src/finetuning.py", "llama_recipes.finetuning"]
    assert all(run.model.architecture.known for run in found)


def test_a_notebook_starts_one(tmp_path: Path) -> None:
    cell: dict[str, object] = {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None}
    source = f"!torchrun --nproc_per_node 4 finetuning.py {FLAGS}\n"
    document = {"cells": [{**cell, "source": source}], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    (run,) = runs(tmp_path, nb_ipynb=json.dumps(document))
    assert run.parallel.num_processes.value == 4
    assert run.root is not None
    assert run.root.cell == 1


def test_another_launch_file_says_nothing_of_it(tmp_path: Path) -> None:
    command = f"torchrun --nproc_per_node 4 finetuning.py {FLAGS}\n"
    (run,) = runs(tmp_path, run_sh=command, all_sh="bash run.sh\n")
    assert run.parallel.num_processes.value == 4


@pytest.mark.parametrize(
    "text",
    [
        "torchrun finetuning.py --model_name x --lr 1\n",  # anybody's
        f"echo torchrun finetuning.py {FLAGS}\n",
        f"# torchrun finetuning.py {FLAGS}\n",
        "torchrun finetuning.py --enable_fsdp\n",  # its model is not seen
        "import torch\n",
        "if then (( ' \" ${\n",
    ],
)
def test_files_in_which_no_run_begins(tmp_path: Path, text: str) -> None:
    assert runs(tmp_path, run_sh=text) == []


def test_a_script_of_that_name_that_is_another(tmp_path: Path) -> None:
    command = f"torchrun --nproc_per_node 4 finetuning.py {FLAGS}\n"
    assert runs(tmp_path, run_sh=command, finetuning_py="import argparse\n") == []
    assert len(runs(tmp_path, run_sh=command, finetuning_py="from llama_cookbook.finetuning import main\n")) == 1


def test_what_the_launcher_hides_is_unknown(tmp_path: Path) -> None:
    (run,) = runs(tmp_path, run_sh=f"torchrun --nproc_per_node $N finetuning.py {FLAGS}\n")
    assert run.parallel.num_processes.value is UNKNOWN


def test_a_folder_of_shell_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "broken.sh").write_bytes(b"if [ 'x\n\xff\xfe)) done\0\n")
    (tmp_path / "installer.sh").write_bytes(b"#!/bin/sh\n" + b"\0" * 11_000_000)
    (tmp_path / "fine.sh").write_text("echo hello\n", "utf-8")
    result = check(Workspace(tmp_path), [tmp_path])
    assert not result.findings
    assert not result.unread
    assert not result.files


def test_a_shell_file_can_be_named(tmp_path: Path) -> None:
    (tmp_path / "run.sh").write_text("python train.py\n", "utf-8")
    (file,) = check(Workspace(tmp_path), [tmp_path / "run.sh"]).files
    assert file.dialect is None
    assert file.explanation
