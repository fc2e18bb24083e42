"""LLaMA-Factory's YAML in the words of a run."""

from __future__ import annotations

import pytest

from ftlint.run.dtype import DType
from ftlint.run.fact import UNKNOWN
from ftlint.run.run import Method, ParallelKind
from ftlint.run.versions import Admissible, VersionView
from ftlint.syntax.document import Format
from tests.dialects.reading import keys, lowered

BASE = "model_name_or_path: Qwen/Qwen2.5-7B\nstage: sft\ndo_train: true\n"


def test_full_fine_tuning() -> None:
    partial = lowered("llamafactory", BASE + "finetuning_type: full\nbf16: true\ndeepspeed: z3.json\n", Format.YAML)
    run = partial.facts
    assert partial.starts_run
    assert run.model.id.value == "Qwen/Qwen2.5-7B"
    assert run.model.model_class.value == "AutoModelForCausalLM"
    assert run.adapter.method.value is Method.FULL
    assert run.precision.compute.value is DType.BFLOAT16
    assert [reference.fact.value for reference in partial.references] == ["z3.json"]


def test_defaults_are_llamafactorys() -> None:
    run = lowered("llamafactory", BASE, Format.YAML).facts
    assert run.adapter.method.value is Method.LORA
    assert run.adapter.lora_rank.value == 8
    assert run.adapter.lora_targets.value == ("all-linear",)
    assert run.batch.micro_batch.value == 8
    assert run.precision.compute.value is UNKNOWN  # the checkpoint and the GPU decide


@pytest.mark.parametrize(
    ("lines", "parts"),
    [
        ("", ("vision tower", "projection")),
        ("freeze_vision_tower: false\n", ("projection",)),  # never adapted
        ("finetuning_type: full\n", ("vision tower", "projection")),
        ("finetuning_type: full\nfreeze_multi_modal_projector: false\n", ("vision tower",)),
        (
            "finetuning_type: full\nfreeze_vision_tower: false\nfreeze_language_model: true\n",
            ("projection", "language model"),
        ),
        ("finetuning_type: freeze\nfreeze_vision_tower: maybe\n", UNKNOWN),
    ],
)
def test_what_of_a_multimodal_model_is_frozen(lines: str, parts: object) -> None:
    assert lowered("llamafactory", BASE + lines, Format.YAML).facts.adapter.frozen_parts.value == parts


def test_quantized_lora() -> None:
    run = lowered("llamafactory", BASE + "quantization_bit: 4\nlora_target: q_proj,v_proj\n", Format.YAML).facts
    assert run.adapter.method.value is Method.QLORA
    assert run.adapter.quantization_type.value == "nf4"
    assert run.adapter.lora_targets.value == ("q_proj", "v_proj")


def test_a_sequence_of_targets() -> None:
    run = lowered("llamafactory", BASE + "lora_target: [q_proj, v_proj]\n", Format.YAML).facts
    assert run.adapter.lora_targets.value == ("q_proj", "v_proj")


@pytest.mark.parametrize("line", ["finetuning_type: oft", "finetuning_type: 7", "finetuning_type: [full]"])
def test_a_method_we_do_not_know_is_unknown(line: str) -> None:
    assert lowered("llamafactory", BASE + line + "\n", Format.YAML).facts.adapter.method.value is UNKNOWN


def test_optimizers_that_train_in_their_own_way_are_unknown() -> None:
    run = lowered("llamafactory", BASE + "use_galore: true\noptim: adamw_torch\n", Format.YAML).facts
    assert run.training.optimizer.value is UNKNOWN


def test_fsdp() -> None:
    run = lowered("llamafactory", BASE + "fsdp: full_shard auto_wrap\n", Format.YAML).facts
    assert run.parallel.kind.value is ParallelKind.FSDP


@pytest.mark.parametrize("text", ["model_name_or_path: x\ntemplate: qwen\n", BASE.replace("true", "false")])
def test_files_that_train_nothing_start_no_run(text: str) -> None:
    assert not lowered("llamafactory", text, Format.YAML).starts_run


def test_the_release_is_asked_for_only_where_loaders_differ() -> None:
    versions = VersionView({"llamafactory": Admissible(("0.9.3", "0.9.4"), ())})
    keys("llamafactory", BASE + "learning_rate: 1.0e-5\n", Format.YAML, versions)
    assert versions.undecided == []
    found = keys("llamafactory", BASE + "learning_rate: 1e-5\n", Format.YAML, versions)
    assert found.fact("learning_rate").value is UNKNOWN
    assert [package for package, _ in versions.undecided] == ["llamafactory"]


@pytest.mark.parametrize(("release", "value"), [("0.9.3", "1e-5"), ("0.9.4", 1e-5)])
def test_the_same_text_is_a_string_to_one_release_and_a_number_to_the_next(release: str, value: object) -> None:
    versions = VersionView({"llamafactory": Admissible((release,), ())})
    assert keys("llamafactory", "learning_rate: 1e-5\n", Format.YAML, versions).fact("learning_rate").value == value


def test_badam_trains_one_block_at_a_time() -> None:
    run = lowered("llamafactory", BASE + "finetuning_type: full\nuse_badam: true\n", Format.YAML).facts
    assert run.adapter.method.value is UNKNOWN


def test_deepspeeds_settings_written_in_place() -> None:
    text = BASE + "deepspeed:\n  zero_optimization:\n    stage: 3\n    offload_param: {device: cpu}\n"
    partial = lowered("llamafactory", text, Format.YAML, deepspeed="0.16.3")
    assert partial.references == ()
    assert partial.facts.parallel.kind.value is ParallelKind.ZERO
    assert partial.facts.parallel.zero_stage.value == 3
