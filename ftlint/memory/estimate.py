"""The shape of an estimate: intervals of bytes, terms that add up to them, and what they were reckoned from.

    Estimate      one run on one node: what a GPU and the node's RAM must hold, at the worst moment
      Term        one kind of tensor: its place, its moments, its size, its formula, its source
        Interval  low <= expected <= high, in bytes

A new kind of tensor is a new term from a module of its own; nothing here changes then.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from enum import Enum
from typing import Any

from ftlint.record import record
from ftlint.run.fact import Fact


class Place(Enum):
    """Where bytes lie. Pinned host memory cannot be swapped out, and torch rounds its blocks up.

    `GPU` are tensors, which torch counts as allocated; `GPU_BESIDE` is what a process holds of its GPU beside them.
    """

    GPU = "gpu"
    GPU_BESIDE = "gpu, beside tensors"
    HOST_PINNED = "host pinned"
    HOST_PAGEABLE = "host pageable"

    @property
    def is_host(self) -> bool:
        """Whether it counts against the node's RAM."""
        return self in (Place.HOST_PINNED, Place.HOST_PAGEABLE)


class Moment(Enum):
    """The moments at which a run may be at its largest.

    While backward goes down the layers, what they kept is freed and their gradients appear, both in equal steps as the
    layers are equal: the sum is linear in between, so one of its ends is the largest.
    """

    LOADING = "loading"
    """Reading the weights, and building the engine's buffers."""
    LOSS = "loss"
    """The end of the forward pass: everything is kept that backward wants, and logits and their gradient are there."""
    BACKWARD_START = "backward, last layer"
    """Everything is kept, the last layer is recomputed or taken apart, and only the output layer has a gradient."""
    BACKWARD_END = "backward, first layer"
    """Nothing is kept but what the first layer wants, and the gradients of all other layers are there."""
    BACKWARD_EMBEDDING = "backward, embedding"
    """The end of backward: all gradients are there, and the embedding's is being made."""
    OPTIMIZER_STEP = "optimizer step"
    SAVING = "saving"


ALWAYS = tuple(Moment)
"""From the time the engine is built."""
PASS = (Moment.LOSS, Moment.BACKWARD_START, Moment.BACKWARD_END, Moment.BACKWARD_EMBEDDING)
"""Forward and backward, from the forward pass' end on."""
BACKWARD = (Moment.BACKWARD_START, Moment.BACKWARD_END, Moment.BACKWARD_EMBEDDING)
FROM_FIRST_STEP_ON = (*PASS, Moment.OPTIMIZER_STEP, Moment.SAVING)
"""What the first optimizer step allocates is there in every later forward pass as well."""

_SPANS = ((ALWAYS, "always"), (FROM_FIRST_STEP_ON, "from the first step on"), (PASS, "forward and backward"))


@record
class Interval:
    """A size in bytes: what it is at least, what we believe, what it is at most."""

    low_bytes: int
    expected_bytes: int
    high_bytes: int

    def __post_init__(self) -> None:
        if not 0 <= self.low_bytes <= self.expected_bytes <= self.high_bytes:
            raise ValueError(f"not an interval: {self.low_bytes} <= {self.expected_bytes} <= {self.high_bytes}")

    def __add__(self, other: Interval) -> Interval:
        return Interval(
            self.low_bytes + other.low_bytes,
            self.expected_bytes + other.expected_bytes,
            self.high_bytes + other.high_bytes,
        )

    def times(self, count: int) -> Interval:
        """The interval of `count` such sizes."""
        return Interval(self.low_bytes * count, self.expected_bytes * count, self.high_bytes * count)

    def at_least(self, low_bytes: int) -> Interval:
        """The same belief with another lower end, which must not lie above it."""
        return Interval(low_bytes, self.expected_bytes, self.high_bytes)


NOTHING_NEEDED = Interval(0, 0, 0)


def exactly(num_bytes: int) -> Interval:
    """A size without doubt."""
    return Interval(num_bytes, num_bytes, num_bytes)


def add_up(intervals: Iterable[Interval]) -> Interval:
    """The sum, end by end: the doubts of different terms may all point the same way."""
    return sum(intervals, start=NOTHING_NEEDED)


@record
class Term:
    """One kind of tensor in one place. `size` is per GPU on the GPU, and for all ranks of a node in host RAM.

    `formula` shows the arithmetic with this run's numbers; `source` says who allocates it.
    """

    name: str
    place: Place
    moments: tuple[Moment, ...]
    size: Interval
    formula: str
    source: str
    is_given_back: bool = False
    """Whether the allocator gives it back when there is no room: freed blocks that it keeps."""

    @property
    def moment(self) -> str:
        """The moments in words: `always`, or the names joined by commas."""
        for span, words in _SPANS:
            if set(span) <= set(self.moments):
                rest = [moment.value for moment in self.moments if moment not in span]
                return ", ".join((words, *rest))
        return ", ".join(moment.value for moment in self.moments)


@record
class Assumption:
    """Something the run does not say, the value it was taken to have, and why."""

    key: str
    value: str
    why: str


@record
class DeepSpeedAnswer:
    """What DeepSpeed's own cold estimator says for the same setting."""

    cpu_bytes: int
    gpu_bytes: int


class Verdict(Enum):
    """Whether the run has room."""

    FITS = "fits"
    TIGHT = "tight"
    DOES_NOT_FIT = "does not fit"
    UNKNOWN = "unknown"


@record
class Missing:
    """What a GPU's figure leaves out, and why; with any of it the figure is a lower bound."""

    parts: tuple[str, ...]
    why: str


PASS_MISSING = Missing(("activations", "logits and loss"), "batch, length or how this model computes is not known")
IMAGES_MISSING = Missing(("activations of images",), "how many images a batch holds, and how large, is not said")
"""Of a multimodal model: those of its vision tower. Their tokens are part of the length of a sequence."""


@record
class Estimate:
    """What one run needs: per GPU, and per node.

    `facts` are those of the run that were read, by dotted name, with the places they come from. `is_rank_count_known`:
    the number of GPUs was said; otherwise one GPU on one node is an assumption that no one must be accused by.
    """

    run_name: str
    terms: tuple[Term, ...]
    gpu_capacity: Interval | None
    """What torch finds on such a GPU, which boards and drivers change a little."""
    host_capacity_bytes: int | None
    deepspeed: DeepSpeedAnswer | None
    assumptions: tuple[Assumption, ...]
    facts: Mapping[str, Fact[Any]]
    num_parameters: int
    num_trainable_parameters: int
    is_rank_count_known: bool = True
    gpu_missing: tuple[str, ...] = ()

    @property
    def gpu_terms(self) -> tuple[Term, ...]:
        """The terms of one GPU, what is held beside tensors included."""
        return tuple(term for term in self.terms if not term.place.is_host)

    @property
    def tensor_terms(self) -> tuple[Term, ...]:
        """Those of one GPU that are tensors."""
        return tuple(term for term in self.terms if term.place is Place.GPU)

    @property
    def host_terms(self) -> tuple[Term, ...]:
        """The terms of one node's RAM."""
        return tuple(term for term in self.terms if term.place.is_host)

    @property
    def gpu_allocated(self) -> Interval:
        """torch's peak of allocated bytes on one GPU; only as complete as `gpu_missing` says."""
        return peak(self.tensor_terms)

    @property
    def gpu_reserved(self) -> Interval:
        """What nvidia-smi shows for the process. Freed blocks are kept only while there is room.

        A request that finds no room makes the allocator give back every segment that is free. Where that may happen,
        what is needed is the low end.
        """
        size = peak(self.gpu_terms)
        if self.gpu_capacity is None:
            return size
        room, needed = self.gpu_capacity, self.gpu_needed
        return Interval(
            needed.low_bytes if size.high_bytes > room.low_bytes else size.low_bytes,
            max(needed.expected_bytes, min(size.expected_bytes, room.expected_bytes)),
            max(needed.high_bytes, min(size.high_bytes, room.high_bytes)),
        )

    @property
    def gpu_needed(self) -> Interval:
        """What the process cannot do without: `gpu_reserved` without the blocks that the allocator gives back."""
        return peak(term for term in self.gpu_terms if not term.is_given_back)

    @property
    def host_total(self) -> Interval:
        """The node's RAM at its own worst moment."""
        return peak(self.host_terms)

    @property
    def host_training(self) -> Interval:
        """The node's RAM from the first step on: without what loading alone takes, which offload does not cause."""
        sums = sums_by_moment(self.host_terms)
        return largest(sums[moment] for moment in FROM_FIRST_STEP_ON)

    @property
    def host_training_terms(self) -> tuple[Term, ...]:
        """The terms of `host_training` at the moment when most is expected."""
        sums = sums_by_moment(self.host_terms)
        moment = max(FROM_FIRST_STEP_ON, key=lambda moment: sums[moment].expected_bytes)
        return tuple(term for term in self.host_terms if moment in term.moments)

    @property
    def host_pinned(self) -> Interval:
        """The page-locked part of RAM at its worst moment."""
        return peak(term for term in self.terms if term.place is Place.HOST_PINNED)

    @property
    def host_pageable(self) -> Interval:
        """The other part of RAM at its worst moment, which need not be the same one."""
        return peak(term for term in self.terms if term.place is Place.HOST_PAGEABLE)

    @property
    def gpu_verdict(self) -> Verdict:
        """`does not fit` by what cannot be done without, `fits` by all that the process would like to hold.

        While terms are missing the figure is a lower bound, and never fits; and nobody is accused by an assumed number
        of ranks.
        """
        if self.gpu_capacity is None:
            return Verdict.UNKNOWN
        if self.gpu_needed.low_bytes > self.gpu_capacity.high_bytes:
            return Verdict.DOES_NOT_FIT if self.is_rank_count_known else Verdict.UNKNOWN
        if peak(self.gpu_terms).high_bytes > self.gpu_capacity.low_bytes:
            return Verdict.TIGHT
        return Verdict.UNKNOWN if self.gpu_missing else Verdict.FITS

    @property
    def host_verdict(self) -> Verdict:
        """Whether the node's RAM is enough."""
        ram_bytes = self.host_capacity_bytes
        return judge(self.host_total, None if ram_bytes is None else exactly(ram_bytes))

    @property
    def verdict(self) -> Verdict:
        """GPU and host together: the worse of the two, where tight is worse than unknown."""
        both = (self.gpu_verdict, self.host_verdict)
        order = (Verdict.DOES_NOT_FIT, Verdict.TIGHT, Verdict.UNKNOWN)
        return next((verdict for verdict in order if verdict in both), Verdict.FITS)


def peak(terms: Iterable[Term]) -> Interval:
    """The largest sum over the moments, taken for each end by itself."""
    return largest(sums_by_moment(terms).values())


def largest(sizes: Iterable[Interval]) -> Interval:
    """The largest of each end."""
    sizes = tuple(sizes)
    return Interval(
        max(size.low_bytes for size in sizes),
        max(size.expected_bytes for size in sizes),
        max(size.high_bytes for size in sizes),
    )


def sums_by_moment(terms: Iterable[Term]) -> dict[Moment, Interval]:
    """What all terms together take at each moment."""
    terms = tuple(terms)
    return {moment: add_up(_sizes_at(terms, moment)) for moment in Moment}


def _sizes_at(terms: tuple[Term, ...], moment: Moment) -> Iterator[Interval]:
    return (term.size for term in terms if moment in term.moments)


def judge(size: Interval, capacity: Interval | None) -> Verdict:
    """`fits` needs the high end within the least capacity, `does not fit` the low end beyond the largest."""
    if capacity is None:
        return Verdict.UNKNOWN
    if size.low_bytes > capacity.high_bytes:
        return Verdict.DOES_NOT_FIT
    return Verdict.FITS if size.high_bytes <= capacity.low_bytes else Verdict.TIGHT
