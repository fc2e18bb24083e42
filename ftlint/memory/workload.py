"""What memory depends on, as plain numbers: the input of every term."""

from __future__ import annotations

from ftlint.memory.estimate import Interval
from ftlint.memory.parameters import Parameters
from ftlint.record import record
from ftlint.run.fact import Truth
from ftlint.run.run import OffloadDevice, ParallelKind


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
    """One run, ready to be added up. Of `zero_stage` and `fsdp_version`, 0 where the kind is another."""

    parameters: Parameters
    ranks: Ranks
    kind: ParallelKind
    zero_stage: int
    fsdp_version: int
    zero_init: bool
    sub_group_size: int
    offload: Offload
    widths: Widths
    optimizer: str | None
    num_accumulation_steps: int | None
    has_bf16_offload_buffer: Truth
    """Whether this DeepSpeed keeps a 16-bit copy beside ZeRO-2's offloaded master."""
    is_full_training: bool
