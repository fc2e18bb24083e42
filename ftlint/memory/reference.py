"""Preference training (DPO, KTO): the model it compares with, and that model's own pass.

The reference goes forward while the graph of the policy is alive, and its logits are made beside the policy's.
Source: llamafactory 0.9.5 train/dpo/trainer.py, `get_batch_loss_metrics`; trl 1.16 trainer/dpo_trainer.py,
`_compute_loss`.
"""

from __future__ import annotations

from collections.abc import Iterator

from ftlint.memory.arithmetic import ceil_div, grouped
from ftlint.memory.estimate import ALWAYS, Interval, Moment, Place, Term
from ftlint.memory.step import LossKernel
from ftlint.memory.workload import Workload
from ftlint.run.fact import Truth
from ftlint.run.run import ParallelKind

COPY = "trl 1.16 trainer/dpo_trainer.py, models/utils.py `prepare_deepspeed`; llamafactory 0.9.5 train/trainer_utils.py"
SECOND_PASS = "trl trainer/dpo_trainer.py, `_compute_loss`; llamafactory 0.9.5 train/dpo/trainer.py"


def reference_terms(work: Workload) -> Iterator[Term]:
    """The frozen copy's weights, sharded as the policy's are, and the logits that there are twice."""
    if work.has_reference_copy is not Truth.NO:
        yield _weights(work)
    if work.has_reference_pass and work.steps:
        yield from _logits(work)


def _weights(work: Workload) -> Term:
    ranks = work.shard_ranks if work.kind is ParallelKind.FSDP else 1
    if work.kind is ParallelKind.ZERO and work.zero_stage == 3:
        ranks = work.ranks.world_size
    count = ceil_div(sum(work.parameters.units), ranks)
    size = work.widths.frozen.times(count)
    if work.has_reference_copy is Truth.UNKNOWN:
        size = size.at_least(0)
    return Term(
        "reference model", Place.GPU, ALWAYS, size, f"{grouped(count)} x {work.widths.frozen.expected_bytes} B", COPY
    )


def _logits(work: Workload) -> Iterator[Term]:
    """The policy's logits and log-probabilities in float32, 8 bytes, and the reference's with their source, 10: 4 more
    than the 14 that a loss takes at its highest, where logits are made whole. A fused output layer makes neither.
    """
    step = work.steps[0]
    if step.loss is not LossKernel.FULL:
        return
    count = step.num_tokens * step.architecture.vocab_size
    yield Term(
        "logits of the reference's pass",
        Place.GPU,
        (Moment.LOSS,),
        Interval(0, 4 * count, 10 * count),
        f"{grouped(step.num_tokens)} tokens x {grouped(step.architecture.vocab_size)} x 4 B",
        SECOND_PASS,
    )
