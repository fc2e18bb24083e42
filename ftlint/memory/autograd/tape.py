"""The record of a forward pass: which tensors each operation makes, keeps for backward, and hands gradients to.

A tensor here is a number of elements, a width in bytes and a storage; views share their base's storage, as in torch.
What an operation keeps is what torch 2.13's `tools/autograd/derivatives.yaml` names in its backward formula, and only
if some input needs the gradient that reads it: frozen weights keep no input of theirs.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import Enum
from typing import NamedTuple


class Storage:
    """A block of memory; compared by identity."""

    __slots__ = ("is_external", "num_bytes")

    def __init__(self, num_bytes: int, is_external: bool = False) -> None:
        self.num_bytes = num_bytes
        self.is_external = is_external
        """Weights, and what all layers share: counted elsewhere."""


class Tensor:
    """Elements in a storage. `is_parameter`: a leaf, whose gradient is no activation."""

    __slots__ = ("is_parameter", "num_bytes", "num_elements", "requires_grad", "size_bytes", "storage")

    # By position, as most of what this file makes hundreds of for every layer: keywords cost a third more.
    def __init__(
        self, num_elements: int, num_bytes: int, storage: Storage, requires_grad: bool, is_parameter: bool = False
    ) -> None:
        self.num_elements = num_elements
        self.num_bytes = num_bytes
        """Of one element."""
        self.size_bytes = num_elements * num_bytes
        """Bytes of all elements, which may be more or less than the storage's (an expanded view, a slice)."""
        self.storage = storage
        self.requires_grad = requires_grad
        self.is_parameter = is_parameter


class Flow(Enum):
    """How an operation makes an input's gradient out of its output's."""

    NEW = "new"
    """In a storage of its own."""
    ALIAS = "alias"
    """The same storage: additions, views."""


Scratch = tuple[Sequence[int], Sequence[int]]
"""Bytes of the temporaries of an operation's forward and of its backward."""

NO_SCRATCH: Scratch = ((), ())


class Cast(NamedTuple):
    """Gradients that come in another shape or format than their tensors': all are there before the first is brought.

    `whole_bytes`: of each as it comes; `result_bytes`: of all as they are handed on.
    Source: torch 2.13 csrc/autograd/engine.cpp, `validate_outputs`.
    """

    whole_bytes: tuple[int, ...]
    result_bytes: int


class Node:
    """One operation of the graph.

    `forward_scratch`, `backward_scratch`: bytes of each temporary alive at the operation's own peak, beside its
    results. `cast`: what the engine does to its gradients then. `reads_saved`: whether its backward unpacks anything,
    weights included.
    """

    __slots__ = (
        "backward_scratch",
        "cast",
        "flows",
        "forward_scratch",
        "inputs",
        "name",
        "outputs",
        "reads_saved",
        "saved",
    )

    def __init__(
        self,
        name: str,
        inputs: Sequence[Tensor],
        outputs: Sequence[Tensor],
        saved: Sequence[Storage],
        flows: Sequence[tuple[Tensor, Flow]],
        scratch: Scratch = NO_SCRATCH,
        cast: Cast | None = None,
    ) -> None:
        self.name = name
        self.inputs = inputs
        self.outputs = outputs
        self.reads_saved = bool(saved)
        self.saved = _counted(saved) if saved else saved
        self.flows = flows
        self.forward_scratch, self.backward_scratch = scratch
        self.cast = cast


def _counted(saved: Sequence[Storage]) -> Sequence[Storage]:
    """Without weights, which the model keeps anyway; the same storage may be kept twice."""
    if len(saved) == 1:
        return () if saved[0].is_external else saved
    return [storage for storage in dict.fromkeys(saved) if not storage.is_external]


class Tape:
    """The operations of one stretch of a model, in order; owned by whoever records it.

    `compute_bytes`: width of matrix products under autocast; without it, operands decide.
    """

    def __init__(self, *, compute_bytes: int, is_autocast: bool) -> None:
        self.compute_bytes = compute_bytes
        self.is_autocast = is_autocast
        self.nodes: list[Node] = []
        self.parameters: list[Tensor] = []
        self.casts: dict[int, Tensor] = {}
        """Autocast's copies of leaves, by the identity of the leaf: made once per forward pass."""
        self.leaves: set[Tensor] = set()
        """Inputs that no operation made, beside the weights."""

    def input(self, num_elements: int, num_bytes: int, *, requires_grad: bool, is_leaf: bool = False) -> Tensor:
        """A tensor that comes from elsewhere, such as the layer's input."""
        storage = Storage(num_elements * num_bytes)
        made = Tensor(num_elements, num_bytes, storage, requires_grad)
        if is_leaf:
            self.leaves.add(made)
        return made

    def shared(self, num_elements: int, num_bytes: int) -> Tensor:
        """A tensor without gradient that all layers read: a mask, the cosines of the positions."""
        storage = Storage(num_elements * num_bytes, True)
        return Tensor(num_elements, num_bytes, storage, False)

    def parameter(self, num_elements: int, num_bytes: int, *, is_trained: bool) -> Tensor:
        """A weight."""
        storage = Storage(num_elements * num_bytes, True)
        weight = Tensor(num_elements, num_bytes, storage, is_trained, True)
        self.parameters.append(weight)
        return weight

    def make(
        self,
        name: str,
        inputs: Sequence[Tensor],
        num_elements: int,
        num_bytes: int,
        *,
        saved: Iterable[Tensor] = (),
        flows: Sequence[tuple[Tensor, Flow]] = (),
        result_is_saved: bool = False,
        also_keeps_bytes: int = 0,
        scratch: Scratch = NO_SCRATCH,
        cast: Cast | None = None,
    ) -> Tensor:
        """Record an operation with one new result.

        `also_keeps_bytes`: what it makes for its backward alone, such as a dropout mask. `scratch`: temporaries
        at the peak of its forward and of its backward beside results and gradients; `cast`: see `Node`.
        """
        storage = Storage(num_elements * num_bytes)
        requires_grad = False
        for tensor in inputs:
            if tensor.requires_grad:
                requires_grad = True
                break
        result = Tensor(num_elements, num_bytes, storage, requires_grad)
        kept: list[Storage] = []
        outputs = [result]
        if requires_grad:
            kept = [tensor.storage for tensor in saved]
            if result_is_saved:
                kept.append(storage)
        if also_keeps_bytes:
            extra = Tensor(also_keeps_bytes, 1, Storage(also_keeps_bytes), False)
            outputs.append(extra)
            if requires_grad:
                kept.append(extra.storage)
        self.nodes.append(Node(name, inputs, outputs, kept, flows, scratch, cast))
        return result

    def add_in_place(self, name: str, total: Tensor, part: Tensor) -> Tensor:
        """Record an addition into `total`'s own storage, of a part as large: both get the same gradient."""
        return self._into(name, total, part, Flow.ALIAS, ())

    def add_at_indices(self, name: str, total: Tensor, part: Tensor) -> Tensor:
        """Record an addition to some rows in `total`'s own storage. The part's gradient is picked out of the sum's.

        The part is kept, for its shape. Source: torch 2.13 derivatives.yaml, `index_add`.
        """
        return self._into(name, total, part, Flow.NEW, (part.storage,) if part.requires_grad else ())

    def _into(self, name: str, total: Tensor, part: Tensor, flow: Flow, saved: Sequence[Storage]) -> Tensor:
        requires_grad = total.requires_grad or part.requires_grad
        result = Tensor(total.num_elements, total.num_bytes, total.storage, requires_grad)
        self.nodes.append(Node(name, (total, part), (result,), saved, ((total, Flow.ALIAS), (part, flow))))
        return result

    def write_into(self, name: str, whole: Tensor, part: Tensor) -> Tensor:
        """Record a copy into a slice of `whole`, whose gradient is copied; the part's is a copy of its slice."""
        requires_grad = whole.requires_grad or part.requires_grad
        result = Tensor(whole.num_elements, whole.num_bytes, whole.storage, requires_grad)
        scratch = ((), () if whole.requires_grad else (whole.size_bytes,))
        flows = ((whole, Flow.NEW), (part, Flow.NEW))
        self.nodes.append(Node(name, (whole, part), (result,), (), flows, scratch))
        return result

    def in_place(self, name: str, x: Tensor, flow: Flow, *others: Tensor) -> Tensor:
        """Record an operation whose result takes up the first input's storage."""
        inputs = (x, *others)
        requires_grad = any(tensor.requires_grad for tensor in inputs)
        result = Tensor(x.num_elements, x.num_bytes, x.storage, requires_grad=requires_grad)
        self.nodes.append(Node(name, inputs, (result,), (), [(tensor, flow) for tensor in inputs]))
        return result

    def hold(self, *tensors: Tensor) -> None:
        """Say that Python holds these until here: arguments and variables of a function that now returns."""
        self.nodes.append(Node("return", tensors, (), (), ()))

    def view(self, name: str, base: Tensor, num_elements: int, flow: Flow = Flow.ALIAS) -> Tensor:
        """Record a view. Its gradient aliases for reshapes and transposes, and is new for slices and expansions."""
        view = Tensor(num_elements, base.num_bytes, base.storage, base.requires_grad)
        self.nodes.append(Node(name, (base,), (view,), (), ((base, flow),)))
        return view

    def views(self, name: str, base: Tensor, sizes: Sequence[int]) -> tuple[Tensor, ...]:
        """Record views that part a tensor at one node (`chunk`, `split`): one gradient for all of them."""
        views = tuple(Tensor(size, base.num_bytes, base.storage, base.requires_grad) for size in sizes)
        self.nodes.append(Node(name, (base,), views, (), ((base, Flow.NEW),)))
        return views
