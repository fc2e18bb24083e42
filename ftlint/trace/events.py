"""What a script does, as a sequence of typed events; one sequence for each path through its branches."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from ftlint.run.fact import Truth
from ftlint.spans import Location
from ftlint.trace.heap import Replacement, Weights
from ftlint.trace.placement_events import PlacementEvent
from ftlint.trace.settings import LoadedModel, Settings
from ftlint.trace.sharding import SavingEvent
from ftlint.trace.values import DTypeTerm


@dataclass(frozen=True, slots=True)
class ModelMade:
    """A model was loaded (`model_id`) or built from a configuration; `name` is its class."""

    location: Location
    module_id: int
    name: str
    weights: Weights
    model_id: str | None = None
    is_quantized: bool = False


@dataclass(frozen=True, slots=True)
class Replaced:
    """A submodule gave way to another module."""

    location: Location
    replacement: Replacement


@dataclass(frozen=True, slots=True)
class Cast:
    """A module with all it contains was converted."""

    location: Location
    module_id: int
    weights: Weights


@dataclass(frozen=True, slots=True)
class Wrapped:
    """A model was handed to something that will run it: `by` is a Trainer, `Accelerator.prepare`, DDP, PEFT …"""

    location: Location
    module_id: int
    by: str


class Manner(Enum):
    """How a model is run."""

    CALLED = "called"
    GENERATED = "generated"
    TRAINED = "trained"
    NEVER = "never"  # the script ends without running it; this is what would happen


@dataclass(frozen=True, slots=True)
class Used:
    """A model or submodule was run."""

    location: Location
    module_id: int
    manner: Manner


@dataclass(frozen=True, slots=True)
class Fed:
    """A layer that multiplies its weights with its input met an input, somewhere inside a replaced submodule.

    `by_owner`: the layer is the model's own and the replaced submodule (an embedding) made its input.
    """

    location: Location
    module_id: int
    replacement: Replacement
    input: DTypeTerm
    weights: Weights
    autocast: Truth
    manner: Manner
    source_weights: Weights  # where the dtype of the other side was decided
    by_owner: bool = False
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Saved:
    """A model's weights were written or handed out: `by` is the method or function."""

    location: Location
    module_id: int
    by: str


@dataclass(frozen=True, slots=True)
class Adapted:
    """PEFT put an adapter on a model; `settings` are its configuration's."""

    location: Location
    module_id: int
    settings: Settings | None


@dataclass(frozen=True, slots=True)
class Trained:
    """`trainer.train()`: what is trained, and with which settings. `made_at` is where the trainer is constructed.

    `own_class`: the trainer is a subclass that the script defines.
    """

    location: Location
    trainer: str
    made_at: Location
    model: LoadedModel | None
    settings: Settings | None
    own_class: bool


@dataclass(frozen=True, slots=True)
class DefaultDTypeSet:
    """`torch.set_default_dtype`."""

    location: Location
    term: DTypeTerm


Kind: TypeAlias = "ModelMade | Replaced | Cast | Wrapped | Used | Fed | Saved | Adapted | Trained | DefaultDTypeSet"
Event: TypeAlias = "Kind | PlacementEvent | SavingEvent"
