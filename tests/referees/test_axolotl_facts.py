"""The facts that we read off an Axolotl file are the settings that Axolotl makes of it."""

from __future__ import annotations

import json
import os
import subprocess
from typing import Any

import pytest

from ftlint.run.dtype import DType
from ftlint.run.fact import UNKNOWN
from ftlint.run.run import Run
from ftlint.syntax.document import Format
from tests.dialects.reading import lowered
from tests.referees.asking import ROOT
from tests.referees.roster import BY_NAME
from tests.referees.test_agreement import available

pytestmark = pytest.mark.referee

BASE = "base_model: HuggingFaceTB/SmolLM2-135M\ndatasets: [{path: x, type: alpaca}]\nlearning_rate: 0.0002\n"
LORA = "adapter: lora\nlora_r: 8\nlora_alpha: 16\nlora_target_linear: true\n"
TEXTS = (
    "",
    "micro_batch_size: 4\nsequence_len: 2048\ngradient_accumulation_steps: 8\noptimizer: adamw_8bit\n",
    "bf16: true\nsample_packing: true\nflash_attention: true\ngradient_checkpointing: true\n",
    "bf16: auto\nfp16: true\nattn_implementation: sdpa\n",
    "bf16: false\nfp16: false\neager_attention: true\npad_to_sequence_len: true\n",
    "bf16:\nfp16:\ngradient_checkpointing:\nsdp_attention: true\n",
    LORA,
    LORA + "lora_dropout: 0.1\nbf16: true\nflash_attention: true\nsample_packing: true\n",
    LORA + "lora_mlp_kernel: false\nlora_qkv_kernel: false\nlora_o_kernel: false\nflash_attention: true\n",
    "rl: dpo\nfsdp_version: 2\nfsdp_config: {offload_params: false}\n",
)
FACTS = {
    "batch.micro_batch": "micro_batch_size",
    "batch.sequence_length_tokens": "sequence_len",
    "batch.gradient_accumulation": "gradient_accumulation_steps",
    "training.optimizer": "optimizer",
    "training.attention": "attn_implementation",
    "adapter.lora_rank": "lora_r",
    "adapter.lora_dropout": "lora_dropout",
    "parallel.fsdp_version": "fsdp_version",
}


def _asked() -> list[dict[str, Any]]:
    python = available(BY_NAME["axolotl"]).python
    assert python is not None
    quiet = {"CUDA_VISIBLE_DEVICES": "", "HF_HUB_OFFLINE": "1", "AXOLOTL_DO_NOT_TRACK": "1", "PYTHONPATH": str(ROOT)}
    outcome = subprocess.run(
        [python, "-m", "tests.referees.axolotl_settings"],
        input=json.dumps([BASE + text for text in TEXTS]),
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={**os.environ, **quiet},
    )
    assert outcome.returncode == 0, outcome.stderr[-2000:]
    answers: list[dict[str, Any]] = json.loads(outcome.stdout.rpartition("\n")[2])
    return answers


def _differences(run: Run, theirs: dict[str, Any]) -> list[str]:
    """What we know otherwise; what we do not know differs from nothing."""
    ours: dict[str, object] = {}
    for name, setting in FACTS.items():
        fact = run.fact(name)
        if fact is not None and fact.value is not UNKNOWN:
            ours[setting] = fact.value
    dtype, checkpointing = run.precision.compute.value, run.training.gradient_checkpointing.value
    if isinstance(dtype, DType):
        ours["torch_dtype"] = f"torch.{dtype.value}"
    if isinstance(checkpointing, bool) and checkpointing is not bool(theirs["gradient_checkpointing"]):
        return ["gradient_checkpointing"]
    if run.batch.is_filled.value is True and not (theirs["pad_to_sequence_len"] and not theirs["lora_mlp_kernel"]):
        return ["batch.is_filled"]
    return [f"{name}: {value}, {theirs[name]}" for name, value in ours.items() if theirs[name] != value]


def test_what_we_know_of_a_file_is_what_axolotl_makes_of_it() -> None:
    runs = [lowered("axolotl", BASE + text, Format.YAML).facts for text in TEXTS]
    found = {text: _differences(run, theirs) for text, run, theirs in zip(TEXTS, runs, _asked(), strict=True)}
    assert found == {text: [] for text in TEXTS}
    assert all(run.precision.compute.known and run.batch.micro_batch.known for run in runs)
