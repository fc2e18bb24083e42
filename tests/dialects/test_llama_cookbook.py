"""What a launch command of llama-cookbook's says of its run."""

from __future__ import annotations

from pathlib import Path

import pytest

from ftlint.dialects import llama_cookbook
from ftlint.dialects.launch_commands import Surroundings, read_launch
from ftlint.run.dtype import DType
from ftlint.run.fact import UNKNOWN
from ftlint.run.key import KeySet
from ftlint.run.run import Method, OffloadDevice, ParallelKind, Run, StateDictType
from ftlint.run.versions import VersionView
from ftlint.syntax.document import Source
from ftlint.syntax.shell import Variables, simple_commands


def keys_of(flags: str) -> tuple[str, KeySet]:
    text = f"torchrun --nproc_per_node 4 finetuning.py {flags}"
    (words,) = simple_commands(text)
    source, variables = Source(Path("run.sh"), text), Variables((words,), text)
    launch = read_launch(words, llama_cookbook.is_program, Surroundings(source, variables))
    assert launch is not None
    return text, llama_cookbook.flags_as_keys(launch.arguments, source, variables)


def lowered(flags: str) -> Run:
    return llama_cookbook.lower(keys_of(f"--model_name meta-llama/Llama-2-7b-hf {flags}")[1], VersionView({})).facts


def test_one_flag_is_one_key() -> None:
    text, keys = keys_of(
        "--enable_fsdp --lr 1e-5 --fsdp_config.pure_bf16 --num-epochs=3 --use_peft False --dataset 'my set'"
    )
    assert {key.dotted: key.fact.value for key in keys} == {
        "enable_fsdp": True,
        "lr": 1e-5,
        "fsdp_config.pure_bf16": True,
        "num_epochs": 3,
        "use_peft": False,
        "dataset": "my set",
    }
    places = {key.dotted: text[key.location.span.start : key.location.span.end] for key in keys}
    assert places["enable_fsdp"] == "--enable_fsdp"
    assert places["lr"] == "--lr 1e-5"
    assert places["num_epochs"] == "--num-epochs=3"
    assert keys.complete


def test_a_variable_among_the_flags_may_hold_any_of_them() -> None:
    keys = keys_of("--enable_fsdp $MORE")[1]
    assert keys.keys[("enable_fsdp",)].fact.value is UNKNOWN  # or its value
    assert not keys_of("--lr 1 $MORE")[1].complete
    run = lowered("--lr 1 $MORE")
    assert run.parallel.kind.said
    assert run.adapter.method.said
    assert not run.parallel.kind.known


def test_full_training_under_fsdp() -> None:
    run = lowered("--enable_fsdp --fsdp_config.pure_bf16 --batch_size_training 2")
    assert run.parallel.kind.value is ParallelKind.FSDP
    assert (run.parallel.fsdp_version.value, run.parallel.offload_param.value) == (1, OffloadDevice.NONE)
    assert (run.adapter.method.value, run.precision.weights.value) == (Method.FULL, DType.BFLOAT16)
    assert (run.batch.micro_batch.value, run.batch.sequence_length_tokens.value) == (2, 4096)
    assert run.training.gradient_checkpointing.value is True
    assert (run.saving.save_model.value, run.saving.state_dict_type.value) == (True, StateDictType.SHARDED)


def test_lora() -> None:
    run = lowered("--use_peft --peft_method lora --lora_config.r 16")
    assert run.parallel.kind.value is ParallelKind.SINGLE
    assert (run.adapter.method.value, run.adapter.lora_rank.value) == (Method.LORA, 16)
    assert run.adapter.lora_targets.value == ("q_proj", "v_proj")
    assert not run.saving.state_dict_type.said
    assert not run.precision.weights.said


@pytest.mark.parametrize(
    ("flags", "method"),
    [
        ("--use_peft --quantization 4bit", Method.QLORA),
        ("--use_peft --quantization $BITS", UNKNOWN),
        ("--use_peft --peft_method llama_adapter", UNKNOWN),
        ("--use_peft --from_peft_checkpoint out", UNKNOWN),
        ("--freeze_layers", UNKNOWN),
        ("--use_peft false", UNKNOWN),  # a text to fire, and a text is true
        ("--nouse_peft", Method.FULL),
    ],
)
def test_method(flags: str, method: object) -> None:
    assert lowered(flags).adapter.method.value is method


@pytest.mark.parametrize(
    ("flags", "kind"),
    [
        ("--fsdp_config.checkpoint_type StateDictType.FULL_STATE_DICT", StateDictType.FULL),
        ("--checkpoint_type StateDictType.FULL_STATE_DICT", StateDictType.FULL),
        ("--checkpoint_type x --fsdp_config.checkpoint_type StateDictType.FULL_STATE_DICT", StateDictType.FULL),
        ("--fsdp_config.checkpoint_type StateDictType.FULL_STATE_DICT --checkpoint_type x", UNKNOWN),
        ("--fsdp_config.checkpoint_type FULL_STATE_DICT", UNKNOWN),  # refused
    ],
)
def test_state_dict(flags: str, kind: object) -> None:
    assert lowered(f"--enable_fsdp {flags}").saving.state_dict_type.value is kind


def test_an_adapter_is_saved_in_a_way_of_its_own() -> None:
    flags = "--enable_fsdp --fsdp_config.checkpoint_type StateDictType.FULL_STATE_DICT"
    assert lowered(flags).saving.state_dict_type.said
    assert not lowered(f"{flags} --use_peft").saving.state_dict_type.said


@pytest.mark.parametrize(
    ("flags", "length"), [("--batching_strategy padding", UNKNOWN), ("--context_length 8192", 8192), ("", 4096)]
)
def test_sequence_length(flags: str, length: object) -> None:
    assert lowered(flags).batch.sequence_length_tokens.value == length
