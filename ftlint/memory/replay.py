"""Plays a training step's blocks on torch's caching allocator: what it has reserved beyond what tensors ever took.

Two steps where all weights are trained, for the optimizer's states are made at the end of the first one, in blocks that
its activations left behind; one step otherwise, for equal shapes find the blocks of the step before, all but one. What
is small (1 MiB) is left out. Of the layers some are played whole; of those between only the blocks that outlive a layer
are allocated, for they find what the others have left. Weights and buffers that are there before the first step lie in
segments of their own, and waste nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from ftlint.memory.arithmetic import ceil_div
from ftlint.memory.autograd import Event, Profile, Storage
from ftlint.memory.caching import COMPUTE, GATHER, REDUCE, SMALL_BYTES, Block, CachingAllocator
from ftlint.memory.points import Played
from ftlint.memory.step import Checkpointing
from ftlint.memory.terms import optimizer_of, packed_bytes, state_bytes
from ftlint.memory.workload import Workload
from ftlint.record import record
from ftlint.run.run import Method, OffloadDevice, ParallelKind

NUM_WHOLE = 2
"""Layers that are played whole where backward begins; `python -m tools.accuracy.replayed` compares with playing all."""

SMALL_MATRICES = 8
"""In the layers between, gradients of less than one in so many of a layer's bytes are taken as one block."""


@record
class Kept:
    """What the allocator holds beyond the peak of tensors.

    `num_bytes`: if every step finds the blocks of the last one; `least_bytes`: without all that building the model
    left. `largest_bytes`: of one block of a pass. `unit_bytes`: of what FSDP gathers at a time.
    """

    least_bytes: int
    num_bytes: int
    largest_bytes: int
    unit_bytes: int


def replay(work: Workload, played: Played) -> Kept:
    """Play the believed pass."""
    run = Replay(work, played)
    left_bytes = run.build()
    run.steps()
    num_bytes = run.kept_bytes
    return Kept(max(0, num_bytes - left_bytes), num_bytes, max(run.sizes), run.unit_bytes if run.is_fsdp else 0)


class Replay:
    """The blocks of one GPU. Owned by one call of `replay`."""

    def __init__(self, work: Workload, played: Played) -> None:
        self.work = work
        self.played = played
        self.allocator = CachingAllocator()
        self.sizes = {0}
        """Of the blocks of forward and backward."""
        self._events: dict[int, Sequence[Event]] = {}
        """The large ones, by the identity of a profile's events: equal layers share them."""
        self._sizes: dict[int, Sequence[int]] = {}
        """Of the gradients of a layer between, by the identity of its profile."""
        self.is_fsdp = work.kind is ParallelKind.FSDP
        self.holds = (
            self.is_fsdp
            and work.fsdp_version == 1
            and work.steps[0].has_frozen_in_backward
            and work.steps[0].checkpointing is not Checkpointing.NONE
        )
        """What `passes.py` counts: a gradient of the hidden states per layer, and its input, to the end of backward."""
        optimizer, offload = optimizer_of(work), work.offload
        is_here = offload.param is offload.optimizer is OffloadDevice.NONE
        # DeepSpeed's gradients, states and masters lie in flat buffers, made before the first step.
        trains_weights = work.is_full_training or (work.training.method is Method.FREEZE and not self.is_fsdp)
        self.keeps_gradients = (
            trains_weights and work.kind is not ParallelKind.ZERO and is_here and not optimizer.steps_in_backward
        )
        widths, trained = work.widths, max(1, work.parameters.num_trained)
        self.state_width = state_bytes(work, trained).expected_bytes / trained
        temporaries = optimizer.temporary_bytes(trained, widths.optimizer_states, work.parameters.largest_trained)
        self.temporary_width = temporaries.expected_bytes / trained
        *layers, self.root = work.parameters.units
        self.unit = max(layers, default=0)
        self.width = work.steps[0].compute_bytes
        is_packed = bool(work.parameters.quantized)
        self.unit_bytes = packed_bytes(work, self.unit) if is_packed else self.unit * self.width
        self.gathered: list[Block | None] = []
        self.gradients: list[tuple[Block | None, int]] = []
        """With the elements of each."""
        self.held: list[Block | None] = []

    # Blocks ---------------------------------------------------------------------------------------------------------

    def allocate(self, num_bytes: int, stream: int = COMPUTE) -> Block | None:
        """A block; None for what is small."""
        return self.allocator.allocate(num_bytes, stream) if num_bytes > SMALL_BYTES else None

    def free(self, blocks: Iterable[Block | None]) -> None:
        """Free those that are no None."""
        for block in blocks:
            if block is not None:
                self.allocator.free(block)

    def play(self, events: Sequence[Event], blocks: dict[Storage, Block]) -> None:
        """Allocate and free what is not small; `blocks` holds those in use."""
        allocate, free = self.allocator.allocate, self.allocator.free
        for storage, num_bytes in self._large(events):
            if num_bytes:
                blocks[storage] = allocate(num_bytes)
            elif storage in blocks:
                free(blocks.pop(storage))

    def _large(self, events: Sequence[Event]) -> Sequence[Event]:
        large = self._events.get(id(events))
        if large is None:
            large = [event for event in events if event[0].num_bytes > SMALL_BYTES]
            self._events[id(events)] = large
            self.sizes.update([num_bytes for _, num_bytes in large])
        return large

    # Before the first step ------------------------------------------------------------------------------------------

    def _pieces(self) -> tuple[int, ...]:
        """What FSDP leaves behind when it has cut the model up: sizes of blocks that are reserved and free.

        It cuts up trained weights as they were loaded, and accelerate makes float32 copies of the pieces (1.15
        accelerator.py, `prepare_model`: "Upcasted low precision parameters"). A quantized model is loaded onto each GPU
        whole (transformers 5.23 quantizers/quantizer_bnb_4bit.py, `update_device_map`), and its matrices are freed.
        """
        work, num_layers = self.work, len(self.work.parameters.units) - 1
        ranks, width = work.shard_ranks, work.widths.frozen.expected_bytes
        if not self.is_fsdp or ranks < 2:
            return ()
        if work.is_full_training and width < work.widths.trained.expected_bytes:
            return (*(num_layers * (ceil_div(self.unit, ranks) * width,)), ceil_div(self.root, ranks) * width)
        if work.parameters.quantized:
            matrix = max(1, packed_bytes(work, work.parameters.landmarks.quantized))
            return ((num_layers * (ranks - 1) // ranks) * self.unit_bytes // matrix) * (matrix,)
        return ()

    def build(self) -> int:
        """Build the model; gives the bytes that are reserved and free then."""
        self.free([self.allocate(size) for size in self._pieces()])
        return self.allocator.reserved_bytes

    # A step ---------------------------------------------------------------------------------------------------------

    def steps(self) -> None:
        """As many as make a difference."""
        for is_first in (True, False) if self.keeps_gradients else (False,):
            self.step(is_first=is_first)

    @property
    def kept_bytes(self) -> int:
        """What is reserved beyond the peak of what was allocated."""
        return self.allocator.reserved_bytes - self.allocator.peak_allocated_bytes

    def step(self, *, is_first: bool) -> None:
        """Forward, backward and the optimizer's step; the gradients stay until the next step begins."""
        self.let_go()
        root = self.allocate(self.root * self.width, GATHER) if self.is_fsdp else None
        inputs, kept = self._forward()
        gradient = self._head(inputs)
        self._backward(inputs, kept, gradient)
        self.free([root, *self.gathered, *self.held])
        self.gathered, self.held = [], []
        if not self.keeps_gradients or not is_first:
            return
        counts = [count for _, count in self.gradients]
        # Adam's two; however many there are, they are of that kind of size.
        for size in [int(count * self.state_width / 2) for count in counts]:
            if size > SMALL_BYTES:
                self.allocator.allocate_for_good(size, 2)
        # In later steps they find these blocks again.
        if self.temporary_width:
            self.free([self.allocate(int(count * self.temporary_width)) for count in counts])

    def let_go(self) -> None:
        """Free the gradients of the last step."""
        self.free(block for block, _ in self.gradients)
        self.gradients = []

    def _is_whole(self, index: int) -> bool:
        """Whether forward plays that layer whole: the first one, and the last one when all inputs have their place."""
        return index in (0, len(self.played.layers) - 1)

    def _is_whole_in_backward(self, index: int) -> bool:
        """The same of backward, counted from the last layer.

        The second one has the gradient of another's output to place. After it there is only more room; but where
        something stays behind, least is left at the end.
        """
        if self.holds or self.keeps_gradients:
            return index in (0, len(self.played.layers) - 1)
        return index < NUM_WHOLE

    def _gather(self) -> None:
        if self.is_fsdp:
            self.gathered.append(self.allocate(self.unit_bytes, GATHER))

    def _release(self) -> None:
        if self.gathered:
            self.free([self.gathered.pop(0)])

    def _forward(self) -> tuple[list[Block | None], list[dict[Storage, Block]]]:
        """Layer inputs, the first one before them and the last output after; and what each layer keeps."""
        inputs = [self.allocate(self.played.stream_bytes)]
        kept: list[dict[Storage, Block]] = []
        self._gather()
        for index, profile in enumerate(self.played.layers):
            blocks: dict[Storage, Block] = {}
            events = profile.events
            if not self._is_whole(index):
                if not self.played.recomputed[index]:
                    blocks = {storage: self.allocator.allocate(storage.num_bytes) for storage in _own(profile)}
                inputs.append(self.allocate(profile.output_bytes))
            else:
                self._gather()
                self.play(events.graphless if self.played.recomputed[index] else events.forward, blocks)
                self._release()
                inputs.append(blocks.pop(events.output, None))
            kept.append(blocks)
        return inputs, kept

    def _head(self, inputs: list[Block | None]) -> Block | None:
        """The loss, there and back; gives the gradient of the last layer's output."""
        head = self.played.head
        events, blocks = head.events, dict[Storage, Block]()
        self.play(events.forward, blocks)
        self.free(blocks.pop(storage) for storage in list(blocks) if storage not in events.saved)
        self.play(events.backward, blocks)
        gradient = blocks.pop(events.gradient, None) if events.gradient else None
        self._weights(head, blocks)
        self.free(blocks.values())
        self.free([inputs.pop()])
        return gradient

    def _backward(self, inputs: list[Block | None], kept: list[dict[Storage, Block]], gradient: Block | None) -> None:
        work = self.work
        if not self.gathered:
            self._gather()
        layers = zip(self.played.layers, self.played.recomputed, strict=True)
        for index, (profile, is_recomputed) in enumerate(reversed(tuple(layers))):
            blocks, entered = kept.pop(), inputs.pop()
            if self._is_whole_in_backward(index):
                self._gather()
                if is_recomputed:
                    self.play(profile.events.forward, blocks)
                leaving = self._layer(profile, blocks, gradient)
                self._release()
            else:
                self._weights(profile, blocks, is_whole=False)
                # Of one size with the one that comes in, whose place it would have in the end.
                leaving = self.allocate(self.played.stream_bytes) if self.holds else gradient
                self.free(blocks.values())
            if self.holds:
                self.held += [entered, gradient]
            else:
                self.free([None if gradient is leaving else gradient, entered])
            gradient = leaving
        embedding = work.parameters.landmarks.embedding if self.keeps_gradients else 0
        block = self.allocate(embedding * self.width)
        self.free([gradient])
        if self.is_fsdp and self.keeps_gradients:
            self._scatter(self.root, [block, *self.held])
            self.held = []
        elif self.keeps_gradients:
            self.gradients.append((block, embedding))

    def _layer(self, profile: Profile, blocks: dict[Storage, Block], gradient: Block | None) -> Block | None:
        """One layer's backward; gives the gradient that leaves. The one that comes in is freed by the caller."""
        events = profile.events
        self.play(events.backward, blocks)
        # Where nothing else holds it, the gradient that came in is added to, and leaves.
        is_handed_on = events.gradient is events.output_gradient
        leaving = gradient if is_handed_on else blocks.pop(events.gradient, None) if events.gradient else None
        self._weights(profile, blocks)
        self.free(blocks.values())
        return leaving

    def _weights(self, profile: Profile, blocks: dict[Storage, Block], *, is_whole: bool = True) -> None:
        """The gradients of a stretch's weights: kept until the optimizer has used them, or handed on at once."""
        if not self.keeps_gradients:
            return
        storages, width = profile.events.weights, self.work.widths.trained.expected_bytes
        if not self.is_fsdp and is_whole:
            self.gradients += [(blocks.pop(storage, None), storage.num_bytes // width) for storage in storages]
        elif not self.is_fsdp:
            for size in self._matrices(profile):
                self.gradients.append((self.allocate(size), size // width))
        elif profile is self.played.head:
            # The root unit is scattered when the embedding's gradient is there.
            self.held += [blocks.pop(storage) for storage in storages if storage in blocks]
        else:
            self._scatter(self.unit, [blocks.pop(storage) for storage in storages if storage in blocks])

    def _matrices(self, profile: Profile) -> Sequence[int]:
        """Bytes of the gradients of a stretch that is not played whole: the large ones, and all others as one."""
        found = self._sizes.get(id(profile))
        if found is None:
            sizes = [storage.num_bytes for storage in profile.events.weights]
            total = sum(sizes)
            large = [size for size in sizes if size * SMALL_MATRICES > total]
            found = self._sizes[id(profile)] = (*large, total - sum(large))
        return found

    def _scatter(self, num_params: int, matrices: Iterable[Block | None]) -> None:
        """FSDP joins the gradients of a unit, scatters them, and keeps a piece in the format of the masters."""
        piece = ceil_div(num_params, self.work.shard_ranks)
        whole = self.allocate(num_params * self.width)
        self.free(matrices)
        narrow = self.allocate(piece * self.width, REDUCE)
        kept = self.allocate(piece * self.work.widths.trained.expected_bytes, REDUCE)
        self.free([narrow, whole])
        self.gradients.append((kept, piece))


def _own(profile: Profile) -> Iterator[Storage]:
    """What a layer keeps for backward beside its input and its output, in the order in which it is made."""
    events = profile.events
    for storage, num_bytes in events.forward:
        if num_bytes > SMALL_BYTES and storage in events.saved and storage is not events.output:
            yield storage
