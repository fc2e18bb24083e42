"""What modules of terms share: sizes that several of them need, and terms of so many elements of one width."""

from __future__ import annotations

from ftlint.memory.arithmetic import ceil_div, grouped
from ftlint.memory.estimate import Interval, Moment, Place, Term
from ftlint.memory.optimizers import Optimizer, default_optimizer, find_optimizer
from ftlint.memory.workload import Workload


def optimizer_of(work: Workload) -> Optimizer:
    """The optimizer that runs on the GPU: the one that is said, else the default of the releases in use."""
    return default_optimizer(work.versions) if work.optimizer is None else find_optimizer(work.optimizer)


def quantized_bytes(work: Workload) -> int:
    """Bytes of the quantized base model."""
    return packed_bytes(work, sum(work.parameters.quantized))


def packed_bytes(work: Workload, num_params: int) -> int:
    """Bytes of that many quantized parameters."""
    return ceil_div(num_params * work.widths.quantized_bytes_per_4096, 4096)


def maybe(work: Workload, size: Interval) -> Interval:
    """The size with nothing at its low end where it is an assumption which parameters are trained.

    What reads images has neither gradients nor states where no batch holds an image, or where somebody freezes it by
    hand: then its share is not at the low end.
    """
    parameters = work.parameters
    if not parameters.is_exact:
        return size.at_least(0)
    if not parameters.num_image_readers:
        return size
    sure = parameters.num_trained - parameters.num_image_readers
    return size.at_least(size.low_bytes * sure // parameters.num_trained)


def elements(
    name: str, moments: tuple[Moment, ...], size: Interval, num_params: int, width: Interval, source: str
) -> Term:
    """A term on the GPU of so many elements; `size` may be wider than their product."""
    return Term(name, Place.GPU, moments, size, f"{grouped(num_params)} x {width.expected_bytes} B", source)
