"""SAVE101 and SAVE102 on scripts that are near misses, or the same mistake in other words."""

from __future__ import annotations

from pathlib import Path

import pytest

from ftlint.engine import check
from ftlint.findings import Finding
from ftlint.project.workspace import Workspace

HEAD = """\
import os
import torch
import torch.distributed as dist
import torch.distributed.checkpoint as dcp
from accelerate import Accelerator, FullyShardedDataParallelPlugin
from peft import LoraConfig, get_peft_model
from safetensors.torch import save_file
from torch.distributed.checkpoint.state_dict import StateDictOptions, get_model_state_dict, get_state_dict
from torch.distributed.fsdp import FullStateDictConfig, ShardingStrategy, StateDictType, fully_shard
from torch.distributed.fsdp import FullyShardedDataParallel as FSDP
from transformers import AutoModelForCausalLM, Trainer, TrainingArguments

rank = dist.get_rank()
model = AutoModelForCausalLM.from_pretrained("Qwen/Qwen2.5-7B", dtype=torch.bfloat16)
"""
FSDP2 = "fully_shard(model)\n"
FSDP1 = "model = FSDP(model)\n"
PEFT = "model = get_peft_model(model, LoraConfig())\n"
SHARDING_TRAINER = "trainer = Trainer(model, TrainingArguments('o', fsdp='full_shard'))\ntrainer.train()\n"
PREPARED = (
    "plugin = FullyShardedDataParallelPlugin(fsdp_version=2)\naccelerator = Accelerator(fsdp_plugin=plugin)\n"
    "model = accelerator.prepare(model)\n"
)
FULL = "with FSDP.state_dict_type(model, StateDictType.FULL_STATE_DICT, FullStateDictConfig(offload_to_cpu=True)):\n"


def found(tmp_path: Path, text: str, **others: str) -> list[Finding]:
    """The saving findings in a script, with other files beside it."""
    (tmp_path / "train.py").write_text(HEAD + text)
    for name, content in others.items():
        (tmp_path / name.replace("__", ".")).write_text(content)
    result = check(Workspace(tmp_path), [tmp_path])
    assert not result.unread
    return [finding for finding in result.findings if finding.code.startswith("SAVE")]


def outcome(tmp_path: Path, text: str) -> str:
    (finding,) = found(tmp_path, text)
    return f"{finding.severity.value}: {finding.message}"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (FSDP2 + 'model.save_pretrained("o")', "it raises"),
        (FSDP2 + 'model.save_pretrained("o", safe_serialization=False)', "pieces"),
        (FSDP2 + 'torch.save({"model": model.state_dict(), "step": 1}, "c.pt")', "pieces"),
        (FSDP2 + 'torch.save(model, "c.pt")', "cannot be pickled"),
        (FSDP2 + "sd = {k: v.cpu() for k, v in model.state_dict().items()}\ntorch.save(sd, 'c.pt')", "pieces"),
        (FSDP2 + "sd = {k: v.to_local() for k, v in model.state_dict().items()}\nsave_file(sd, 'c.st')", "pieces"),
        (FSDP2 + 'save_file(model.state_dict(), "c.safetensors")', "it raises"),
        (FSDP2 + 'sd = get_model_state_dict(model)\nmodel.save_pretrained("o", state_dict=sd)', "it raises"),
        (FSDP2 + "sd, osd = get_state_dict(model, opt)\ntorch.save(sd, 'c.pt')", "pieces"),
        ("for layer in model.model.layers:\n    fully_shard(layer)\n" + 'model.save_pretrained("o")', "it raises"),
        (FSDP1 + 'model.save_pretrained("o")', "outermost unit"),
        (FSDP1 + 'model.module.save_pretrained("o")', "outermost unit"),
        (FSDP1 + 'if rank == 0:\n    torch.save(model.state_dict(), "c.pt")', "rank 0 alone"),
        (
            FSDP1 + "with FSDP.state_dict_type(model, StateDictType.SHARDED_STATE_DICT):\n"
            "    sd = model.state_dict()\ntorch.save(sd, 'c.pt')",
            "pieces",
        ),
        (FSDP1 + "if rank != 0:\n    exit()\n" + FULL + "    torch.save(model.state_dict(), 'c.pt')", "rank 0"),
        (
            SHARDING_TRAINER + "model.save_pretrained('final')",
            "the Trainer shards",
        ),
        (
            SHARDING_TRAINER + "if trainer.is_world_process_zero():\n    trainer.save_model()",
            "rank 0 alone",
        ),
        (
            PREPARED + "accelerator.unwrap_model(model).save_pretrained('o')",
            "it raises",
        ),
        (
            PREPARED + "if accelerator.is_main_process:\n"
            "    sd = accelerator.get_state_dict(model)\n    model.save_pretrained('o', state_dict=sd)",
            "rank 0 alone",
        ),
    ],
)  # fmt: skip
def test_what_is_wrong(text: str, words: str, tmp_path: Path) -> None:
    said = outcome(tmp_path, text)
    assert said.startswith("error")
    assert words in said


@pytest.mark.parametrize(
    "text",
    [
        'model.save_pretrained("o")\n' + FSDP2,  # before it is sharded
        FSDP2 + 'model.save_pretrained("o", state_dict=gathered(model))',
        FSDP2 + "sd = {k: v.full_tensor() for k, v in model.state_dict().items()}\ntorch.save(sd, 'c.pt')",
        FSDP2 + "sd = model.state_dict()\nfor k in sd:\n    sd[k] = sd[k].full_tensor()\ntorch.save(sd, 'c.pt')",
        FSDP2 + "sd = model.state_dict()\ngather_in_place(sd)\ntorch.save(sd, 'c.pt')",
        FSDP2 + 'torch.save(model.state_dict(), f"shard-{rank}.pt")',
        FSDP2 + 'path = os.path.join("o", f"r{dist.get_rank()}.pt")\ntorch.save(model.state_dict(), path)',
        FSDP2 + 'dcp.save(model.state_dict(), checkpoint_id="o")',
        FSDP2 + "opts = StateDictOptions(full_state_dict=True, cpu_offload=True)\n"
        'sd = get_model_state_dict(model, options=opts)\nif rank == 0:\n    model.save_pretrained("o", state_dict=sd)',
        FSDP2 + "sd = get_model_state_dict(model, options=options)\ntorch.save(sd, 'c.pt')",
        FSDP1 + FULL + "    sd = model.state_dict()\nif rank == 0:\n    torch.save(sd, 'c.pt')",
        FSDP1 + "FSDP.set_state_dict_type(model, StateDictType.FULL_STATE_DICT)\n"
        'model.save_pretrained("o", state_dict=model.state_dict())',
        FSDP1 + 'with FSDP.summon_full_params(model, writeback=False):\n    model.save_pretrained("o")',
        "model = FSDP(model, sharding_strategy=ShardingStrategy.NO_SHARD)\n" + 'model.save_pretrained("o")',
        "model = FSDP(model, sharding_strategy=strategy_of(args))\nmodel.save_pretrained('o')",  # may be NO_SHARD
        "trainer = Trainer(model, TrainingArguments('o'))\ntrainer.train()\nmodel.save_pretrained('final')",
        "trainer = Trainer(model, TrainingArguments('o', fsdp=''))\ntrainer.train()\nmodel.save_pretrained('final')",
        "trainer = Trainer(model, TrainingArguments('o', fsdp='full_shard'))\ntrainer.train()\ntrainer.save_model()",
        "trainer = Trainer(model, TrainingArguments('o', fsdp=flag()))\ntrainer.train()\nmodel.save_pretrained('f')",
        "ddp = torch.nn.parallel.DistributedDataParallel(model)\nif rank == 0:\n    ddp.module.save_pretrained('o')",
        FSDP2 + "def hook():\n    if rank != 0:\n        return\n    log()\nhook()\n"
        "sd = get_model_state_dict(model, options=StateDictOptions(full_state_dict=True, cpu_offload=True))",
    ],
)  # fmt: skip
def test_what_is_right(text: str, tmp_path: Path) -> None:
    assert found(tmp_path, text) == []


def test_peft_loses_an_adapter_inside_fsdp1(tmp_path: Path) -> None:
    text = PEFT + "model = FSDP(model, auto_wrap_policy=p)\nmodel.save_pretrained('o')"
    (finding,) = found(tmp_path, text, ftlint__toml='[versions]\npeft = "0.21.2"\n')
    assert "without weights" in finding.message
    assert not finding.fixes
    assert found(tmp_path, text, ftlint__toml='[versions]\npeft = "0.18.1"\n') == []


def test_a_branch_makes_it_a_warning(tmp_path: Path) -> None:
    said = outcome(tmp_path, "if os.environ.get('SHARD'):\n    fully_shard(model)\n" + 'model.save_pretrained("o")')
    assert said.startswith("warning")
    assert "on some of the script's branches" in said


def test_a_loop_that_skips_other_ranks_guards_its_own_turn_only(tmp_path: Path) -> None:
    text = (
        FSDP2
        + "for epoch in epochs:\n    if rank != 0:\n        continue\n    log()\n"
        + "sd = get_model_state_dict(model, options=StateDictOptions(full_state_dict=True, cpu_offload=True))\n"
    )
    assert found(tmp_path, text) == []


def test_the_release_decides_which_fsdp_a_trainer_means(tmp_path: Path) -> None:
    """transformers 5.10 made FSDP2 its default, under which PEFT's own saving fails; before, layers gather."""
    text = (
        PEFT + "trainer = Trainer(model, TrainingArguments('o', fsdp='full_shard auto_wrap'))\ntrainer.train()\n"
        "trainer.model.save_pretrained('adapter')"
    )
    (finding,) = found(tmp_path, text, ftlint__toml='[versions]\ntransformers = "5.12.1"\npeft = "0.18.1"\n')
    assert "it raises" in finding.message
    assert found(tmp_path, text, ftlint__toml='[versions]\ntransformers = "4.57.6"\npeft = "0.18.1"\n') == []


HARDWARE = '[hardware]\ngpu = "A100-40GB"\ngpus-per-node = 4\n'
LARGE = 'model = AutoModelForCausalLM.from_pretrained("Qwen/Qwen2.5-32B", dtype=torch.bfloat16)\n'


@pytest.mark.parametrize(
    ("text", "is_found"),
    [
        (LARGE + "model = FSDP(model)\nsd = model.state_dict()", True),
        (LARGE + FSDP2 + "sd = get_model_state_dict(model, options=StateDictOptions(True))", True),
        (LARGE + FSDP2 + "sd = get_model_state_dict(model, options=StateDictOptions(True, True))", False),
        (LARGE + FSDP2 + "sd = get_model_state_dict(model, options=StateDictOptions(full_state_dict=flag))", False),
        (LARGE + FSDP1 + FULL + "    sd = model.state_dict()", False),
        ('model = AutoModelForCausalLM.from_pretrained(name)\nmodel = FSDP(model)\nsd = model.state_dict()', False),
        ("model = FSDP(model)\nsd = model.state_dict()", False),  # 15 GB on 40
    ],
)  # fmt: skip
def test_a_gather_that_does_not_fit(text: str, is_found: bool, tmp_path: Path) -> None:
    findings = found(tmp_path, text, ftlint__toml=HARDWARE)
    assert [finding.code for finding in findings] == (["SAVE102"] if is_found else [])


FULL_14B = 'model = AutoModelForCausalLM.from_pretrained("Qwen/Qwen2.5-14B", dtype=torch.bfloat16)\n' + FSDP2
GATHER = "sd = get_model_state_dict(model, options=StateDictOptions(full_state_dict=True))\n"


@pytest.mark.parametrize(
    ("text", "is_found"),
    [
        (FULL_14B + "optimizer = torch.optim.AdamW(model.parameters())\n" + GATHER, True),
        (FULL_14B + "optimizer = torch.optim.SGD(model.parameters())\n" + GATHER, False),
        (FULL_14B + "optimizer = bnb.optim.AdamW8bit(model.parameters())\n" + GATHER, False),
        (FULL_14B + "model.requires_grad_(False)\noptimizer = torch.optim.AdamW(head)\n" + GATHER, False),
    ],
)
def test_optimizer_states_count_only_where_they_are_seen(text: str, is_found: bool, tmp_path: Path) -> None:
    files = {"ftlint__toml": HARDWARE, "launch__sh": "torchrun --nproc_per_node 4 train.py\n"}
    assert [finding.severity.value for finding in found(tmp_path, text, **files)] == ["warning"] * is_found
