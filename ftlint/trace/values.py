"""What an expression of a script can stand for: the abstract values of the interpreter.

Values are frozen and compared by content. What has an identity (modules, lists, dicts, instances, classes) is a
`Reference` into the heap of a `State`, so that two names for one model stay one model.
"""

from __future__ import annotations

import ast
from collections.abc import Hashable
from dataclasses import dataclass, field
from enum import Enum
from typing import TypeAlias

from ftlint.run.dtype import DType
from ftlint.run.fact import Unknown
from ftlint.syntax.document import Source
from ftlint.trace.sharding import StateDict

MAX_VALUES = 256
"""Values that one list, tuple or call holds; `x = x + x` in a row would otherwise take all the memory there is."""
MAX_TEXT_LENGTH = 10_000


@dataclass(frozen=True, slots=True)
class Loaded:
    """The dtype that `from_pretrained` picks: the checkpoint's where "auto" is written, else the release's default."""

    model_id: str | None
    auto: bool


DTypeTerm: TypeAlias = "DType | Loaded | Unknown"


@dataclass(frozen=True, slots=True)
class Constant:
    """A number, string, bool, None, bytes or ellipsis."""

    value: str | int | float | complex | bool | bytes | None

    def __eq__(self, other: object) -> bool:  # True == 1 in Python, and the two mean different things in a setting
        return isinstance(other, Constant) and type(self.value) is type(other.value) and self.value == other.value

    def __hash__(self) -> int:
        return hash((type(self.value), self.value))


NONE = Constant(None)


@dataclass(frozen=True, slots=True)
class DTypeValue:
    """A torch dtype, such as `torch.bfloat16` or `model.dtype`."""

    term: DTypeTerm


@dataclass(frozen=True, slots=True)
class External:
    """A module, class or function of another file, by its full dotted name."""

    name: str

    @property
    def package(self) -> str:
        """The top-level package."""
        return self.name.split(".", 1)[0]

    @property
    def last(self) -> str:
        """The last part of the name."""
        return self.name.rpartition(".")[2]


@dataclass(frozen=True, slots=True)
class Reference:
    """An object of the heap."""

    id: int


@dataclass(frozen=True, slots=True)
class PartOf:
    """Something that belongs to the object and through which it may change: one of its modules or (`tensor`) weights.

    A module is converted in place by `.to()`; a tensor's `.to()` gives another tensor.
    """

    id: int
    tensor: bool = False


@dataclass(frozen=True, slots=True)
class Tensor:
    """A tensor, of which only the number format matters."""

    term: DTypeTerm


@dataclass(frozen=True, slots=True)
class Tuple:
    """A tuple."""

    items: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Method:
    """A method that no function of the script defines, not called yet."""

    receiver: Value
    name: str


@dataclass(frozen=True, slots=True)
class Super:
    """`super()` inside a method: `self`, and the class whose parents are asked."""

    receiver: Value
    class_id: int


@dataclass(frozen=True, slots=True)
class Opaque:
    """What we cannot see. The same key is the same unknown value, so `if args.bf16` twice decides alike.

    `hint` is the last name it was reached by (`device` in `args.device`).
    """

    key: Hashable
    hint: str = ""


class Role(Enum):
    """How a function of a class is bound."""

    METHOD = "method"
    STATIC = "static"
    CLASS = "class"
    PROPERTY = "property"


@dataclass(frozen=True, slots=True, eq=False)
class FunctionDefinition:
    """A `def` or `lambda` of the script; compared by identity."""

    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
    source: Source
    names: frozenset[str]
    transparent: bool  # no decorator, or only such as change nothing that is traced
    role: Role
    autocast: bool = False  # decorated with autocast
    generates: bool = False  # a generator: its body does not run where it is called
    nests: bool = False  # defines functions or classes, which may outlive the call
    without_gradients: bool = False  # decorated with `torch.no_grad()`

    @property
    def name(self) -> str:
        """The name it is defined under."""
        return "<lambda>" if isinstance(self.node, ast.Lambda) else self.node.name


@dataclass(frozen=True, slots=True)
class Function:
    """A function of the script with the scopes it sees; `bound` is its `self`, `class_id` the class that defines it."""

    definition: FunctionDefinition
    scopes: tuple[int, ...]
    defaults: tuple[tuple[str, Value], ...] = ()
    bound: Value | None = None
    class_id: int | None = None


Content: TypeAlias = "Constant | DTypeValue | External | Tensor | StateDict | Tuple"
Value: TypeAlias = "Content | Reference | PartOf | Method | Super | Opaque | Function"


@dataclass(frozen=True, slots=True)
class Arguments:
    """What a call passes. `complete` is False where `*rest` or `**options` hide some of it.

    `spread`: the dicts behind `**`, whose entries are among the keywords.
    """

    positional: tuple[Value, ...] = ()
    keywords: dict[str, Value] = field(default_factory=dict)
    complete: bool = True
    spread: tuple[Reference, ...] = ()

    def get(self, name: str, position: int | None = None) -> Value | None:
        """The argument of that name or position; None where it is not passed (ask `complete` before believing it)."""
        if name in self.keywords:
            return self.keywords[name]
        if position is not None and position < len(self.positional):
            return self.positional[position]
        return None

    def all(self) -> tuple[Value, ...]:
        """Every argument."""
        return (*self.positional, *self.keywords.values())
