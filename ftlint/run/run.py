"""The neutral description of one training run: sections of facts, each of which may be unsaid, unknown or known.

The same type serves as a whole run and as the part that one file says: `merge` lays one over another.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import field
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ftlint.record import record
from ftlint.run.dtype import DType
from ftlint.run.fact import NOTHING, Fact
from ftlint.spans import Location

if TYPE_CHECKING:
    from ftlint.knowledge.architectures import Architecture
    from ftlint.knowledge.gpus import Gpu

S = TypeVar("S")


class Method(Enum):
    """Which parameters are trained, as LLaMA-Factory's `finetuning_type` divides them."""

    FULL = "full"
    FREEZE = "freeze"
    LORA = "lora"
    QLORA = "qlora"


class ParallelKind(Enum):
    """How model states are spread over the ranks."""

    SINGLE = "single"
    DDP = "ddp"
    ZERO = "zero"
    FSDP = "fsdp"


class ReferenceModel(Enum):
    """What preference training compares with: a pass of its own without gradients, before backward."""

    NONE = "none"
    COPY = "a frozen copy"
    ADAPTERS_OFF = "the model without its adapters"


class OffloadDevice(Enum):
    """Where offloaded states live."""

    NONE = "none"
    CPU = "cpu"
    NVME = "nvme"


class StateDictType(Enum):
    """How FSDP hands out a model's weights to be saved; the words are torch's."""

    FULL = "FULL_STATE_DICT"
    LOCAL = "LOCAL_STATE_DICT"
    SHARDED = "SHARDED_STATE_DICT"


@record
class ModelFacts:
    """Which model is trained. `architecture` is resolved from id or config by `project`."""

    id: Fact[str] = NOTHING
    model_class: Fact[str] = NOTHING  # AutoModelForCausalLM …
    architecture: Fact[Architecture] = NOTHING
    num_parameters: Fact[int] = NOTHING  # only where a spec gives numbers instead of a model
    largest_layer_num_parameters: Fact[int] = NOTHING
    num_labels: Fact[int] = NOTHING


@record
class PrecisionFacts:
    """Number formats. `master` is the format of the optimizer's own copy; DType or None for "no copy".

    `optimizer_states`: said only where a setting changes them from the master's (`bf16.bf16_optimizer_states`).
    """

    weights: Fact[DType] = NOTHING
    compute: Fact[DType] = NOTHING
    master: Fact[DType | None] = NOTHING
    optimizer_states: Fact[DType] = NOTHING


@record
class BatchFacts:
    """Sizes of one step: sequences per rank and forward pass, tokens per sequence, forward passes per update.

    `sequences_per_example`: how many the framework makes of each, 2 where it is a pair, chosen and rejected.
    `is_filled`: every sequence has that many tokens, packed or padded; else it is the longest that may come.
    `restarts_positions`: what is packed into one counts its positions from 0 again, each part for itself.
    """

    micro_batch: Fact[int] = NOTHING
    sequence_length_tokens: Fact[int] = NOTHING
    gradient_accumulation: Fact[int] = NOTHING
    is_filled: Fact[bool] = NOTHING
    sequences_per_example: Fact[int] = NOTHING
    restarts_positions: Fact[bool] = NOTHING


@record
class ParallelFacts:
    """Ranks, and how states are sharded and offloaded. DeepSpeed's sizes are numbers of elements.

    `num_processes`: ranks over all nodes, standing where the number is written or at the launcher whose default it is.
    `offload_param`: under FSDP all states. `offload_optimizer_ratio`: the share of sub-groups that is offloaded
    (`offload_optimizer.ratio`). The buffer facts are those of offloading to NVMe. `reduce_bucket_size` to
    `overlap_comm`: what DeepSpeed communicates through, under the names of its settings.
    """

    kind: Fact[ParallelKind] = NOTHING
    zero_stage: Fact[int] = NOTHING
    fsdp_version: Fact[int] = NOTHING
    gpus_per_node: Fact[int] = NOTHING
    num_visible_gpus: Fact[int] = NOTHING  # what CUDA_VISIBLE_DEVICES leaves of the GPUs of a node
    num_nodes: Fact[int] = NOTHING
    num_processes: Fact[int] = NOTHING
    launcher: Fact[str] = NOTHING  # python | torchrun | accelerate | deepspeed | llamafactory-cli
    zero_init: Fact[bool] = NOTHING
    checks_device_map: Fact[bool] = NOTHING  # said where the launch sets ACCELERATE_BYPASS_DEVICE_MAP
    offload_param: Fact[OffloadDevice] = NOTHING
    offload_optimizer: Fact[OffloadDevice] = NOTHING
    pin_param: Fact[bool] = NOTHING
    pin_optimizer: Fact[bool] = NOTHING
    offload_optimizer_ratio: Fact[float] = NOTHING
    offload_optimizer_buffer_count: Fact[int] = NOTHING
    offload_param_buffer_count: Fact[int] = NOTHING
    offload_param_buffer_size: Fact[int] = NOTHING
    offload_param_max_in_cpu: Fact[int] = NOTHING
    sub_group_size: Fact[int] = NOTHING
    reduce_bucket_size: Fact[int] = NOTHING
    prefetch_bucket_size: Fact[int] = NOTHING
    param_persistence_threshold: Fact[int] = NOTHING
    max_live_parameters: Fact[int] = NOTHING
    overlap_comm: Fact[bool] = NOTHING
    gradient_accumulation_dtype: Fact[DType] = NOTHING
    fsdp_sharding_strategy: Fact[str] = NOTHING  # FULL_SHARD | SHARD_GRAD_OP | NO_SHARD | HYBRID_SHARD …
    fsdp_cpu_ram_efficient_loading: Fact[bool] = NOTHING


@record
class AdapterFacts:
    """What is trained and how the base model is stored."""

    method: Fact[Method] = NOTHING
    lora_rank: Fact[int] = NOTHING
    lora_targets: Fact[tuple[str, ...]] = NOTHING  # ("all-linear",) or module names
    modules_to_save: Fact[tuple[str, ...]] = NOTHING
    lora_dropout: Fact[float] = NOTHING
    use_dora: Fact[bool] = NOTHING
    frozen_parts: Fact[tuple[str, ...]] = NOTHING  # of a multimodal model: vision tower | projection | language model
    trainable_layers: Fact[int] = NOTHING  # FREEZE: how many of the last layers are trained; of the first, if negative
    recomputes_frozen: Fact[bool] = NOTHING  # FREEZE: whether checkpointing goes for layers that are not trained
    quantization_bits: Fact[int] = NOTHING
    quantization_type: Fact[str] = NOTHING  # nf4 | fp4 | int8 | gptq
    double_quantization: Fact[bool] = NOTHING
    is_prepared: Fact[bool] = NOTHING  # PEFT's prepare_model_for_kbit_training was called


@record
class TrainingFacts:
    """The rest of what decides a step's memory: optimizer, recomputation, attention kernel, loss kernel."""

    optimizer: Fact[str] = NOTHING  # the Trainer's names: adamw_torch, adamw_torch_fused, adafactor …
    gradient_checkpointing: Fact[bool] = NOTHING
    attention: Fact[str] = NOTHING  # eager | sdpa | flash_attention_2
    loss: Fact[str] = NOTHING  # full | fused | chunked | liger
    reference: Fact[ReferenceModel] = NOTHING
    kernels: Fact[str] = NOTHING  # standard | fused: of norms and rotary positions


@record
class SavingFacts:
    """What is written when the model is saved."""

    state_dict_type: Fact[StateDictType] = NOTHING
    save_model: Fact[bool] = NOTHING


@record
class HardwareFacts:
    """One node: its GPUs' kind and its RAM in bytes. How many there are is a parallel fact."""

    gpu: Fact[Gpu] = NOTHING
    host_ram_bytes: Fact[int] = NOTHING


@record
class Input:
    """A path that a run was assembled from, or looked for and did not find; `referrer` is where it is named."""

    path: Path
    found: bool
    referrer: Location | None = None


@record
class Run:
    """One training run, or the part of it that one file says."""

    name: str = ""
    root: Location | None = None
    model: ModelFacts = field(default_factory=ModelFacts)
    precision: PrecisionFacts = field(default_factory=PrecisionFacts)
    batch: BatchFacts = field(default_factory=BatchFacts)
    parallel: ParallelFacts = field(default_factory=ParallelFacts)
    adapter: AdapterFacts = field(default_factory=AdapterFacts)
    training: TrainingFacts = field(default_factory=TrainingFacts)
    saving: SavingFacts = field(default_factory=SavingFacts)
    hardware: HardwareFacts = field(default_factory=HardwareFacts)
    inputs: tuple[Input, ...] = ()

    def facts(self) -> Iterator[tuple[str, Fact[Any]]]:
        """Every fact of every section with its dotted name, `parallel.zero_stage`."""
        for section in SECTIONS:
            part = getattr(self, section)
            for item in dataclasses.fields(part):
                yield f"{section}.{item.name}", getattr(part, item.name)

    def fact(self, name: str) -> Fact[Any] | None:
        """The fact of that dotted name; None where there is no such fact."""
        section, _, item = name.partition(".")
        part = getattr(self, section, None) if section in SECTIONS else None
        return getattr(part, item, None) if part is not None else None


SECTIONS = ("model", "precision", "batch", "parallel", "adapter", "training", "saving", "hardware")


def merge(under: Run, over: Run) -> Run:
    """`over` laid on `under`: what `over` says wins, also where it says something we cannot evaluate."""
    sections = {name: _merge_section(getattr(under, name), getattr(over, name)) for name in SECTIONS}
    inputs = tuple(dict.fromkeys(under.inputs + over.inputs))
    return dataclasses.replace(
        under, name=over.name or under.name, root=over.root or under.root, inputs=inputs, **sections
    )


def _merge_section(under: S, over: S) -> S:
    assert dataclasses.is_dataclass(under)
    assert dataclasses.is_dataclass(over)
    said = {item.name: getattr(over, item.name) for item in dataclasses.fields(over) if getattr(over, item.name).said}
    return dataclasses.replace(under, **said)  # type: ignore[type-var]  # S is one of the section classes
