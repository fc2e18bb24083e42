"""The objects a script makes: modules, lists, dicts, instances and classes, each a frozen record under an id."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import TypeAlias

from ftlint.run.fact import UNKNOWN, Truth
from ftlint.spans import Location
from ftlint.syntax.document import Source
from ftlint.trace.sharding import Sharding
from ftlint.trace.values import DTypeTerm, FunctionDefinition, Value


@dataclass(frozen=True, slots=True)
class Weights:
    """The dtype of a module's parameters, where it was decided, and the expression that named it, if one did."""

    term: DTypeTerm = UNKNOWN
    location: Location | None = None
    note: str = ""
    expression: ast.expr | None = None


class ModuleKind(Enum):
    """How much of a module's inside we see."""

    LAYER = "layer"  # a class of torch.nn
    CONTAINER = "container"  # Sequential, ModuleList, ModuleDict
    SCRIPT = "script"  # a class of this file
    MODEL = "model"  # a model class of a known library
    PART = "part"  # a submodule of a MODEL or UNSEEN, as the library built it
    UNSEEN = "unseen"  # a class of another file


@dataclass(frozen=True, slots=True)
class Construction:
    """The call that built a module, and the names that could be read there."""

    source: Source
    call: ast.Call
    scopes: tuple[int, ...]
    visible: frozenset[str]


@dataclass(frozen=True, slots=True)
class Replacement:
    """A submodule of an existing model put aside for another module.

    `dtype_expression` names the owner's dtype in the words of the script, `torch_name` is what `torch` is called, both
    readable where the new module is built; None where there is no such expression.
    """

    location: Location  # what has to change: the statement
    target: str  # `model.lm_head`, as written
    layer: str  # `torch.nn.Linear`
    owner_id: int
    owner_name: str
    module_id: int
    value: ast.expr | None  # the expression whose value was put in place
    source: Source
    construction: Construction | None  # only where the call stands in the same function or at module level with it
    dtype_expression: str | None = None
    torch_name: str | None = None
    takes_dtype: bool = False
    source_weights: Weights = field(default_factory=Weights)  # of what stood there before
    reasons: tuple[str, ...] = ()  # why what happens at its use is likely rather than proven


@dataclass(frozen=True, slots=True)
class Module:
    """A torch module. `children` holds submodules and other attributes that the script has touched."""

    kind: ModuleKind
    name: str
    weights: Weights
    children: Mapping[str, Value] = field(default_factory=dict)
    construction: Construction | None = None
    class_id: int | None = None
    root_id: int | None = None  # of a PART: the model it belongs to
    replacement: Replacement | None = None
    opaque: bool = False  # something replaced its forward or hooked into it
    autocast: Truth = Truth.NO  # whether a wrapper runs its forward under autocast
    casts_head_input: bool = False
    family: str | None = None  # of a MODEL: the id it is loaded from, or its configuration's class
    unnamed: bool = False  # which model it is, is decided when the script runs
    reasons: tuple[str, ...] = ()
    sharding: Sharding | None = None


@dataclass(frozen=True, slots=True)
class Items:
    """A list or set. `open`: there may be more items than those listed."""

    items: tuple[Value, ...] = ()
    open: bool = False


EntryKey: TypeAlias = "str | int | float | bool | None"


@dataclass(frozen=True, slots=True)
class Dictionary:
    """A dict with constant keys. `open`: there may be more entries, and those listed may have changed."""

    entries: Mapping[EntryKey, Value] = field(default_factory=dict)
    open: bool = False


@dataclass(frozen=True, slots=True)
class Instance:
    """An object that is no module: of a class of the script (`class_id`) or of a library (`name`)."""

    name: str
    attributes: Mapping[str, Value] = field(default_factory=dict)
    class_id: int | None = None
    open: bool = True  # attributes we do not know of


class ClassKind(Enum):
    """What the parents of a class of the script make it."""

    PLAIN = "plain"
    MODULE = "module"
    RECORD = "record"  # dataclass, NamedTuple
    FOREIGN = "foreign"  # some parent is a class we do not see


@dataclass(frozen=True, slots=True)
class Class:
    """A class of the script."""

    name: str
    kind: ClassKind
    bases: tuple[Value, ...]
    attributes: Mapping[str, Value]
    fields: tuple[str, ...] = ()  # of a RECORD, in order
    methods: tuple[FunctionDefinition, ...] = ()


Record: TypeAlias = "Module | Items | Dictionary | Instance | Class"
