"""TRL's recipes in the words of a run."""

from __future__ import annotations

import pytest

from ftlint.dialects.dialect import PartialRun
from ftlint.dialects.trl import lower_command, trainer_by_keys
from ftlint.run.dtype import DType
from ftlint.run.fact import UNKNOWN
from ftlint.run.run import Method, ParallelKind, ReferenceModel
from ftlint.run.versions import Admissible, VersionView
from ftlint.syntax.document import Format
from tests.dialects.reading import keys, lowered

BASE = "model_name_or_path: Qwen/Qwen2.5-7B\ndataset_name: trl-lib/Capybara\n"


def view(**releases: str) -> VersionView:
    """One release of each package."""
    return VersionView({package: Admissible((release,), ()) for package, release in releases.items()})


def under(trainer: str, lines: str, *flags: str, trl: str = "1.16.0", transformers: str = "5.23.0") -> PartialRun:
    """What a recipe says to the command of that name, given with those flags."""
    versions = view(trl=trl, transformers=transformers)
    return lower_command(keys("trl", BASE + lines, Format.YAML, versions), versions, trainer, frozenset(flags))


def test_full_fine_tuning() -> None:
    lines = (
        "torch_dtype: bfloat16\nattn_implementation: flash_attention_2\nbf16: true\npacking: true\n"
        "max_length: 4096\nper_device_train_batch_size: 2\ngradient_accumulation_steps: 8\n"
        "gradient_checkpointing: true\nuse_liger_kernel: true\noptim: adamw_8bit\ndeepspeed: z3.json\n"
    )
    partial = under("sft", lines)
    run = partial.facts
    assert partial.starts_run
    assert run.model.id.value == "Qwen/Qwen2.5-7B"
    assert run.adapter.method.value is Method.FULL
    assert (run.precision.weights.value, run.precision.compute.value) == (DType.BFLOAT16, DType.BFLOAT16)
    assert (run.batch.micro_batch.value, run.batch.gradient_accumulation.value) == (2, 8)
    assert (run.batch.sequence_length_tokens.value, run.batch.is_filled.value) == (4096, True)
    assert run.training.attention.value == "flash_attention_2"
    assert (run.training.loss.value, run.training.optimizer.value) == ("liger", "adamw_8bit")
    assert [reference.fact.value for reference in partial.references] == ["z3.json"]


@pytest.mark.parametrize(
    ("trl", "transformers", "checkpointing", "compute", "weights", "loss"),
    [
        ("0.17.0", "4.52.4", False, UNKNOWN, DType.FLOAT32, "full"),
        ("0.20.0", "4.52.4", False, DType.BFLOAT16, DType.FLOAT32, "full"),
        ("0.24.0", "5.0.0", True, DType.BFLOAT16, UNKNOWN, "full"),  # as the checkpoint
        ("0.27.0", "5.0.0", True, DType.BFLOAT16, DType.FLOAT32, "full"),
        ("1.16.0", "5.23.0", True, DType.BFLOAT16, DType.FLOAT32, "chunked"),
    ],
)
def test_defaults_are_those_of_the_release(
    trl: str, transformers: str, checkpointing: object, compute: object, weights: object, loss: object
) -> None:
    run = under("sft", "", trl=trl, transformers=transformers).facts
    assert run.training.gradient_checkpointing.value is checkpointing
    assert run.precision.compute.value is compute
    assert run.precision.weights.value is weights
    assert run.training.loss.value == loss
    assert (run.batch.micro_batch.value, run.batch.sequence_length_tokens.value) == (8, 1024)


def test_the_newer_name_of_gradient_checkpointing_is_beside_a_default_of_the_older() -> None:
    assert under("sft", "activation_checkpointing: false\n").facts.training.gradient_checkpointing.value is UNKNOWN
    assert under("sft", "gradient_checkpointing: false\n").facts.training.gradient_checkpointing.value is False


def test_between_releases_that_differ_a_default_is_unknown() -> None:
    versions = VersionView({"trl": Admissible(("0.20.0", "1.16.0"), ())})
    run = lower_command(keys("trl", BASE, Format.YAML, versions), versions, "sft", frozenset()).facts
    assert run.training.gradient_checkpointing.value is UNKNOWN
    assert run.training.loss.value is UNKNOWN
    assert run.precision.weights.value is UNKNOWN


def test_adapters() -> None:
    run = under("sft", "use_peft: true\nlora_r: 32\nlora_target_modules: all-linear\nuse_dora: true\n").facts
    assert run.adapter.method.value is Method.LORA
    assert (run.adapter.lora_rank.value, run.adapter.lora_dropout.value, run.adapter.use_dora.value) == (32, 0.05, True)
    assert run.adapter.lora_targets.value == ("all-linear",)
    assert under("sft", "use_peft: true\n").facts.adapter.lora_rank.value == 16
    four = under("sft", "use_peft: true\nload_in_4bit: true\nlora_target_modules: [q_proj, v_proj]\n").facts.adapter
    assert (four.method.value, four.quantization_bits.value, four.quantization_type.value) == (Method.QLORA, 4, "nf4")
    assert (four.lora_targets.value, four.double_quantization.value) == (("q_proj", "v_proj"), False)
    eight = under("sft", "use_peft: true\nload_in_8bit: true\n").facts.adapter
    assert (eight.quantization_bits.value, eight.quantization_type.value) == (8, "int8")


@pytest.mark.parametrize(
    ("trainer", "lines"),
    [
        ("sft", "load_in_4bit: true\n"),  # fails: nothing would be trained
        ("sft", "use_peft: maybe\n"),
        ("kto", "use_peft: true\nload_in_4bit: true\n"),  # read by newer releases only
    ],
)
def test_what_is_trained_may_be_unknown(trainer: str, lines: str) -> None:
    assert under(trainer, lines).facts.adapter.method.value is UNKNOWN


@pytest.mark.parametrize(
    ("trainer", "lines", "pair", "reference"),
    [
        ("sft", "", UNKNOWN, UNKNOWN),
        ("dpo", "", 2, ReferenceModel.COPY),
        ("dpo", "use_peft: true\n", 2, ReferenceModel.ADAPTERS_OFF),
        ("dpo", "precompute_ref_log_probs: true\n", 2, UNKNOWN),
        ("dpo", "precompute_ref_log_probs: false\n", 2, ReferenceModel.COPY),
        ("kto", "", UNKNOWN, ReferenceModel.COPY),
        ("kto", "use_peft: true\n", UNKNOWN, UNKNOWN),
        ("reward", "", 2, UNKNOWN),
        ("grpo", "beta: 0.0\n", UNKNOWN, ReferenceModel.NONE),
        ("grpo", "", UNKNOWN, UNKNOWN),
    ],
)
def test_what_a_trainer_holds_beside_the_policy(trainer: str, lines: str, pair: object, reference: object) -> None:
    run = under(trainer, lines).facts
    assert run.batch.sequences_per_example.value == pair
    assert run.training.reference.value == reference
    assert (run.training.loss.value == "chunked") is (trainer == "sft")
    assert run.batch.sequence_length_tokens.known is (trainer in ("sft", "dpo", "kto"))


@pytest.mark.parametrize(
    ("lines", "length"),
    [
        ("max_seq_length: 2048\n", 2048),
        ("max_seq_length: 2048\nmax_length: 512\n", UNKNOWN),
        ("max_length: null\n", UNKNOWN),
        ("activation_offloading: true\n", UNKNOWN),
    ],
)
def test_how_long_sequences_are(lines: str, length: object) -> None:
    assert under("sft", lines).facts.batch.sequence_length_tokens.value == length


@pytest.mark.parametrize(
    ("lines", "kind"),
    [
        ("fsdp: full_shard auto_wrap\n", ParallelKind.FSDP),
        ("fsdp: full_shard\nfsdp_config:\n  transformer_layer_cls_to_wrap: [Qwen2DecoderLayer]\n", ParallelKind.FSDP),
        ("fsdp: full_shard\nfsdp_config: fsdp.json\n", UNKNOWN),
        ("fsdp: ''\n", UNKNOWN),
        ("deepspeed:\n  zero_optimization:\n    stage: 3\n", ParallelKind.ZERO),
    ],
)
def test_what_shards(lines: str, kind: object) -> None:
    assert under("sft", lines).facts.parallel.kind.value is kind


def test_a_recipe_may_name_accelerates_configuration() -> None:
    assert under("sft", "accelerate_config: zero3\n").facts.parallel.kind.said
    assert under("sft", "", "accelerate_config").facts.parallel.kind.said
    assert not under("sft", "").facts.parallel.kind.said


def test_what_a_flag_says_is_unknown() -> None:
    run = under("sft", "max_length: 4096\nbf16: true\n", "max_length", "use_peft").facts
    assert run.batch.sequence_length_tokens.value is UNKNOWN
    assert run.adapter.method.value is UNKNOWN
    assert run.precision.compute.value is DType.BFLOAT16


def test_of_other_commands_nothing_is_said() -> None:
    assert not under("rloo", "").starts_run
    assert not under("train", "").starts_run


@pytest.mark.parametrize(
    ("lines", "trainer"),
    [
        ("packing: true\n", "sft"),
        ("max_seq_length: 2048\ndataset_num_proc: 4\n", "sft"),
        ("max_seq_length: 2048\nteacher_model_name_or_path: other\n", None),  # GKD's
        ("max_length: 2048\n", None),
        ("beta: 0.1\nmax_length: 1024\nmax_prompt_length: 512\n", None),  # DPO's, KTO's, ORPO's …
        ("beta: 0.1\nrpo_alpha: 1.0\n", "dpo"),
        ("beta: 0.1\ndesirable_weight: 1.0\n", "kto"),
        ("center_rewards_coefficient: 0.01\n", "reward"),
        ("num_generations: 8\n", None),  # GRPO's, RLOO's
        ("", None),
        ("packing: true\nmine: 1\nher: 2\nhis: 3\n", None),  # another program's
    ],
)
def test_the_trainer_is_told_by_keys_that_it_alone_takes(lines: str, trainer: str | None) -> None:
    assert trainer_by_keys(keys("trl", BASE + lines, Format.YAML, view())) == trainer
    assert lowered("trl", BASE + lines, Format.YAML, trl="1.16.0").starts_run is (trainer is not None)
