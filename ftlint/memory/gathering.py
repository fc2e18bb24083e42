"""The moment at which FSDP puts a whole model together on one GPU, beside the pieces that GPU holds.

Source: torch 2.13 distributed/fsdp/_state_dict_utils.py, `_full_post_state_dict_hook` (each gathered weight is cloned);
distributed/checkpoint/state_dict.py, `_maybe_full_or_cpu_state_dict`.
"""

from __future__ import annotations

from ftlint.memory.estimate import Interval, Moment, Place, Term, add_up, exactly
from ftlint.memory.facts import FactReader
from ftlint.memory.reading import read_workload
from ftlint.memory.states import state_terms
from ftlint.memory.terms import quantized_bytes
from ftlint.memory.workload import Workload
from ftlint.record import record
from ftlint.run.run import ParallelKind, Run
from ftlint.run.versions import VersionView

_WEIGHTS = ("frozen weights", "trained weights")


@record
class FullGather:
    """Bytes on one GPU while a full state dict is on it.

    `gathered`: the whole model; `held_weights`: the rank's own pieces, at their low end if the number of ranks is not
    known; `held`: those with optimizer states and whatever else stays between two steps.
    """

    gathered: Interval
    held_weights: Interval
    held: Interval
    num_params: int
    is_rank_count_known: bool

    @property
    def least_bytes(self) -> int:
        """What no allocator can do without."""
        return self.gathered.low_bytes + (self.held_weights.low_bytes if self.is_rank_count_known else 0)

    @property
    def expected_bytes(self) -> int:
        """With optimizer states."""
        return self.gathered.expected_bytes + (self.held.expected_bytes if self.is_rank_count_known else 0)


def full_gather(run: Run, versions: VersionView) -> FullGather | None:
    """What a full gather on the GPU needs in that run; None where the model or the way it is trained cannot be seen."""
    reader = FactReader(run)
    work = read_workload(reader, versions)
    if work is None or work.kind is not ParallelKind.FSDP or work.parameters.quantized:
        return None
    terms = tuple(state_terms(work))
    known = run.parallel.num_processes.known
    return FullGather(
        gathered=_gathered(work),
        held_weights=add_up(term.size for term in terms if term.name in _WEIGHTS and _is_there(term)),
        held=add_up(term.size for term in terms if _is_there(term)),
        num_params=work.parameters.num_params,
        is_rank_count_known=known,
    )


def _gathered(work: Workload) -> Interval:
    """Every weight once, in the dtype it is kept in."""
    trained, frozen = work.parameters.num_trained, sum(work.parameters.frozen)
    return work.widths.trained.times(trained) + work.widths.frozen.times(frozen)


def loaded_weights(run: Run, versions: VersionView) -> Interval | None:
    """Every weight once, quantized ones packed, in the dtype that it is loaded in; None as for `full_gather`."""
    work = read_workload(FactReader(run), versions)
    if work is None:
        return None
    plain = work.widths.frozen.times(sum(work.parameters.frozen) + work.parameters.num_trained)
    return plain + exactly(quantized_bytes(work))


def gathered_weights(run: Run, versions: VersionView) -> Interval | None:
    """The same in the dtype that training keeps them in, as a state dict holds them: float32 under FSDP."""
    work = read_workload(FactReader(run), versions)
    return None if work is None else _gathered(work) + exactly(quantized_bytes(work))


def _is_there(term: Term) -> bool:
    return term.place is Place.GPU and Moment.SAVING in term.moments
