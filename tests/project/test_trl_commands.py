"""Whose a YAML file is, by the commands of a project that name it."""

from __future__ import annotations

from pathlib import Path

import pytest

from ftlint.engine import check
from ftlint.project.workspace import Workspace

RECIPE = "model_name_or_path: Qwen/Qwen2.5-0.5B\ndataset_name: trl-lib/Capybara\noutput_dir: out\n"


def said(top: Path, recipe: str, **files: str) -> list[str]:
    """The findings of a project with that recipe, as `code severity`."""
    (top / "recipe.yaml").write_text(RECIPE + recipe, "utf-8")
    (top / "ftlint.toml").write_text('[versions]\ntrl = "1.16.0"\ntransformers = "5.23.0"\naccelerate = "1.15.0"\n')
    for name, text in files.items():
        (top / name.replace("_", ".")).write_text(text, "utf-8")
    return [f"{found.code} {found.severity.value}" for found in check(Workspace(top), [top]).findings]


@pytest.mark.parametrize(
    ("recipe", "command", "expected"),
    [
        ("max_lenght: 1024\n", "trl sft --config recipe.yaml", ["CFG101 error"]),
        ("max_lenght: 1024\n", "cd here && trl sft --config ./recipe.yaml", ["CFG101 error"]),
        ("max_lenght: 1024\n", "trl sft --config other/recipe.yaml", ["CFG101 warning"]),
        ("max_lenght: 1024\n", "python train.py --config recipe.yaml", ["CFG101 warning"]),
        ("max_lenght: 1024\n", 'trl "$METHOD" --config recipe.yaml', ["CFG101 warning"]),
        ("num_processes: 4\n", "trl sft --config recipe.yaml", []),
        ("num_generations: 4\n", "trl sft --config recipe.yaml", ["CFG106 error"]),
        ("num_generations: 4\n", "trl grpo --config recipe.yaml", []),
        ("learning_rate: fast\n", "trl sft --config recipe.yaml", ["CFG102 error"]),
        ("learning_rate: fast\n", "trl sft --config recipe.yaml --learning_rate 1e-5", []),
        ("load_best_model_at_end: true\n", "trl sft --config recipe.yaml", ["HF101 error"]),
        ("load_best_model_at_end: 'false'\n", "trl sft --config recipe.yaml", []),
        ("load_best_model_at_end: true\n", "trl sft --config recipe.yaml --eval_strategy steps", []),
    ],
)
def test_a_recipe_is_held_against_the_command_that_reads_it(
    tmp_path: Path, recipe: str, command: str, expected: list[str]
) -> None:
    assert said(tmp_path, recipe, run_sh=command + "\n") == expected


def test_where_something_else_names_the_file_nothing_is_sure(tmp_path: Path) -> None:
    reader = 'import yaml\n\nprint(yaml.safe_load(open("recipe.yaml")))\n'
    found = said(tmp_path, "max_lenght: 1024\n", run_sh="trl sft --config recipe.yaml\n", show_py=reader)
    assert found == ["CFG101 warning"]


ANOTHERS = "use_slow_tokenizer: true\nwith_tracking: true\ncheckpointing_steps: 10\nmax_seq_length: 1024\n"


@pytest.mark.parametrize(
    ("recipe", "command", "expected"),
    [
        (ANOTHERS, "python finetune.py", []),  # a program with settings of its own may have kept what TRL dropped
        (ANOTHERS.partition("check")[0] + "max_seq_length: 1024\n", "python finetune.py", ["CFG104 warning"]),
        ("max_lenght: 1\nmodel_revison: a\nlearning_rat: 1.0\n", "python finetune.py", ["CFG101 warning"] * 3),
    ],
)
def test_a_file_of_mostly_other_keys_is_another_programs(
    recipe: str, command: str, expected: list[str], tmp_path: Path
) -> None:
    assert said(tmp_path, recipe, run_sh=command) == expected
