"""What memory depends on, as plain numbers: the input of every term."""

from __future__ import annotations

from ftlint.knowledge.architectures import Architecture, ParameterTable
from ftlint.memory.constants import Constants
from ftlint.memory.estimate import Interval
from ftlint.memory.parameters import Parameters, Training
from ftlint.memory.step import Step
from ftlint.record import record
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
class Workload:
    """One run, ready to be added up. Of `zero_stage` and `fsdp_version`, 0 where the kind is another.

    `architecture` and `table` are None where only numbers of parameters are known. `steps`: a pass as it is believed to
    be, then what else may be meant; empty where batch or length are not known.
    """

    parameters: Parameters
    training: Training
    architecture: Architecture | None
    table: ParameterTable | None
    steps: tuple[Step, ...]
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
    is_optimizer_said: bool
    """Whether somebody wrote it; a default may be another one's in a script that has no Trainer."""
    is_filled: bool
    """Whether every sequence surely has the length that is said; else that is the longest one that may come."""
    num_accumulation_steps: int | None
    compute_capability: str | None
    """Of the GPU, as "9.0"; None where the GPU is unknown or no CUDA device."""
    has_bf16_offload_buffer: Truth
    """Whether this DeepSpeed keeps a 16-bit copy beside ZeRO-2's offloaded master."""
    saves_whole: Truth
    """Whether FSDP hands out a whole state dict to be saved."""
    loads_on_first_rank: Truth
    """Whether only rank 0 of FSDP reads the weights (`cpu_ram_efficient_loading`)."""
    shard_ranks: int
    """Over how many ranks FSDP shards: those of a node under its hybrid strategies, one under NO_SHARD."""
    keeps_units: Truth
    """Whether FSDP's units stay whole from forward to backward: SHARD_GRAD_OP, `reshard_after_forward: false`."""
    is_prepared: Truth
    """Whether `prepare_model_for_kbit_training` made float32 of what is not quantized."""
    is_full_training: bool
    has_reference_pass: bool
    """Whether preference training goes forward a second time, through what it compares with."""
    has_reference_copy: Truth
    """Whether that is another model on the same GPU."""
