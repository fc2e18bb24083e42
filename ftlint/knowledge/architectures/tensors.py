"""Parameter tables: every parameter tensor of a model, in the order of `model.parameters()`.

A table is kept as sections, because eighty equal decoder layers are one template and a count: totals and the largest
layer then cost as much as one layer. Iterating a table gives the flat list, with the dotted names of `transformers`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from enum import Enum
from itertools import groupby
from typing import TypeVar

from ftlint.record import record


class Role(Enum):
    """What a parameter tensor is, as far as optimizers, adapters and quantization treat them differently."""

    EMBEDDING = "embedding"
    """Weight of an `nn.Embedding`, `rows x width`; learned positions included."""
    LINEAR = "linear"
    """Weight of an `nn.Linear`, `out_features x in_features`: what LoRA and quantization work on."""
    CONV1D = "conv1d"
    """Weight of transformers' `Conv1D` (GPT-2), `in_features x out_features`."""
    HEAD = "head"
    """Weight of the `nn.Linear` that is the model's output (lm_head, score): PEFT's "all-linear" skips it."""
    BIAS = "bias"
    NORM = "norm"
    """Weight of a LayerNorm or RMSNorm."""
    EXPERT = "expert"
    """Fused weights or biases of all experts of a layer, experts first; not an `nn.Linear`, so LoRA's `target_modules`
    and bitsandbytes pass it by (PEFT reaches it through `target_parameters`)."""
    ROUTER = "router"
    """Routing weight that is a bare parameter, not an `nn.Linear`."""
    OTHER = "other"
    """Anything else: attention sinks, embeddings outside an `nn.Embedding`."""


@record
class ParameterTensor:
    """One parameter tensor. `name` is dotted; inside a `Section` it is relative to the section's prefix."""

    name: str
    shape: tuple[int, ...]
    role: Role

    @property
    def num_params(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)

    @property
    def module(self) -> str:
        """Dotted name of the module that owns the tensor."""
        return self.name.rpartition(".")[0]


@record
class LinearModule:
    """A module that LoRA can wrap by name: an `nn.Linear` or a GPT-2 `Conv1D`."""

    name: str
    in_features: int
    out_features: int
    has_bias: bool
    role: Role
    """`LINEAR`, `CONV1D`, or `HEAD` for the output layer, which PEFT's "all-linear" leaves out."""


@record
class Section:
    """Tensors that stand together, or a row of `num_copies` modules with the same tensors in each.

    `first_index` is None for a single group of tensors named `prefix.tensor`; otherwise the copies are named
    `prefix.first_index.tensor`, `prefix.(first_index + 1).tensor`, and so on.
    """

    prefix: str
    tensors: tuple[ParameterTensor, ...]
    first_index: int | None = None
    num_copies: int = 1
    reads_images: bool = False
    """Part of a vision tower, or of what hands its results to the language model: without images it does nothing."""

    @property
    def is_row(self) -> bool:
        """Whether it is a list of layers of the language model, or of the model where there is only one."""
        return self.first_index is not None and not self.reads_images

    @property
    def num_params(self) -> int:
        """Parameters of all copies together."""
        return self.num_copies * sum(tensor.num_params for tensor in self.tensors)

    def prefixes(self) -> Iterator[str]:
        """The dotted prefix of each copy, with its closing dot."""
        stem = f"{self.prefix}." if self.prefix else ""
        if self.first_index is None:
            yield stem
            return
        for index in range(self.first_index, self.first_index + self.num_copies):
            yield f"{stem}{index}."

    def under(self, prefix: str) -> Section:
        """The same section inside a module called `prefix`."""
        if not prefix:
            return self
        inner = f"{prefix}.{self.prefix}" if self.prefix else prefix
        return replace(self, prefix=inner)

    def beside(self) -> Section:
        """The same section as a part of what reads images."""
        return replace(self, reads_images=True)


@record
class TiedTensor:
    """A name under which the model holds a tensor a second time, such as a tied `lm_head.weight`.

    `model.parameters()` yields such a tensor once, under the first name; the table does the same.
    """

    tensor: ParameterTensor
    owner: str
    """Name of the tensor that is stored and counted."""


@record
class ParameterTable:
    """All parameter tensors of one model class, in the order of `model.parameters()`."""

    sections: tuple[Section, ...]
    tied: tuple[TiedTensor, ...] = ()

    def __iter__(self) -> Iterator[ParameterTensor]:
        for section in self.sections:
            for prefix in section.prefixes():
                for tensor in section.tensors:
                    yield ParameterTensor(prefix + tensor.name, tensor.shape, tensor.role)

    def __len__(self) -> int:
        return sum(section.num_copies * len(section.tensors) for section in self.sections)

    def sizes(self) -> Iterator[int]:
        """Number of parameters of each tensor, in order: what DeepSpeed packs into sub-groups."""
        for section in self.sections:
            template = [tensor.num_params for tensor in section.tensors]
            for _ in range(section.num_copies):
                yield from template

    @property
    def num_params(self) -> int:
        """Total number of parameters; a tied tensor counts once."""
        return sum(section.num_params for section in self.sections)

    @property
    def reads_images(self) -> bool:
        """Whether a part of it does."""
        return any(section.reads_images for section in self.sections)

    def num_params_of(self, *roles: Role) -> int:
        """Number of parameters in tensors of the given roles."""
        return sum(
            section.num_copies * tensor.num_params
            for section in self.sections
            for tensor in section.tensors
            if tensor.role in roles
        )

    @property
    def largest_layer(self) -> int:
        """Most parameters that one module owns itself, without its children.

        A tied tensor counts in each module that holds it, as it does for DeepSpeed.
        Source: deepspeed 0.19.8 runtime/zero/stage3.py, `model_to_params` (`m.parameters(recurse=False)`).
        """
        largest = 0
        held_twice: dict[str, int] = {}
        for tied in self.tied:
            held_twice[tied.tensor.module] = held_twice.get(tied.tensor.module, 0) + tied.tensor.num_params
        for section in self.sections:
            prefix = next(section.prefixes())
            for module, tensors in groupby(section.tensors, key=lambda tensor: tensor.module):
                own = sum(tensor.num_params for tensor in tensors)
                largest = max(largest, own + held_twice.get((prefix + module).rstrip("."), 0))
        return max(largest, *held_twice.values(), 0)

    def linear_modules(self) -> Iterator[LinearModule]:
        """Every `nn.Linear` and `Conv1D`, in order, a tied output layer last.

        Experts fused into one tensor are not among them, as they are no `nn.Linear`; see `Role.EXPERT`.
        """
        tied_names = {tied.tensor.name for tied in self.tied}
        for section in self.sections:
            template = list(_linear_template(section.tensors))
            for prefix in section.prefixes():
                for linear in template:
                    name = prefix + linear.name
                    has_bias = linear.has_bias or f"{name}.bias" in tied_names
                    yield LinearModule(name, linear.in_features, linear.out_features, has_bias, linear.role)
        stored_names = {tensor.name for tensor in self.sections[-1].tensors}
        for tied in self.tied:
            if tied.tensor.role is Role.HEAD:
                out_features, in_features = tied.tensor.shape
                has_bias = f"{tied.tensor.module}.bias" in stored_names | tied_names
                yield LinearModule(tied.tensor.module, in_features, out_features, has_bias, Role.HEAD)


def _linear_template(tensors: Sequence[ParameterTensor]) -> Iterator[LinearModule]:
    names = {tensor.name for tensor in tensors}
    for tensor in tensors:
        if tensor.role is Role.CONV1D:
            in_features, out_features = tensor.shape
        elif tensor.role in (Role.LINEAR, Role.HEAD):
            out_features, in_features = tensor.shape
        else:
            continue
        yield LinearModule(tensor.module, in_features, out_features, f"{tensor.module}.bias" in names, tensor.role)


# The words in which the families write their tables -----------------------------------------------------------------

Tensors = tuple[ParameterTensor, ...]


def linear(name: str, in_features: int, out_features: int, *, bias: bool = False, role: Role = Role.LINEAR) -> Tensors:
    """The tensors of an `nn.Linear`."""
    weight = ParameterTensor(f"{name}.weight", (out_features, in_features), role)
    return (weight, ParameterTensor(f"{name}.bias", (out_features,), Role.BIAS)) if bias else (weight,)


def conv1d(name: str, in_features: int, out_features: int) -> Tensors:
    """The tensors of transformers' `Conv1D`, which always has a bias."""
    return (
        ParameterTensor(f"{name}.weight", (in_features, out_features), Role.CONV1D),
        ParameterTensor(f"{name}.bias", (out_features,), Role.BIAS),
    )


def norm(name: str, *width: int, bias: bool = False) -> Tensors:
    """The tensors of a LayerNorm (`bias=True`) or an RMSNorm over a last dimension of `width`."""
    weight = ParameterTensor(f"{name}.weight", width, Role.NORM)
    return (weight, ParameterTensor(f"{name}.bias", width, Role.BIAS)) if bias else (weight,)


def embedding(name: str, rows: int, width: int) -> Tensors:
    """The tensor of an `nn.Embedding`."""
    return (ParameterTensor(f"{name}.weight", (rows, width), Role.EMBEDDING),)


def bare(name: str, *shape: int, role: Role) -> Tensors:
    """A parameter that the module holds itself, outside any layer of torch's own."""
    return (ParameterTensor(name, shape, role),)


def scoped(module: str, *groups: Tensors) -> Tensors:
    """The groups' tensors, inside a child called `module`."""
    return tuple(
        ParameterTensor(f"{module}.{tensor.name}", tensor.shape, tensor.role) for group in groups for tensor in group
    )


def join(*groups: Tensors) -> Tensors:
    """The groups' tensors, one after the other."""
    return tuple(tensor for group in groups for tensor in group)


def single(*groups: Tensors) -> Section:
    """A section of tensors that occur once."""
    return Section("", join(*groups))


def row(prefix: str, num_copies: int, tensors: Tensors) -> Section:
    """A list of equal layers."""
    return Section(prefix, tensors, first_index=0, num_copies=num_copies)


Kind = TypeVar("Kind")


def rows_of(prefix: str, kinds: Iterable[Kind], build: Callable[[Kind], Tensors]) -> tuple[Section, ...]:
    """Sections for a list of layers, one per run of neighbours of the same kind."""
    sections: list[Section] = []
    index = 0
    for kind, run in groupby(kinds):
        num_copies = sum(1 for _ in run)
        sections.append(Section(prefix, build(kind), first_index=index, num_copies=num_copies))
        index += num_copies
    return tuple(sections)
