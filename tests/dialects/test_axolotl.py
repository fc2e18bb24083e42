"""Axolotl's YAML in the words of a run."""

from __future__ import annotations

import pytest

from ftlint.dialects.dialect import PartialRun
from ftlint.run.dtype import DType
from ftlint.run.fact import UNKNOWN
from ftlint.run.run import Method, OffloadDevice, ParallelKind, ReferenceModel, Run, StateDictType
from ftlint.syntax.document import Format
from tests.dialects.reading import lowered

BASE = "base_model: Qwen/Qwen2.5-7B\ndatasets:\n- {path: x, type: alpaca}\nlearning_rate: 0.0002\n"
LIGER = "plugins: [axolotl.integrations.liger.LigerPlugin]\n"
CUT = "plugins:\n- axolotl.integrations.cut_cross_entropy.CutCrossEntropyPlugin\n"
QLORA = "adapter: qlora\nload_in_4bit: true\nlora_r: 16\n"
NO_KERNELS = "lora_mlp_kernel: false\nlora_qkv_kernel: false\nlora_o_kernel: false\n"


def partial(lines: str = "") -> PartialRun:
    return lowered("axolotl", BASE + lines, Format.YAML)


def run(lines: str = "") -> Run:
    return partial(lines).facts


def value(lines: str, name: str) -> object:
    fact = run(lines).fact(name)
    assert fact is not None
    return fact.value


def test_a_run_begins_where_there_is_a_model_and_data() -> None:
    assert partial().starts_run
    assert not lowered("axolotl", "base_model: a\nsequence_len: 8\n", Format.YAML).starts_run


def test_defaults_are_axolotls() -> None:
    facts = run()
    assert facts.model.id.value == "Qwen/Qwen2.5-7B"
    assert facts.adapter.method.value is Method.FULL
    assert (facts.batch.micro_batch.value, facts.batch.sequence_length_tokens.value) == (1, 512)
    assert facts.batch.gradient_accumulation.value == 1
    assert facts.training.optimizer.value == "adamw_torch_fused"
    assert facts.training.gradient_checkpointing.value is False
    assert facts.precision.compute.value is DType.BFLOAT16
    assert facts.precision.weights.value is UNKNOWN  # embeddings and norms are float32
    assert not facts.parallel.kind.said


@pytest.mark.parametrize(
    ("lines", "model_class"),
    [
        ("model_type: LlamaForCausalLM\nbase_model_config: Qwen/Qwen2.5-7B\n", "AutoModelForCausalLM"),
        ("model_type: AutoModelForVision2Seq\n", UNKNOWN),
        ("reward_model: true\n", UNKNOWN),
        ("base_model_config: ./wider\n", UNKNOWN),
        ("overrides_of_model_config: {num_hidden_layers: 4}\n", UNKNOWN),
        ("overrides_of_model_config: {rope_scaling: {type: linear, factor: 2}}\n", "AutoModelForCausalLM"),
    ],
)
def test_as_what_the_model_is_built(lines: str, model_class: object) -> None:
    assert value(lines, "model.model_class") == model_class


def test_quantized_lora() -> None:
    facts = run(QLORA + "lora_target_linear: true\nlora_dropout: 0.05\nlora_modules_to_save: [lm_head]\nbf16: true\n")
    adapter = facts.adapter
    assert (adapter.method.value, adapter.lora_rank.value) == (Method.QLORA, 16)
    assert (adapter.quantization_bits.value, adapter.quantization_type.value) == (4, "nf4")
    assert adapter.double_quantization.value is True
    assert (adapter.lora_targets.value, adapter.lora_dropout.value) == (("all-linear",), 0.05)
    assert adapter.modules_to_save.value == ("lm_head",)
    assert facts.precision.weights.value is DType.BFLOAT16


@pytest.mark.parametrize(
    ("lines", "method"),
    [
        ("adapter:\nload_in_8bit: false\n", Method.FULL),
        ("adapter: lora\n", Method.LORA),
        ("adapter: lora\nload_in_8bit: true\n", Method.QLORA),
        ("adapter: lora\nload_in_4bit: true\n", UNKNOWN),
        ("adapter: qlora\n", UNKNOWN),  # refused
        ("load_in_4bit: true\n", UNKNOWN),  # refused
        ("adapter: llama-adapter\n", UNKNOWN),
        ("unfrozen_parameters: [lm_head]\n", UNKNOWN),
        ("adapter: lora\nrelora: true\n", UNKNOWN),
        ("lisa_n_layers: 4\nlisa_step_interval: 20\n", UNKNOWN),  # a few layers at a time
        ("plugins: [axolotl.integrations.spectrum.SpectrumPlugin]\n", UNKNOWN),
        (LIGER, Method.FULL),
    ],
)
def test_what_is_trained(lines: str, method: object) -> None:
    assert value(lines, "adapter.method") is method


@pytest.mark.parametrize(
    ("lines", "targets"),
    [
        ("lora_target_modules: [q_proj, v_proj]\n", ("q_proj", "v_proj")),
        ("lora_target_modules: all-linear\n", ("all-linear",)),
        ("lora_target_modules: 'layers.*(q|v)_proj'\n", UNKNOWN),  # a pattern
        ("lora_target_linear: true\nlora_target_modules: [q_proj]\n", ("all-linear",)),
        ("lora_target_linear: true\nlora_target_modules: [lm_head]\n", UNKNOWN),
        ("lora_target_linear: true\npeft_layers_to_transform: [0]\n", UNKNOWN),
        ("lora_target_linear: true\nlora_model_dir: out\n", UNKNOWN),
    ],
)
def test_which_layers_are_adapted(lines: str, targets: object) -> None:
    assert value(QLORA + lines, "adapter.lora_targets") == targets


@pytest.mark.parametrize(
    ("lines", "weights", "compute"),
    [
        ("bf16: true\nflash_attention: true\n", DType.BFLOAT16, DType.BFLOAT16),
        ("bf16: true\nadapter: lora\n", DType.BFLOAT16, DType.BFLOAT16),
        ("bf16: true\n", UNKNOWN, DType.BFLOAT16),  # embeddings and norms stay float32
        ("bf16: auto\nfp16: true\nflash_attention: true\n", DType.FLOAT16, DType.FLOAT16),
        ("bf16: false\nfp16: false\n", DType.FLOAT32, DType.FLOAT32),
        ("bf16:\n", DType.FLOAT32, DType.FLOAT32),
        ("bf16: auto\nfp16: false\nflash_attention: true\n", DType.BFLOAT16, DType.BFLOAT16),
        ("bf16: full\nflash_attention: true\n", UNKNOWN, UNKNOWN),
        ("bf16: true\nfp8: true\nflash_attention: true\n", UNKNOWN, UNKNOWN),
    ],
)
def test_number_formats(lines: str, weights: object, compute: object) -> None:
    assert value(lines, "precision.weights") is weights
    assert value(lines, "precision.compute") is compute


@pytest.mark.parametrize(
    ("lines", "is_filled"),
    [
        ("sample_packing: true\n", True),
        ("sample_packing: true\npad_to_sequence_len: false\n", False),
        ("pad_to_sequence_len: true\n", True),
        ("sample_packing: true\nadapter: lora\n", UNKNOWN),  # Axolotl's LoRA kernels keep less
        ("sample_packing: true\nadapter: lora\n" + NO_KERNELS, True),
        ("sample_packing: true\nactivation_offloading: true\n", UNKNOWN),
        ("", UNKNOWN),
    ],
)
def test_whether_sequences_are_filled(lines: str, is_filled: object) -> None:
    assert value("flash_attention: true\n" + lines, "batch.is_filled") is is_filled


def test_packed_samples_have_positions_of_their_own() -> None:
    assert value("sample_packing: true\n", "batch.restarts_positions") is True
    assert not run("sample_packing: false\n").batch.restarts_positions.said


def test_nothing_cuts_batches_with_images() -> None:
    assert value("processor_type: AutoProcessor\nsequence_len: 2048\n", "batch.sequence_length_tokens") is UNKNOWN


@pytest.mark.parametrize(
    ("lines", "attention"),
    [
        ("flash_attention: true\n", "flash_attention_2"),
        ("sdp_attention: true\n", "sdpa"),
        ("attn_implementation: eager\n", "eager"),
        ("attn_implementation: flash_attention_2\nflash_attention: false\n", "flash_attention_2"),
        ("attn_implementation: sdpa\nflash_attention: true\n", UNKNOWN),
        ("xformers_attention: true\n", UNKNOWN),
        ("flash_attention: false\n", UNKNOWN),
    ],
)
def test_attention(lines: str, attention: object) -> None:
    assert value(lines, "training.attention") == attention


@pytest.mark.parametrize(
    ("lines", "loss", "kernels"),
    [
        ("", "full", UNKNOWN),
        ("liger_fused_linear_cross_entropy: true\n", "full", UNKNOWN),  # no plugin reads it
        (LIGER + "liger_fused_linear_cross_entropy: true\n", "liger", "standard"),
        (LIGER + "liger_rms_norm: true\nliger_rope: true\n", "full", "fused"),
        (LIGER + "liger_rms_norm: true\n", "full", UNKNOWN),
        (LIGER + "liger_cross_entropy: true\n", UNKNOWN, "standard"),
        (CUT, UNKNOWN, UNKNOWN),
        (CUT + "cut_cross_entropy: false\n", "full", UNKNOWN),
        ("chunked_cross_entropy: true\n", UNKNOWN, UNKNOWN),
    ],
)
def test_loss_and_kernels(lines: str, loss: object, kernels: object) -> None:
    assert value(lines, "training.loss") == loss
    assert value(lines, "training.kernels") == kernels


@pytest.mark.parametrize(
    ("lines", "is_on"),
    [
        ("gradient_checkpointing: true\n", True),
        ("gradient_checkpointing:\n", False),
        ("gradient_checkpointing: offload\n", UNKNOWN),
        ("gradient_checkpointing: true\nactivation_offloading: true\n", UNKNOWN),
        ("fsdp_config:\n  activation_checkpointing: true\n", UNKNOWN),
    ],
)
def test_recomputation(lines: str, is_on: object) -> None:
    assert value(lines, "training.gradient_checkpointing") is is_on


@pytest.mark.parametrize(
    ("lines", "sequences", "reference"),
    [
        ("rl: dpo\n", 2, ReferenceModel.COPY),
        ("rl: dpo\nadapter: lora\n", 2, ReferenceModel.ADAPTERS_OFF),
        ("rl: dpo\nadapter: lora\nrl_adapter_ref_model: true\n", 2, UNKNOWN),
        ("rl: orpo\n", 2, ReferenceModel.NONE),
        ("rl: kto\nadapter: lora\n", UNKNOWN, ReferenceModel.ADAPTERS_OFF),
        ("rl: grpo\n", UNKNOWN, UNKNOWN),
    ],
)
def test_preferences_have_pairs_and_a_reference(lines: str, sequences: object, reference: object) -> None:
    assert value(lines, "batch.sequences_per_example") == sequences
    assert value(lines, "training.reference") is reference


def test_ordinary_training_has_neither() -> None:
    assert not run("rl:\n").batch.sequences_per_example.said
    assert not run("rl:\n").training.reference.said


def test_fsdp_with_and_without_its_prefix() -> None:
    facts = run(
        "fsdp_version: 2\nfsdp_config:\n  offload_params: true\n  state_dict_type: FULL_STATE_DICT\n"
        "  reshard_after_forward: false\n  cpu_ram_efficient_loading: true\n"
    )
    assert (facts.parallel.kind.value, facts.parallel.fsdp_version.value) == (ParallelKind.FSDP, 2)
    assert facts.parallel.fsdp_sharding_strategy.value == "SHARD_GRAD_OP"
    assert facts.parallel.offload_param.value is OffloadDevice.CPU
    assert facts.parallel.fsdp_cpu_ram_efficient_loading.value is True
    assert facts.saving.state_dict_type.value is StateDictType.FULL
    older = run(
        "fsdp: [full_shard, auto_wrap]\nfsdp_config:\n  fsdp_offload_params: false\n"
        "  fsdp_state_dict_type: SHARDED_STATE_DICT\n  fsdp_final_state_dict_type: FULL_STATE_DICT\n"
    )
    assert older.parallel.fsdp_sharding_strategy.value == "FULL_SHARD"
    assert older.parallel.offload_param.value is OffloadDevice.NONE
    assert not older.parallel.fsdp_version.said  # the release decides
    assert older.saving.state_dict_type.value is UNKNOWN  # checkpoints are saved in one way, the end in another


@pytest.mark.parametrize(
    "lines",
    [
        "tensor_parallel_size: 2\n",
        "context_parallel_size: 8\ndeepspeed: z3.json\n",
        "sequence_parallel_degree: 4\n",
        "deepspeed: z3.json\nfsdp_config: {offload_params: true}\n",  # refused
        "fsdp: [half_shard]\n",
        "gpu_memory_limit: 20GiB\n",
    ],
)
def test_sharing_that_nobody_can_see(lines: str) -> None:
    facts = partial(lines)
    assert facts.facts.parallel.kind.said
    assert facts.facts.parallel.kind.value is UNKNOWN
    assert not facts.references


def test_sizes_of_one_share_nothing() -> None:
    assert not run("tensor_parallel_size: 1\ncontext_parallel_size:\n").parallel.kind.said


def test_deepspeed_by_path_and_in_place() -> None:
    assert [each.fact.value for each in partial("deepspeed: deepspeed_configs/zero3.json\n").references] == [
        "deepspeed_configs/zero3.json"
    ]
    assert not partial("deepspeed:\n").references
    inline = partial("deepspeed:\n  zero_optimization: {stage: 2}\n")
    assert (inline.facts.parallel.kind.value, inline.facts.parallel.zero_stage.value) == (ParallelKind.ZERO, 2)


def test_other_optimizers_and_batches_are_unknown() -> None:
    assert value("optimizer: paged_adamw_8bit\n", "training.optimizer") == "paged_adamw_8bit"
    assert value("optimizer: muon\n", "training.optimizer") is UNKNOWN
    assert value("batch_size: 64\n", "batch.gradient_accumulation") is UNKNOWN
