"""How a model's weights are spread over ranks, and what a script takes out of it: words for the saving rules.

Facts of torch 2.13: FullyShardedDataParallel keeps flat pieces and gathers in its own `state_dict()`, by default all of
them; `fully_shard` turns weights into DTensors, and `state_dict()` gives those as they are.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, TypeAlias

from ftlint.run.fact import UNKNOWN, Truth, Unknown
from ftlint.spans import Location
from ftlint.syntax.document import Source

if TYPE_CHECKING:
    from ftlint.trace.values import DTypeTerm


class Sharder(Enum):
    """Who shards a model, as a message names it."""

    FSDP1 = "FullyShardedDataParallel"
    FSDP2 = "fully_shard"
    ACCELERATOR = "Accelerator"
    TRAINER = "Trainer"


class StateType(Enum):
    """What a state dict of a sharded model holds; the names are those of torch's StateDictType."""

    FULL = "FULL_STATE_DICT"
    SHARDED = "SHARDED_STATE_DICT"
    LOCAL = "LOCAL_STATE_DICT"


def state_type_named(text: str) -> StateType | Unknown:
    """The type of that name, with or without `_STATE_DICT`, in any case."""
    name = text.rpartition(".")[2].upper().removesuffix("_STATE_DICT")
    return StateType.__members__.get(name, UNKNOWN)


@dataclass(frozen=True, slots=True)
class Sharding:
    """That a model is sharded, or (`said` is not YES) may be by whoever launches the script."""

    by: Sharder
    location: Location
    said: Truth = Truth.YES
    version: int | Unknown | None = None  # of FSDP, under a Trainer or an Accelerator; None: not written
    state_type: StateType | Unknown | None = None
    state_type_location: Location | None = None
    has_inner_units: Truth = Truth.UNKNOWN  # of FSDP1: whether layers are gathered by themselves
    owner: str | None = None  # the expression the script reaches the Trainer or Accelerator by
    weights: DTypeTerm = UNKNOWN  # the dtype of the weights when they were sharded


@dataclass(frozen=True, slots=True)
class Gathering:
    """Which state dicts are taken from now on, or inside a `with`."""

    type: StateType | Unknown
    on_cpu: Truth
    rank0_only: Truth
    location: Location
    options: Site | None = None  # the call that says where to, if it is written at this place
    context: Site | None = None  # the call that sets the type
    summoned: bool = False  # inside `summon_full_params`


@dataclass(frozen=True, slots=True)
class Guard:
    """An `if` that lets rank 0 through alone."""

    location: Location
    node: ast.If


@dataclass(frozen=True, slots=True)
class Site:
    """A call in its text: enough to write an edit around it. `statement` is the simple statement it stands in."""

    source: Source
    call: ast.Call
    statement: ast.stmt | None = None


@dataclass(frozen=True, slots=True)
class StateDict:
    """The weights of a module as a dict, with all that decided what is in it."""

    module_id: int
    taken_by: str  # `state_dict`, `get_model_state_dict`, `Accelerator.get_state_dict`
    location: Location
    sharding: Sharding | None
    gathering: Gathering | None
    guard: Guard | None
    site: Site | None
    model: str | None = None  # the expression of the model, in the words of the script
    is_adapted: bool = False
    is_unwrapped: bool = False  # of what `accelerator.unwrap_model` gave
    is_plain: bool = False  # plain tensors, of one rank's pieces
    trained_only: bool = False  # frozen weights were left out before anything was gathered


@dataclass(frozen=True, slots=True)
class StateTaken:
    """A state dict was taken."""

    location: Location
    state: StateDict


@dataclass(frozen=True, slots=True)
class Written:
    """Weights were written. `state`: what was passed to be written; None: whatever the module itself gives."""

    location: Location
    by: str  # `save_pretrained`, `torch.save`, `save_file`, `save_model`, `push_to_hub`
    module_id: int
    state: StateDict | None
    sharding: Sharding | None
    gathering: Gathering | None
    guard: Guard | None
    site: Site | None
    model: str | None = None
    is_adapted: bool = False
    rank_in_path: bool = False  # every rank writes a file of its own
    in_safetensors: Truth = Truth.UNKNOWN


SavingEvent: TypeAlias = "StateTaken | Written"
