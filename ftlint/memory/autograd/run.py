"""Plays a tape forward and backward, and notes the bytes alive, as CPython and torch's engine free them.

Forward: a result is freed after its last use unless something keeps it. Backward: nodes run in reverse order of their
making; each frees what it kept once it has run; a second gradient for the same tensor is added in place where nothing
else holds the first (torch 2.13 csrc/autograd/input_buffer.cpp).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet

from ftlint.memory.autograd.tape import Cast, Flow, Storage, Tape, Tensor
from ftlint.record import record

Event = tuple[Storage, int]
"""A storage and its bytes when it is allocated, and 0 when it is freed."""


@record
class Events:
    """What a stretch allocates and frees, in order. Weights, and what all layers share, are not among them.

    `graphless`: forward without a graph, which leaves the output alone; `forward`: with one, which leaves the output
    and what `saved` holds; `backward`: from the output's gradient, which comes first, to the input's. The gradients of
    trained `weights` are allocated and never freed. `gradient`: of the input, None where it needs none.
    """

    graphless: tuple[Event, ...]
    forward: tuple[Event, ...]
    backward: tuple[Event, ...]
    output: Storage
    output_gradient: Storage
    gradient: Storage | None
    saved: frozenset[Storage]
    weights: tuple[Storage, ...]


@record
class Profile:
    """The bytes of one stretch of a model. Weights, and what all layers share, are not among them.

    `kept_bytes`: what forward leaves for backward, the input included where it is kept. `input_kept_bytes`: how much
    of it that is. The peaks are most bytes alive, the input not counted in forward, the incoming gradient counted in
    backward; a forward without graph keeps nothing. `gradient_bytes`: of the trained weights, once backward is through;
    they are in no peak.

    A checkpoint computes forward again in backward: `recompute_peak_bytes` is the peak of that, without the input; it
    begins when backward first unpacks something, and ends with the last thing packed, inputs before an operation and
    results after it. A reentrant one does it first, and holds the output and its gradient all the time:
    `reentrant_peak_bytes`, backward included; 0 if not asked for. `returned_bytes`: of what the stretch hands out
    beside its output, which the model holds until the next one has computed; a reentrant checkpoint makes zeros for its
    gradient.
    Source: torch 2.13 utils/checkpoint.py, `_checkpoint_without_reentrant_generator`, `CheckpointFunction.backward`.
    """

    kept_bytes: int
    input_kept_bytes: int
    output_bytes: int
    forward_peak_bytes: int
    graphless_peak_bytes: int
    backward_peak_bytes: int
    recompute_peak_bytes: int
    reentrant_peak_bytes: int
    gradient_bytes: int
    cast_weight_bytes: int
    returned_bytes: int
    backward_peak_at: str
    events: Events


def run(
    tape: Tape,
    *,
    inputs: Sequence[Tensor],
    output: Tensor,
    is_reentrant: bool = False,
    is_recomputed: bool = False,
    returned: Tensor | None = None,
) -> Profile:
    """Play the tape once in each direction; `output`: whose gradient arrives from behind.

    `is_reentrant`: backward is played as a reentrant checkpoint does it, and its peak includes the output's gradient.
    `is_recomputed`: as the other kind does it, which lets go of what it made as soon as it is unpacked.
    `returned`: what the stretch hands out beside the output, and nobody reads.
    """
    backward = _Backward(tape)
    kept = frozenset(backward.references)
    from_outside = {tensor.storage for tensor in inputs}
    held = from_outside | {output.storage}
    forward = _Forward(tape, kept, held, from_outside)
    num_recomputed = _num_recomputed(tape)
    extra = returned if is_reentrant else None
    backward.play(output, holds_gradient=is_reentrant, frees_when_read=is_recomputed, returned=extra)
    coming = backward.output_gradient
    input_kept = _kept(from_outside & kept)
    reentrant = 0
    if is_reentrant:
        zeros = 0 if extra is None else extra.size_bytes
        reentrant = output.size_bytes + max(max(forward.alive) + zeros, backward.peak - input_kept)
    return Profile(
        kept_bytes=_kept(kept),
        input_kept_bytes=input_kept,
        output_bytes=output.size_bytes,
        forward_peak_bytes=max(forward.alive),
        graphless_peak_bytes=forward.graphless_peak,
        backward_peak_bytes=backward.peak,
        recompute_peak_bytes=max(forward.alive[:num_recomputed], default=0) + backward.in_flight,
        reentrant_peak_bytes=reentrant,
        gradient_bytes=backward.gradient_bytes,
        cast_weight_bytes=sum(
            tape.casts[id(weight)].size_bytes for weight in tape.parameters if id(weight) in tape.casts
        ),
        returned_bytes=0 if returned is None else returned.size_bytes,
        backward_peak_at=backward.where,
        events=Events(
            graphless=tuple(forward.graphless_events),
            forward=tuple(forward.events),
            backward=tuple([event for event in backward.events if event[0] is not coming]),
            output=output.storage,
            output_gradient=coming,
            gradient=backward.gradients.get(inputs[0]) if inputs else None,
            saved=kept,
            weights=tuple(backward.weights),
        ),
    )


def _num_recomputed(tape: Tape) -> int:
    """Operations that a checkpoint computes again: up to the last thing that is packed."""
    for number in range(len(tape.nodes), 0, -1):
        node = tape.nodes[number - 1]
        if node.reads_saved:
            packs_result = any(tensor.storage in node.saved for tensor in node.outputs)
            return number - 1 + packs_result
    return 0


def _kept(storages: Iterable[Storage]) -> int:
    return sum(storage.num_bytes for storage in storages)


class _Forward:
    """Forward with a graph, which keeps what backward reads, and without one; what is `held` stays in both."""

    def __init__(
        self, tape: Tape, kept: AbstractSet[Storage], held: AbstractSet[Storage], from_outside: AbstractSet[Storage]
    ) -> None:
        self.alive: list[int] = []
        """Bytes at each operation's own peak."""
        self.graphless_peak = 0
        self.events: list[Event] = []
        self.graphless_events: list[Event] = []
        last_use: dict[Storage, int] = {}
        for index, node in enumerate(tape.nodes):
            for tensor in node.inputs:
                last_use[tensor.storage] = index
            for tensor in node.outputs:
                last_use[tensor.storage] = index
        ends: list[list[Storage]] = [[] for _ in tape.nodes]
        for storage, index in last_use.items():
            if not storage.is_external and storage not in held:
                ends[index].append(storage)
        self._play(tape, ends, kept, set(from_outside))

    def _play(
        self, tape: Tape, ends: Sequence[Sequence[Storage]], kept: AbstractSet[Storage], seen: set[Storage]
    ) -> None:
        """`ends`: what each operation is the last to use; `seen`: what is there already."""
        live = graphless = graphless_peak = 0
        note, note_graphless, note_alive = self.events.append, self.graphless_events.append, self.alive.append
        for node, ended in zip(tape.nodes, ends, strict=True):
            scratch, scratch_bytes = node.forward_scratch, 0
            if scratch:
                scratch_bytes = sum(scratch)
                made, gone = _come_and_go(scratch)
                self.events += made
                self.graphless_events += made
            for tensor in node.outputs:
                storage = tensor.storage
                if storage not in seen and not storage.is_external:
                    seen.add(storage)
                    num_bytes = storage.num_bytes
                    live += num_bytes
                    graphless += num_bytes
                    event = (storage, num_bytes)
                    note(event)
                    note_graphless(event)
            note_alive(live + scratch_bytes)
            if graphless + scratch_bytes > graphless_peak:
                graphless_peak = graphless + scratch_bytes
            if scratch:
                self.events += gone
                self.graphless_events += gone
            for storage in ended:
                event = (storage, 0)
                graphless -= storage.num_bytes
                note_graphless(event)
                if storage not in kept:
                    live -= storage.num_bytes
                    note(event)
        self.graphless_peak = graphless_peak


def _come_and_go(sizes: Sequence[int]) -> tuple[list[Event], list[Event]]:
    """Temporaries of these sizes: what says that they are there, and what says that they are gone."""
    storages = [Storage(num_bytes) for num_bytes in sizes]
    return [(storage, storage.num_bytes) for storage in storages], [(storage, 0) for storage in storages]


class _Backward:
    """The engine: who holds which storage, and how many bytes are alive. Owned by one call of `run`."""

    def __init__(self, tape: Tape) -> None:
        self.nodes = tape.nodes
        self.references: dict[Storage, int] = {}
        self.gradients: dict[Tensor, Storage] = {}
        self.events: list[Event] = []
        self.weights: list[Storage] = []
        self.live = self.peak = self.gradient_bytes = 0
        self.where = ""
        self.in_flight = 0
        """Bytes of gradients alive when something kept is first read."""
        for node in tape.nodes:
            for storage in node.saved:
                count = self.references.get(storage, 0)
                if not count:
                    self.live += storage.num_bytes
                self.references[storage] = count + 1

    def play(
        self,
        output: Tensor,
        *,
        holds_gradient: bool = False,
        frees_when_read: bool = False,
        returned: Tensor | None = None,
    ) -> None:
        """Run every node that a gradient reaches; `returned`: has a gradient of zeros, and both are held all the time.

        `holds_gradient`: the caller holds on to the output's. `frees_when_read`: what a node kept goes when it has
        computed; else when its gradients have been cast, too.
        """
        kept_bytes, has_read, alias = self.live, False, Flow.ALIAS
        self.output_gradient = self.gradients[output] = self._new(output.size_bytes)
        references, gradients, drop = self.references, self.gradients, self._drop
        if holds_gradient:
            references[self.output_gradient] += 1
        extra: list[Storage] = []
        if returned is not None and returned.storage in references:
            zeros = gradients[returned] = self._new(returned.size_bytes)
            extra = [returned.storage, zeros]
            for storage in extra:
                references[storage] += 1
        self.peak, self.where = self.live, "start"
        for node in reversed(self.nodes):
            incoming: list[Storage] = []
            for made in node.outputs:
                if made in gradients:
                    incoming.append(gradients.pop(made))  # noqa: PERF401  # mostly one: a comprehension costs more
            if not incoming:
                continue
            if not has_read and node.reads_saved:
                self.in_flight, has_read = self.live - kept_bytes, True
            handed: list[tuple[Tensor, Storage]] = []
            for tensor, flow in node.flows:
                if not tensor.requires_grad:
                    continue
                if flow is alias:
                    references[incoming[0]] += 1
                    handed.append((tensor, incoming[0]))
                else:
                    handed.append((tensor, self._new(tensor.size_bytes)))
            scratch_bytes, cast = 0, node.cast
            if node.backward_scratch:
                scratch_bytes = sum(node.backward_scratch)
                self._flash(node.backward_scratch)
            if cast is not None:
                scratch_bytes += sum(cast.whole_bytes) - cast.result_bytes
            if self.live + scratch_bytes > self.peak:
                self.peak, self.where = self.live + scratch_bytes, node.name
            if cast is not None and not frees_when_read:
                self._cast(cast, node.name)
            for storage in node.saved:
                drop(storage)
            if cast is not None and frees_when_read:
                self._cast(cast, node.name)
            for storage in incoming:
                drop(storage)
            for tensor, storage in handed:
                if tensor.is_parameter or tensor in gradients:
                    self._hand_over(tensor, storage, node.name)
                else:
                    gradients[tensor] = storage
        for storage in extra:
            drop(storage)

    def _flash(self, sizes: Sequence[int]) -> None:
        """Temporaries that come and go."""
        made, gone = _come_and_go(sizes)
        self.events += made
        self.events += gone

    def _cast(self, cast: Cast, name: str) -> None:
        """Gradients as they came, beside what is made of them."""
        self._flash(cast.whole_bytes)
        num_bytes = self.live + sum(cast.whole_bytes)
        if num_bytes > self.peak:
            self.peak, self.where = num_bytes, name

    def _hand_over(self, tensor: Tensor, storage: Storage, name: str) -> None:
        if tensor.is_parameter:
            # Stolen where nothing else holds it, cloned otherwise: from here on it is a weight's gradient.
            self.gradient_bytes += tensor.size_bytes
            if self.references[storage] == 1:
                self.live -= storage.num_bytes
                del self.references[storage]
                self.weights.append(storage)
                return
            cloned = Storage(tensor.size_bytes)
            self.events.append((cloned, cloned.num_bytes))
            self.weights.append(cloned)
            self._drop(storage)
            return
        first = self.gradients[tensor]
        if self.references[first] == 1:
            self._drop(storage)
        elif self.references[storage] == 1:
            self.gradients[tensor] = storage
            self._drop(first)
        else:
            self.gradients[tensor] = self._new(tensor.size_bytes)
            if self.live > self.peak:
                self.peak, self.where = self.live, f"{name}, gradients added"
            self._drop(first)
            self._drop(storage)

    def _new(self, num_bytes: int) -> Storage:
        storage = Storage(num_bytes)
        self.references[storage] = 1
        self.live += num_bytes
        self.events.append((storage, num_bytes))
        return storage

    def _drop(self, storage: Storage) -> None:
        count = self.references[storage]
        if count > 1:
            self.references[storage] = count - 1
        else:
            del self.references[storage]
            self.live -= storage.num_bytes
            self.events.append((storage, 0))
