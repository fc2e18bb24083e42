"""Plays a tape forward and backward, and notes the bytes alive, as CPython and torch's engine free them.

Forward: a result is freed after its last use unless something keeps it. Backward: nodes run in reverse order of their
making; each frees what it kept once it has run; a second gradient for the same tensor is added in place where nothing
else holds the first (torch 2.13 csrc/autograd/input_buffer.cpp).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ftlint.memory.autograd.tape import Flow, Storage, Tape, Tensor
from ftlint.record import record


@record
class Profile:
    """The bytes of one stretch of a model. Weights, and what all layers share, are not among them.

    `kept_bytes`: what forward leaves for backward, the input included where it is kept. `input_kept_bytes`: how much
    of it that is. The peaks are most bytes alive, the input not counted in forward, the incoming gradient counted in
    backward; a forward without graph keeps nothing. `gradient_bytes`: of the trained weights, once backward is through;
    they are in no peak.

    A checkpoint computes forward again in backward: `recompute_peak_bytes` is the peak of that, without the input; it
    begins when backward first unpacks something, and ends with the last thing packed, inputs before an operation and
    results after it. What it made is let go as soon as it is unpacked, before gradients are cast:
    `recomputed_backward_peak_bytes`. A reentrant one computes first, and holds the output and its gradient all the
    time: `reentrant_peak_bytes`, backward included.
    Source: torch 2.13 utils/checkpoint.py, `_checkpoint_without_reentrant_generator`, `CheckpointFunction.backward`.
    """

    kept_bytes: int
    input_kept_bytes: int
    output_bytes: int
    forward_peak_bytes: int
    graphless_peak_bytes: int
    backward_peak_bytes: int
    recompute_peak_bytes: int
    recomputed_backward_peak_bytes: int
    reentrant_peak_bytes: int
    gradient_bytes: int
    cast_weight_bytes: int
    backward_peak_at: str


def run(tape: Tape, *, inputs: Sequence[Tensor], output: Tensor) -> Profile:
    """Play the tape once in each direction; `output`: whose gradient arrives from behind."""
    kept = {storage for node in tape.nodes for storage in node.saved}
    from_outside = {tensor.storage for tensor in inputs}
    held = from_outside | {output.storage}
    forward = _forward(tape, kept | held, from_outside)
    num_recomputed = max(
        (index + node.packs_result for index, node in enumerate(tape.nodes) if node.reads_saved), default=0
    )
    backward, reentrant = _Backward(tape, inputs), _Backward(tape, inputs)
    backward.play(output)
    reentrant.play(output, holds_gradient=True)
    recomputed = backward
    if any(node.cast_scratch_bytes for node in tape.nodes):
        recomputed = _Backward(tape, inputs)
        recomputed.play(output, frees_when_read=True)
    return Profile(
        kept_bytes=_kept(kept),
        input_kept_bytes=_kept(from_outside & kept),
        output_bytes=output.size_bytes,
        forward_peak_bytes=max(forward),
        graphless_peak_bytes=max(_forward(tape, held, from_outside)),
        backward_peak_bytes=backward.peak,
        recompute_peak_bytes=max(forward[:num_recomputed], default=0) + backward.in_flight,
        recomputed_backward_peak_bytes=recomputed.peak,
        reentrant_peak_bytes=output.size_bytes + max(*forward, reentrant.peak - _kept(from_outside & kept)),
        gradient_bytes=backward.gradient_bytes,
        cast_weight_bytes=sum(
            tape.casts[id(weight)].size_bytes for weight in tape.parameters if id(weight) in tape.casts
        ),
        backward_peak_at=backward.where,
    )


def _kept(storages: Iterable[Storage]) -> int:
    return sum(storage.num_bytes for storage in storages)


def _forward(tape: Tape, held: set[Storage], from_outside: set[Storage]) -> list[int]:
    """Bytes alive at each operation's own peak; what is `held` stays until the end."""
    last_use: dict[Storage, int] = {}
    for index, node in enumerate(tape.nodes):
        for tensor in (*node.inputs, *node.outputs):
            last_use[tensor.storage] = index
    ends: dict[int, int] = {}
    for storage, index in last_use.items():
        if storage not in held and not storage.is_external:
            ends[index] = ends.get(index, 0) + storage.num_bytes
    live = 0
    alive = []
    seen = set(from_outside)
    for index, node in enumerate(tape.nodes):
        for tensor in node.outputs:
            storage = tensor.storage
            if storage not in seen and not storage.is_external:
                seen.add(storage)
                live += storage.num_bytes
        alive.append(live + node.forward_scratch_bytes)
        live -= ends.get(index, 0)
    return alive


class _Backward:
    """The engine: who holds which storage, and how many bytes are alive. Owned by one call of `run`."""

    def __init__(self, tape: Tape, inputs: Sequence[Tensor]) -> None:
        self.nodes = tape.nodes
        self.inputs = inputs
        self.references: dict[Storage, int] = {}
        self.gradients: dict[int, Storage] = {}
        self.live = self.peak = self.gradient_bytes = 0
        self.where = ""
        self.in_flight = 0
        """Bytes of gradients alive when something kept is first read."""
        for node in tape.nodes:
            for storage in node.saved:
                self._hold(storage)

    def play(self, output: Tensor, *, holds_gradient: bool = False, frees_when_read: bool = False) -> None:
        """Run every node that a gradient reaches.

        `holds_gradient`: the caller holds on to the output's. `frees_when_read`: what a node kept goes when it has
        computed; else when its gradients have been cast, too.
        """
        kept_bytes, has_read = self.live, False
        self.gradients[id(output)] = self._new(output.size_bytes)
        if holds_gradient:
            self._hold(self.gradients[id(output)])
        self._note(0, "start")
        for node in reversed(self.nodes):
            incoming = [self.gradients.pop(id(out)) for out in node.outputs if id(out) in self.gradients]
            if not incoming:
                continue
            if node.reads_saved and not has_read:
                self.in_flight, has_read = self.live - kept_bytes, True
            handed: list[tuple[Tensor, Storage]] = []
            for tensor, flow in node.flows:
                if flow is Flow.ALIAS:
                    self._hold(incoming[0])
                    handed.append((tensor, incoming[0]))
                else:
                    handed.append((tensor, self._new(tensor.size_bytes)))
            self._note(node.backward_scratch_bytes, node.name)
            if not frees_when_read:
                self._note(node.cast_scratch_bytes, node.name)
            for storage in node.saved:
                self._drop(storage)
            if frees_when_read:
                self._note(node.cast_scratch_bytes, node.name)
            for storage in incoming:
                self._drop(storage)
            for tensor, storage in handed:
                self._hand_over(tensor, storage, node.name)

    def _hand_over(self, tensor: Tensor, storage: Storage, name: str) -> None:
        if tensor.is_parameter:
            # Stolen where nothing else holds it, cloned otherwise: from here on it is a weight's gradient.
            self.gradient_bytes += tensor.size_bytes
            self._drop(storage)
            return
        first = self.gradients.get(id(tensor))
        if first is None:
            self.gradients[id(tensor)] = storage
        elif self.references[first] == 1:
            self._drop(storage)
        elif self.references[storage] == 1:
            self.gradients[id(tensor)] = storage
            self._drop(first)
        else:
            self.gradients[id(tensor)] = self._new(tensor.size_bytes)
            self._note(0, f"{name}, gradients added")
            self._drop(first)
            self._drop(storage)

    def _new(self, num_bytes: int) -> Storage:
        storage = Storage(num_bytes)
        self._hold(storage)
        return storage

    def _hold(self, storage: Storage) -> None:
        count = self.references.get(storage, 0)
        if count == 0:
            self.live += storage.num_bytes
        self.references[storage] = count + 1

    def _drop(self, storage: Storage) -> None:
        self.references[storage] -= 1
        if self.references[storage] == 0:
            self.live -= storage.num_bytes
            del self.references[storage]

    def _note(self, scratch_bytes: int, where: str) -> None:
        if self.live + scratch_bytes > self.peak:
            self.peak, self.where = self.live + scratch_bytes, where
