"""Runs that begin in TRL's recipes: who reads the file, and that the run is the one a script or a spec describes."""

from __future__ import annotations

from pathlib import Path

import pytest

from ftlint.dialects.trl_recipe import TRAINERS
from ftlint.engine import check, runs_of
from ftlint.memory import Estimate, estimate
from ftlint.project.spec import parse_spec
from ftlint.project.workspace import Workspace
from ftlint.run.fact import UNKNOWN
from ftlint.run.run import ParallelKind, ReferenceModel, Run

SETTINGS = '[versions]\ntrl = "1.16.0"\ntransformers = "5.23.0"\n'
RECIPE = (
    "model_name_or_path: Qwen/Qwen2.5-7B\ndtype: bfloat16\ndataset_name: mine\noutput_dir: out\nbf16: true\n"
    "per_device_train_batch_size: 2\nmax_length: 2048\ngradient_checkpointing: true\n"
)
SCRIPT = """\
from transformers import AutoModelForCausalLM
from trl import {name}Config, {name}Trainer

model = AutoModelForCausalLM.from_pretrained("Qwen/Qwen2.5-7B", dtype="bfloat16")
args = {name}Config(
    output_dir="out", bf16=True, per_device_train_batch_size=2, max_length=2048, gradient_checkpointing=True
)
{name}Trainer(model=model, args=args, train_dataset=mine).train()
"""


def runs(top: Path, target: str, **files: str) -> list[Run]:
    """The runs that begin in that file of a project."""
    (top / "ftlint.toml").write_text(SETTINGS, "utf-8")
    for name, text in files.items():
        (top / name.replace("_", ".")).write_text(text, "utf-8")
    return [variant.run for variant in runs_of(Workspace(top), [top / target])]


@pytest.mark.parametrize(
    ("command", "pairs"),
    [
        ("trl sft --config recipe.yaml", UNKNOWN),
        ("trl dpo --config recipe.yaml --learning_rate 1e-6", 2),
        ("python scripts/dpo.py --config recipe.yaml", 2),
        ("accelerate launch --num_processes 4 scripts/dpo.py --config recipe.yaml", 2),
    ],
)
def test_the_command_says_which_trainer_it_is(tmp_path: Path, command: str, pairs: object) -> None:
    (run,) = runs(tmp_path, "recipe.yaml", recipe_yaml=RECIPE, run_sh=command + "\n")
    assert run.batch.sequences_per_example.value == pairs


@pytest.mark.parametrize(
    "commands",
    [
        "",
        "python train.py --config recipe.yaml\n",
        'python sft.py --config recipe.yaml "$@"\n',
        "trl sft --config recipe.yaml\ntrl dpo --config recipe.yaml\n",
        "trl rloo --config recipe.yaml\n",
        "trl sft --config recipe.yaml\npython sft.py --config recipe.yaml $MORE\n",
    ],
)
def test_where_the_trainer_cannot_be_told_no_run_begins(tmp_path: Path, commands: str) -> None:
    assert runs(tmp_path, "recipe.yaml", recipe_yaml=RECIPE, run_sh=commands) == []


def test_a_script_of_any_name_leaves_the_trainer_to_the_keys(tmp_path: Path) -> None:
    command = "cat recipe.yaml\npython run.py --config recipe.yaml --max_length 512\n"
    (run,) = runs(tmp_path, "recipe.yaml", recipe_yaml=RECIPE + "packing: true\n", run_sh=command)
    assert run.batch.is_filled.value is True
    assert run.batch.sequence_length_tokens.value is UNKNOWN


def test_the_launch_shards(tmp_path: Path) -> None:
    command = "accelerate launch --config_file zero.yaml sft.py --config recipe.yaml\n"
    zero = (
        "compute_environment: LOCAL_MACHINE\ndistributed_type: DEEPSPEED\nnum_machines: 1\nnum_processes: 8\n"
        "deepspeed_config:\n  zero_stage: 3\n"
    )
    (run,) = runs(tmp_path, "recipe.yaml", recipe_yaml=RECIPE, run_sh=command, zero_yaml=zero)
    assert (run.parallel.kind.value, run.parallel.zero_stage.value) == (ParallelKind.ZERO, 3)
    assert run.parallel.num_processes.value == 8


@pytest.mark.parametrize("trainer", TRAINERS)
def test_the_launch_of_every_trainers_script_is_read(tmp_path: Path, trainer: str) -> None:
    command = f"torchrun --nproc-per-node 4 scripts/{trainer}.py --config recipe.yaml\n"
    (run,) = runs(tmp_path, "recipe.yaml", recipe_yaml=RECIPE, run_sh=command)
    assert run.parallel.num_processes.value == 4


@pytest.mark.parametrize(
    "command", ["accelerate launch run.py --config recipe.yaml", "$LAUNCHER sft.py --config recipe.yaml"]
)
def test_a_launch_that_cannot_be_read_may_shard(tmp_path: Path, command: str) -> None:
    (run,) = runs(tmp_path, "recipe.yaml", recipe_yaml=RECIPE + "packing: true\n", run_sh=command + "\n")
    assert (run.parallel.kind.said, run.parallel.kind.known) == (True, False)


def taken(estimated: Estimate | None) -> list[tuple[object, ...]]:
    """Each term with its moments and its bytes."""
    assert estimated is not None
    return [(term.name, term.moments, term.size) for term in (*estimated.gpu_terms, *estimated.host_terms)]


def estimated(top: Path, target: str) -> Estimate | None:
    """The estimate of the one run that begins in that file."""
    (variant,) = runs_of(Workspace(top), [top / target])
    return estimate(variant.run, versions=variant.versions)


@pytest.mark.parametrize("name", ["SFT", "DPO", "KTO"])
def test_a_recipe_takes_what_the_same_script_takes(tmp_path: Path, name: str) -> None:
    command = f"trl {name.lower()} --config recipe.yaml\n"
    (run,) = runs(tmp_path, "recipe.yaml", recipe_yaml=RECIPE, run_sh=command, train_py=SCRIPT.format(name=name))
    ours, script = estimated(tmp_path, "recipe.yaml"), estimated(tmp_path, "train.py")
    if name == "SFT":
        assert taken(ours) == taken(script)
        return
    # A script may be given another reference model, or none: its interval covers what the recipe is sure of.
    assert run.training.reference.value is ReferenceModel.COPY
    assert ours is not None
    assert script is not None
    assert script.gpu_allocated.low_bytes <= ours.gpu_allocated.low_bytes
    # Older releases' `trl kto` loads its model without the recipe's dtype, so that there the high end is float32's.
    assert name == "KTO" or ours.gpu_allocated.high_bytes <= script.gpu_allocated.high_bytes
    assert name == "DPO" or ours.gpu_allocated.expected_bytes == script.gpu_allocated.expected_bytes


def test_a_recipe_takes_what_the_same_spec_takes(tmp_path: Path) -> None:
    recipe = RECIPE + "use_peft: true\nlora_r: 16\nlora_dropout: 0.0\nlora_target_modules: all-linear\n"
    runs(tmp_path, "recipe.yaml", recipe_yaml=recipe, run_sh="trl sft --config recipe.yaml\n")
    spec = parse_spec(
        {
            "model": "Qwen/Qwen2.5-7B",
            "method": "lora",
            "lora": {"rank": 16, "target": ["all-linear"]},
            "dtype": {"weights": "bf16", "compute": "bf16"},
            "batch": {"micro": 2, "seq_len": 2048, "filled": False},
            "loss": "chunked",
            "gradient_checkpointing": True,
            "versions": {"transformers": "5.23.0"},
        }
    )
    ours, theirs = estimated(tmp_path, "recipe.yaml"), estimate(spec.run, versions=spec.versions)
    assert ours is not None
    assert theirs is not None
    assert ours.gpu_allocated.expected_bytes == theirs.gpu_allocated.expected_bytes


def test_nothing_is_found_too_large_where_a_launch_that_is_not_seen_may_shard(tmp_path: Path) -> None:
    recipe = RECIPE.replace("7B", "72B") + "packing: true\n"
    assert len(runs(tmp_path, "recipe.yaml", recipe_yaml=recipe)) == 1
    (tmp_path / "ftlint.toml").write_text(SETTINGS + '[hardware]\ngpu = "H100-80GB"\n', "utf-8")
    assert [found.code for found in check(Workspace(tmp_path), [tmp_path]).findings] == []
