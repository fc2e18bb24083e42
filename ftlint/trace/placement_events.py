"""What a script does about devices: where modules and loaded weights go, who trains a dispatched model, on which grads.

A *subject* is a module's number in the heap or, for a model that some function of another file made, the key of the
unknown value.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from ftlint.run.fact import Unknown
from ftlint.spans import Location
from ftlint.trace.places import Place
from ftlint.trace.settings import Settings
from ftlint.trace.values import DTypeTerm

Subject: TypeAlias = "int | Hashable"


class Device(Enum):
    """A kind of device."""

    GPU = "gpu"
    CPU = "cpu"
    DISK = "disk"
    META = "meta"


Devices: TypeAlias = "frozenset[Device] | None"
"""What a device may be, by path and by machine; None where it cannot be seen."""

SPREADING = ("auto", "balanced", "balanced_low_0", "sequential")
"""The words by which a `device_map` lets transformers decide. Source: transformers 5.23 integrations/accelerate.py."""


@dataclass(frozen=True, slots=True)
class DeviceMap:
    """A `device_map`: one of the words of `SPREADING`, or a device for each named module.

    `entries`: pairs of a module's name and a device: a number, "cpu", "disk", or None where it cannot be seen. `open`:
    there are more of them.
    """

    word: str | None = None
    entries: tuple[tuple[str, int | str | None], ...] = ()
    open: bool = False


@dataclass(frozen=True, slots=True)
class LoadedFile:
    """A call that reads weights from a file. `devices` None: where it puts them cannot be seen.

    `as_saved`: no place is named, so each tensor goes back to the device it was saved from. `path`: what stands for the
    file's name; the same for a file of the same name.
    """

    place: Place
    function: str
    devices: Devices
    as_saved: bool
    number: int
    path: Hashable = None


@dataclass(frozen=True, slots=True)
class Moved:
    """A module with all it contains was moved: `by` is the method. `only_cast`: its dtype changes, not its device.

    `handed_away`: a function of another file had one of the modules before.
    """

    location: Location
    subjects: frozenset[Subject]
    devices: Devices
    by: str
    only_cast: bool = False
    handed_away: bool = False


@dataclass(frozen=True, slots=True)
class Entered:
    """From here on new modules are made on these devices; `numbered`: the last number given out before."""

    location: Location
    devices: Devices
    numbered: int


@dataclass(frozen=True, slots=True)
class Left:
    """The end of the `with` at that location."""

    location: Location
    numbered: int


@dataclass(frozen=True, slots=True)
class StateLoaded:
    """`module.load_state_dict(…)` with what a file held, or with a part of it. `assigned`: taken over, not copied."""

    location: Location
    subjects: frozenset[Subject]
    file: LoadedFile
    assigned: bool = False


@dataclass(frozen=True, slots=True)
class FileWritten:
    """`torch.save(…, path)`. `from_cpu`: what is written was brought to the CPU for it; `subjects`: whose weights."""

    location: Location
    path: Hashable
    from_cpu: bool
    subjects: frozenset[Subject]


@dataclass(frozen=True, slots=True)
class Dispatched:
    """A model was loaded with a `device_map` (None: it cannot be seen).

    `at` is where the argument is written, `call` the loading call. `max_memory`: bytes or text by GPU's number; None
    where it is not given, UNKNOWN where it cannot be seen. `loading`: all keywords of the call.
    """

    location: Location
    module_id: int
    model_id: str | None
    class_name: str
    weights: DTypeTerm
    device_map: DeviceMap | None
    at: Location
    max_memory: tuple[tuple[int | str, int | str], ...] | Unknown | None
    loading: Settings
    call: Place


@dataclass(frozen=True, slots=True)
class Entrusted:
    """A model was given to somebody who trains it: `by` is a Trainer, `Accelerator.prepare`, `deepspeed.initialize`.

    `handed_away`: a function of another file had the model before. `adapted`: PEFT put an adapter on it.
    """

    location: Location
    module_id: int
    by: str
    handed_away: bool
    adapted: bool


@dataclass(frozen=True, slots=True)
class Replicated:
    """`nn.DataParallel(model)`. `device_ids`: None where they are not named or cannot be seen.

    `gathers_on`: the GPU that gets all outputs; None where it cannot be seen.
    """

    location: Location
    subject: Subject
    device_ids: tuple[int | None, ...] | None
    gathers_on: int | None = None


@dataclass(frozen=True, slots=True)
class Unwrapped:
    """A name was given `model.module`: what is run from here on may be the model without its replicas."""

    location: Location
    subject: Subject


@dataclass(frozen=True, slots=True)
class GpusChosen:
    """`os.environ["CUDA_VISIBLE_DEVICES"] = "0"`: how many GPUs the script sees from here on."""

    location: Location
    num_gpus: int


@dataclass(frozen=True, slots=True)
class Ran:
    """A replicated model was called, or a model that it is part of. `without_gradients`: inside `torch.no_grad()`."""

    location: Location
    subject: Subject
    without_gradients: bool


@dataclass(frozen=True, slots=True)
class Differentiated:
    """`loss.backward()`, `accelerator.backward(loss)`."""

    location: Location


PlacementEvent: TypeAlias = (
    "Moved | Entered | Left | StateLoaded | FileWritten | Dispatched | Entrusted | Replicated | Unwrapped | GpusChosen"
    " | Ran | Differentiated"
)
