"""`ftlint fit` as a door: which hardware, exit status, formats, patches that do what they say."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import jsonschema
import pytest

from tests.cli.conftest import ROOT, Cli

SCHEMA = json.loads((ROOT / "schemas" / "advice.json").read_text(encoding="utf-8"))
LARGE = (
    "--model Qwen/Qwen2.5-7B --method full --micro-batch 8 --seq-len 4096 --optimizer adamw_torch --attention sdpa "
    "--loss full --no-gradient-checkpointing --framework torch=2.9.0 --framework transformers=5.0.0"
).split()
SMALL = (*"--model Qwen/Qwen2.5-0.5B --method lora --micro-batch 1 --seq-len 512 --loss full --attention sdpa".split(),)
YAML = """\
model_name_or_path: Qwen/Qwen2.5-7B  # the base
stage: sft
do_train: true
finetuning_type: full
dataset: alpaca_en_demo
template: qwen
output_dir: saves/qwen
bf16: true
pure_bf16: false
cutoff_len: 4096
flash_attn: sdpa
disable_gradient_checkpointing: true
per_device_train_batch_size: 8
optim: adamw_torch
"""


def test_a_run_that_fits_has_nothing_to_change(cli: Cli) -> None:
    outcome = cli("fit", *SMALL, "--hardware", "H200,1TB", "--framework", "transformers=5.0.0")
    assert outcome.status == 0
    assert "Nothing has to be changed." in outcome.stdout
    assert "largest micro batch as it is:" in outcome.stdout


def test_ways_to_make_it_fit(cli: Cli) -> None:
    outcome = cli("fit", *LARGE, "--hardware", "H100-80GB,1TB", "--output-format", "json")
    found = json.loads(outcome.stdout)
    jsonschema.validate(found, SCHEMA)
    assert outcome.status == 0
    assert found["verdict"] == "does not fit"
    assert found["largest_micro_batch"] == 0
    assert found["advice"]
    assert all(each["verdict"] == "fits" for each in found["advice"])
    titles = [change["title"] for change in found["advice"][0]["changes"]]
    assert "Turn on gradient checkpointing" in titles


def test_advice_does_what_it_says(cli: Cli, folder: Path) -> None:
    """The spec with the changes of an advice gives the figures of that advice."""
    found = json.loads(cli("fit", *LARGE, "--hardware", "H100-80GB,1TB", "--output-format", "json").stdout)
    first = found["advice"][0]
    facts = {name: value for change in first["changes"] for name, value in change["facts"].items()}
    # Blocks that activations left are in the way of foreach AdamW's temporaries: without the fused one it is tight.
    assert facts == {
        "training.gradient_checkpointing": "true",
        "training.loss": "liger",
        "training.optimizer": "adamw_torch_fused",
    }
    words = [word for word in LARGE if word not in ("--no-gradient-checkpointing",)]
    words[words.index("--loss") + 1] = "liger"
    words[words.index("--optimizer") + 1] = "adamw_torch_fused"
    again = cli(
        *("estimate", *words, "--gradient-checkpointing", "--gpu", "H100-80GB", "--host-ram", "1TB"),
        *("--output-format", "json"),
    )
    assert json.loads(again.stdout)["gpu"]["reserved"] == first["gpu_reserved"]


def test_nothing_helps(cli: Cli) -> None:
    outcome = cli("fit", *LARGE, "--hardware", "T4,16GB", "--most", "1", "--model", "meta-llama/Llama-2-70b-hf")
    assert outcome.status == 1
    assert "No change that ftlint knows makes it fit" in outcome.stdout


def test_a_patch_of_the_users_own_file(cli: Cli, folder: Path) -> None:
    (folder / "train.yaml").write_text(YAML, encoding="utf-8")
    (folder / "ftlint.toml").write_text(
        '[hardware]\ngpu = "H100-80GB"\nhost-ram = "2TB"\n[versions]\nllamafactory = "0.9.4"\n', encoding="utf-8"
    )
    outcome = cli("fit", "train.yaml", "--output-format", "json")
    found = json.loads(outcome.stdout)
    numbers = [number for number, each in enumerate(found["advice"], start=1) if each["patch"]]
    assert numbers, outcome
    number = numbers[0]
    patch = cli("fit", "train.yaml", "--diff", str(number)).stdout
    assert patch == found["advice"][number - 1]["patch"]
    subprocess.run(["git", "apply", "-p0"], input=patch, text=True, check=True, cwd=folder)
    after = (folder / "train.yaml").read_text(encoding="utf-8")
    assert "# the base" in after
    assert after != YAML
    again = json.loads(cli("fit", "train.yaml", "--output-format", "json").stdout)
    assert again["gpu_reserved"] == found["advice"][number - 1]["gpu_reserved"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--hardware", "H1000"), "no GPU of the name 'H1000'"),
        (("--hardware", "h100-80g"), "did you mean 'H100-80GB'"),
        (("--hardware", "0xH100-80GB"), "at least one GPU"),
        (("--hardware", "H100-80GB,much"), "'much' is no size"),
        (("--hardware", "aws:p4d.24xlarg"), "did you mean 'aws:p4d.24xlarge'"),
        ((), "no GPU is named"),
        (("--hardware", "H200", "--diff", "9"), "--diff 9"),
    ],
)
def test_what_cannot_be_followed(cli: Cli, arguments: tuple[str, ...], words: str) -> None:
    outcome = cli("fit", *SMALL, *arguments)
    assert outcome.status == 2
    assert words in outcome.stderr
    assert outcome.stdout == ""


def test_a_run_without_a_model(cli: Cli, folder: Path) -> None:
    (folder / "train.yaml").write_text(YAML.replace("Qwen/Qwen2.5-7B", "nobody/nothing"), encoding="utf-8")
    outcome = cli("fit", "train.yaml", "--hardware", "H200")
    assert (outcome.status, outcome.stdout) == (2, "")
    assert "the model" in outcome.stderr
