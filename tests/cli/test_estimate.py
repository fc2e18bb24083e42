"""`ftlint estimate` as a door: which run is meant, exit status, formats."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from ftlint.cli.spec_options import laid_over
from ftlint.engine.result import RunVariant
from ftlint.run.run import Run
from ftlint.run.versions import VersionView
from tests.cli.conftest import Cli

WORDS = (
    "--model Qwen/Qwen2.5-32B --method full --zero 3 --offload-param cpu --offload-optimizer cpu "
    "--gpus-per-node 1 --nodes 1 --gpu H100-96GB --host-ram 744GB --micro-batch 1 --seq-len 2048"
).split()
SPEC = {
    "model": {"id": "Qwen/Qwen2.5-32B"},
    "method": "full",
    "parallel": {
        "kind": "zero",
        "stage": 3,
        "gpus_per_node": 1,
        "nodes": 1,
        "offload_param": "cpu",
        "offload_optimizer": "cpu",
    },
    "batch": {"micro": 1, "seq_len": 2048},
    "hardware": {"gpu": "H100-96GB", "host_ram": "744GB"},
}


def test_options_and_spec_say_the_same(cli: Cli, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "spec.json").write_text(json.dumps(SPEC))
    of_options = cli("estimate", *WORDS, "--output-format", "json")
    of_file = cli("estimate", "--spec", "spec.json", "--output-format", "json")
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(json.dumps(SPEC).encode())))
    of_stdin = cli("estimate", "--spec", "-", "--output-format", "json")
    shown = [json.loads(outcome.stdout) for outcome in (of_options, of_file, of_stdin)]
    assert [outcome.status for outcome in (of_options, of_file, of_stdin)] == [0, 0, 0]
    assert shown[0]["deepspeed_estimator"] == {"cpu": 884624661504, "gpu": 3114270720}
    assert shown[0]["verdict"] != "fits"
    assert [{**each, "run": ""} for each in shown] == [{**shown[0], "run": ""}] * 3


def test_the_verdict_fails_only_when_asked(cli: Cli) -> None:
    small = [*WORDS, "--host-ram", "64GB"]
    assert cli("estimate", *small).stdout.splitlines()[0].endswith("does not fit")
    assert cli("estimate", *small, "--fail-on", "error").status == 1
    assert cli("estimate", *small, "--fail-on", "never").status == 0


def test_an_option_changes_one_word_of_a_spec() -> None:
    over = {"parallel": {"stage": 2}, "model": {"id": "b"}}
    under = {"parallel": {"stage": 3, "nodes": 2}, "model": {"config": {}}, "method": "full"}
    assert laid_over(under, over) == {"parallel": {"stage": 2, "nodes": 2}, "model": {"id": "b"}, "method": "full"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "name a file or folder"),
        (["ds.json", "--method", "full"], "TARGET says what the run is"),
        (["--spec", "gone.json"], "gone.json: no such file"),
        (["--spec", "broken.json"], "broken.json: not JSON"),
        (["--spec", "list.json"], "list.json: a run spec is a JSON object"),
        (["--model", "x", "--run", "y"], "--run chooses"),
        (["--model", "no/such-model-anywhere"], "no/such-model-anywhere"),
        (["--model", "x", "--framework", "torch"], "NAME=VERSION"),
        (["--method", "full"], "model"),
        (["--model", "Qwen/Qwen2.5-7B", "--micro-batch", "-1"], "batch.micro = -1: expected a whole number"),
        (["--model", "Qwen/Qwen2.5-7B", "--gpu", "A100-80G"], 'hardware.gpu = "A100-80G": expected a GPU'),
        (["--model", "Qwen/Qwen2.5-7B", "--gpu", "A100-80G"], "did you mean 'A100-80GB'?"),
        (["--model", "Qwen/Qwen2.5-7B", "--method", "lora", "--lora-dropout", "3"], "lora.dropout = 3.0: expected"),
        (["--spec", "absurd.json"], "model.config.num_hidden_layers must be a whole number from 1 to 10000"),
    ],
)
def test_wrong_input_is_one_line_and_two(cli: Cli, folder: Path, arguments: list[str], said: str) -> None:
    (folder / "broken.json").write_text("{")
    (folder / "list.json").write_text("[]")
    (folder / "absurd.json").write_text(
        json.dumps({"model": {"config": {"model_type": "llama", "num_hidden_layers": 10**12}}})
    )
    outcome = cli("estimate", *arguments)
    assert (outcome.status, outcome.stdout) == (2, "")
    assert said in outcome.stderr
    assert outcome.stderr.count("\n") == 1


def variants(*names: str) -> tuple[RunVariant, ...]:
    return tuple(RunVariant(Run(name=name), VersionView({}), "") for name in names)


def test_several_runs_are_listed(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ftlint.engine.runs_of", lambda workspace, paths: variants("one", "two", "one"))
    outcome = cli("estimate", "ds.json")
    assert (outcome.status, outcome.stdout) == (2, "")
    assert outcome.stderr.splitlines()[1:] == ["  one", "  two"]
    assert "the runs here are one, two" in cli("estimate", "ds.json", "--run", "three").stderr
    unknown = cli("estimate", "ds.json", "--run", "one")
    assert unknown.status == 2
    assert "estimate of run 'one': no model is named" in unknown.stderr


def test_no_run(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ftlint.engine.runs_of", lambda workspace, paths: ())
    outcome = cli("estimate", "ds.json")
    assert outcome.status == 2
    assert "no training run begins here" in outcome.stderr
    assert cli("show").status == 2


CONFIG = {
    "model_type": "llama", "hidden_size": 512, "intermediate_size": 1792, "num_hidden_layers": 4,
    "num_attention_heads": 8, "num_key_value_heads": 2, "vocab_size": 4096, "tie_word_embeddings": False,
}  # fmt: skip


def test_a_model_may_be_a_folder(cli: Cli, folder: Path) -> None:
    (folder / "tiny").mkdir()
    (folder / "tiny" / "config.json").write_text(json.dumps(CONFIG))
    assert "17,830,400 parameters" in cli("estimate", "--model", "tiny").stdout


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"hidden_size": None}, "hidden_size"),
        ({"hidden_size": -512}, "hidden_size"),
        ({"hidden_size": float("nan")}, "hidden_size must be a whole number"),
        ({"intermediate_size": float("inf")}, "intermediate_size must be a whole number"),
        ({"num_hidden_layers": 10**7}, "num_hidden_layers"),
        ({"num_attention_heads": 7}, "num_attention_heads"),
        ({"vocab_size": True}, "vocab_size"),
        ({"head_dim": 0}, "head_dim"),
        ({"model_type": "llamma"}, "model_type 'llamma'"),
        ({"model_type": "mixtral", "num_local_experts": 4, "num_experts_per_tok": 8}, "num_experts_per_tok"),
    ],
)
def test_a_config_that_describes_no_model(cli: Cli, folder: Path, changes: dict[str, Any], said: str) -> None:
    (folder / "tiny").mkdir()
    (folder / "tiny" / "config.json").write_text(json.dumps({**CONFIG, **changes}))
    for more in ((), ("--exact",)):
        outcome = cli("estimate", "--model", "tiny", "--micro-batch", "1", "--seq-len", "128", *more)
        assert (outcome.status, outcome.stdout) == (2, "")
        assert said in outcome.stderr
        assert outcome.stderr.count("\n") == 1


@pytest.mark.parametrize("text", ["", "hello", "[]", '{"model_type": "llama", '])
def test_a_folder_whose_config_is_none(cli: Cli, folder: Path, text: str) -> None:
    (folder / "tiny").mkdir()
    (folder / "tiny" / "config.json").write_text(text)
    outcome = cli("estimate", "--model", "tiny")
    assert outcome.status == 2
    assert outcome.stderr.startswith("ftlint: tiny/config.json: ")


LLAMAFACTORY = """\
model_name_or_path: Qwen/Qwen2.5-7B
stage: sft
do_train: true
finetuning_type: full
pure_bf16: true
cutoff_len: 2048
packing: true
per_device_train_batch_size: 2
gradient_accumulation_steps: 4
flash_attn: fa2
optim: adamw_torch_fused
output_dir: out
"""
AXOLOTL = """\
base_model: Qwen/Qwen2.5-7B
datasets:
  - {path: x, type: alpaca}
bf16: true
sequence_len: 2048
sample_packing: true
micro_batch_size: 2
gradient_accumulation_steps: 4
flash_attention: true
gradient_checkpointing: true
optimizer: adamw_torch_fused
learning_rate: 0.00002
"""


def _figures(cli: Cli, target: str) -> dict[str, Any]:
    outcome = cli("estimate", target, "--output-format", "json")
    assert outcome.status == 0, outcome.stderr
    shown: dict[str, Any] = json.loads(outcome.stdout)
    return {name: shown[name] for name in ("verdict", "gpu", "host")}


def test_axolotl_and_llamafactory_say_the_same(cli: Cli, folder: Path) -> None:
    (folder / "lf.yaml").write_text(LLAMAFACTORY)
    (folder / "ax.yaml").write_text(AXOLOTL)
    assert _figures(cli, "ax.yaml") == _figures(cli, "lf.yaml")


@pytest.mark.parametrize(
    ("flags", "status", "said"),
    [
        ("", 0, "loss"),
        ("--deepspeed zero3.json", 2, "parallel.kind"),
        ("--deepspeed=$CONFIG", 2, "parallel.kind"),
        ("--micro-batch-size 1", 0, "without activations"),
        ("--no-sample-packing --bf16", 0, "loss"),
        ("--output-dir $OUT", 0, "loss"),
        ("$EXTRA", 2, "model.id"),
    ],
)
def test_flags_take_the_place_of_axolotl_s_keys(cli: Cli, folder: Path, flags: str, status: int, said: str) -> None:
    (folder / "ax.yaml").write_text(AXOLOTL)
    (folder / "run.sh").write_text(f"axolotl train ax.yaml {flags}\n")
    outcome = cli("estimate", "ax.yaml")
    assert outcome.status == status
    assert said in outcome.stdout + outcome.stderr
