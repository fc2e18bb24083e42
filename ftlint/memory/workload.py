"""What memory depends on, as plain numbers: the input of every term."""

from __future__ import annotations

from ftlint.knowledge.architectures import Architecture, ParameterTable
from ftlint.memory.constants import Constants
from ftlint.memory.estimate import Interval
from ftlint.memory.parameters import Parameters, Training
from ftlint.record import record
from ftlint.run.dtype import DType
from ftlint.run.fact import Truth
from ftlint.run.run import OffloadDevice, ParallelKind
from ftlint.run.versions import VersionView


@record
class Ranks:
    """How many processes train, one per GPU."""

    per_node: int
    num_nodes: int

    @property
    def world_size(self) -> int:
        """Processes on all nodes."""
        return self.per_node * self.num_nodes

    @property
    def in_words(self) -> str:
        """Those of one node, for formulas: `8 ranks`."""
        return "1 rank" if self.per_node == 1 else f"{self.per_node} ranks"


@record
class Offload:
    """What lies in host RAM or on NVMe, and with which buffers. Counts and sizes are of elements."""

    param: OffloadDevice
    optimizer: OffloadDevice
    pin_param: Truth
    pin_optimizer: Truth
    optimizer_ratio: float
    """The share of sub-groups whose optimizer works in host RAM (Twin-Flow)."""
    optimizer_ratio_low: float
    optimizer_buffer_count: int
    param_buffer_count: int
    param_buffer_size: int
    param_max_in_cpu: int


@record
class Buckets:
    """What DeepSpeed communicates through, in elements; `overlap`: it reduces one bucket while it fills another."""

    reduce: Interval
    prefetch: Interval
    persistence_threshold: Interval
    max_live: int
    overlap: Truth


@record
class Widths:
    """Bytes per element. `trained` and `frozen` are weights in the model; `master` is the optimizer's own copy."""

    trained: Interval
    frozen: Interval
    master: Interval
    optimizer_states: Interval
    accumulated_gradient: Interval
    quantized_bytes_per_4096: int  # of 4096 quantized parameters: whole numbers for every format


@record
class Step:
    """One forward and backward pass on one rank. A word that is None is one the run does not say, or we cannot see."""

    micro_batch: int
    sequence_length_tokens: int
    """Padding included."""
    is_filled: bool
    """Whether every sequence surely has that length; else it is only the longest one that may come."""
    is_checkpointed: Truth
    is_reentrant: Truth
    """Of checkpointing: the older kind, which recomputes inside an autograd function."""
    attention: str | None
    """eager | sdpa | flash_attention_2"""
    loss: str | None
    """full | fused | chunked | liger"""
    compute: DType | None
    is_autocast: Truth
    """Whether torch.autocast casts weights where they are used: they are wider than the arithmetic."""

    @property
    def num_tokens(self) -> int:
        """Tokens of one pass, padding included."""
        return self.micro_batch * self.sequence_length_tokens


@record
class Workload:
    """One run, ready to be added up. Of `zero_stage` and `fsdp_version`, 0 where the kind is another.

    `architecture` and `table` are None where only numbers of parameters are known, `step` where batch or length are not.
    """

    parameters: Parameters
    training: Training
    architecture: Architecture | None
    table: ParameterTable | None
    step: Step | None
    versions: VersionView | None
    ranks: Ranks
    kind: ParallelKind
    zero_stage: int
    fsdp_version: int
    zero_init: bool
    sub_group_size: int
    offload: Offload
    buckets: Buckets
    widths: Widths
    constants: Constants
    optimizer: str | None
    num_accumulation_steps: int | None
    compute_capability: str | None
    """Of the GPU, as "9.0"; None where the GPU is unknown or no CUDA device."""
    has_bf16_offload_buffer: Truth
    """Whether this DeepSpeed keeps a 16-bit copy beside ZeRO-2's offloaded master."""
    is_full_training: bool
