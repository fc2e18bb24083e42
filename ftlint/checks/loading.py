"""Weights that are loaded onto a GPU beside the model's own."""

from __future__ import annotations

import ast
from collections.abc import Hashable, Iterator
from typing import TypeAlias

from ftlint.findings import Edit, Match, Related
from ftlint.run.fact import Truth
from ftlint.run.versions import VersionView
from ftlint.spans import Location
from ftlint.syntax.calls import add_keyword, remove_keyword
from ftlint.syntax.python import span_of
from ftlint.trace import Event, Path, ScriptTrace
from ftlint.trace.placement_events import (
    Device,
    DeviceMap,
    Devices,
    Dispatched,
    Entered,
    Entrusted,
    FileWritten,
    Left,
    LoadedFile,
    Moved,
    StateLoaded,
    Subject,
)

AS_SAVED = "if the file was saved from a GPU"
OWN_PLACE = "where the model is put on the GPU"

_Put: TypeAlias = "tuple[Devices, Location]"


def loaded_beside_model(trace: ScriptTrace, versions: VersionView) -> Iterator[Match]:
    """A state dict that is read to the GPU for a model that is there already.

    Silent where a device cannot be seen, and for optimizers, which take the loaded tensors over.
    """
    seen: set[Location] = set()
    from_cpu = {key for story in trace.stories for path in story.paths for key in _written_from_cpu(path)}
    for story in trace.stories:
        for path in story.paths:
            for event, put_at in _doubled(path):
                at = event.file.place.location
                if at not in seen and not (event.file.as_saved and event.file.path in from_cpu):
                    seen.add(at)
                    yield _match(event, put_at, at, versions)


def _match(event: StateLoaded, put_at: Location, at: Location, versions: VersionView) -> Match:
    file = event.file
    related = [Related(put_at, OWN_PLACE)]
    if not (event.location.path == at.path and event.location.cell == at.cell and _inside(at, event.location)):
        related.append(Related(event.location, "where they are copied into the model"))
    # Weights that are taken over stay where they were loaded: an edit would leave the model on the CPU.
    edits = () if event.assigned else _edits(file, versions)
    return Match(
        at=at,
        values={"where": "back to the device they were saved from" if file.as_saved else "onto the GPU"},
        related=tuple(related),
        edits={"map": edits} if edits else {},
        reason=AS_SAVED if file.as_saved else "",
    )


def _inside(inner: Location, outer: Location) -> bool:
    return outer.span.start <= inner.span.start and inner.span.end <= outer.span.end


def _doubled(path: Path) -> Iterator[tuple[StateLoaded, Location]]:
    """State dicts on the GPU that go into a model on the GPU, and where the model was put there."""
    placed = _Placed()
    for event in path.events:
        placed.see(event)
        if isinstance(event, StateLoaded) and (event.file.as_saved or Device.GPU in (event.file.devices or ())):
            put = placed.at(event.subjects)
            if put is not None and Device.GPU in (put[0] or ()):
                yield event, put[1]


def _written_from_cpu(path: Path) -> Iterator[Hashable]:
    """The files that the script itself writes from the CPU: there the weights go back to the CPU."""
    placed = _Placed()
    for event in path.events:
        placed.see(event)
        if isinstance(event, FileWritten):
            put = placed.at(event.subjects)
            if event.from_cpu or (put is not None and put[0] == frozenset({Device.CPU})):
                yield event.path


class _Placed:
    """Where each model is, as the events go by."""

    def __init__(self) -> None:
        self._by_subject: dict[Subject, _Put] = {}
        self._making: list[tuple[Entered, int | None]] = []

    def see(self, event: Event) -> None:
        """Note what an event says about devices."""
        if isinstance(event, Moved):
            if not event.only_cast:
                self._put(event.subjects, event.devices, event.location)
        elif isinstance(event, Dispatched):
            self._put({event.module_id}, _devices_of(event.device_map), event.at)
        elif isinstance(event, Entered):
            self._making.append((event, None))
        elif isinstance(event, Left):
            self._making = [
                (entered, event.numbered if entered.location == event.location else end)
                for entered, end in self._making
            ]
        elif isinstance(event, Entrusted) and event.by == "Accelerator.prepare":
            self._put({event.module_id}, frozenset({Device.GPU, Device.CPU}), event.location)

    def at(self, subjects: frozenset[Subject]) -> _Put | None:
        """Where a model is: its own last move, else the device it was made on."""
        for subject in subjects:
            if subject in self._by_subject:
                return self._by_subject[subject]
        for entered, end in reversed(self._making):
            if any(
                isinstance(subject, int) and entered.numbered < subject <= (end if end is not None else subject)
                for subject in subjects
            ):
                return entered.devices, entered.location
        return None

    def _put(self, subjects: set[Subject] | frozenset[Subject], devices: Devices, location: Location) -> None:
        self._by_subject.update(dict.fromkeys(subjects, (devices, location)))


def _devices_of(device_map: DeviceMap | None) -> Devices:
    """Where a model lies that was loaded so, as far as one device holds it or GPUs come first."""
    if device_map is None or device_map.open:
        return None
    if device_map.word is not None:
        return frozenset({Device.GPU, Device.CPU})
    devices = {device for _, device in device_map.entries}
    if len(devices) != 1:
        return None
    (device,) = devices
    on_gpu = isinstance(device, int) or (device or "").startswith("cuda")
    return frozenset({Device.GPU}) if on_gpu else frozenset({Device.CPU}) if device == "cpu" else None


# Fixes --------------------------------------------------------------------------------------------------------------


def _edits(file: LoadedFile, versions: VersionView) -> tuple[Edit, ...]:
    """The load with a CPU copy that is mapped; as one edit, because they all end at the same bracket."""
    call, source = file.place.node, file.place.source
    if not isinstance(call, ast.Call) or any(keyword.arg is None for keyword in call.keywords):
        return ()
    if file.function.startswith("safetensors."):
        edit = remove_keyword(source, call, "device")
        return (edit,) if edit is not None else ()
    if file.function == "torch.hub.load_state_dict_from_url":
        has_name = any(keyword.arg == "map_location" for keyword in call.keywords)
        return (add_keyword(source, call, "map_location", '"cpu"'),) if has_name else ()
    named = {keyword.arg for keyword in call.keywords}
    if len(call.args) not in (0, 1, 2):
        return ()
    wanted: list[str] = []
    if (
        "mmap" not in named
        and call.args
        and _is_text(call.args[0])
        and versions.window("torch", ">=2.1") is not Truth.NO
    ):
        wanted.append("mmap=True")
    if "weights_only" not in named and versions.window("torch", ">=1.13") is not Truth.NO:
        wanted.append("weights_only=True")
    # What is added goes right behind the new place: two edits that touch could be got wrong.
    cpu = ", ".join(('"cpu"', *wanted))
    if len(call.args) == 2:
        behind = '"cpu"' if call.keywords else cpu
        replaced = Edit(source.location(span_of(call.args[1], source)), behind)
        if not (call.keywords and wanted):
            return (replaced,)
        name, _, value = ", ".join(wanted).partition("=")
        return (replaced, add_keyword(source, call, name, value))
    return (add_keyword(source, call, "map_location", cpu),)


def _is_text(path: ast.expr) -> bool:
    """Whether a path is certainly a text: an open file cannot be mapped, and torch 2.1 took no `pathlib.Path` there."""
    if isinstance(path, ast.Call):
        return ast.unparse(path.func) in ("os.path.join", "str")
    if isinstance(path, ast.BinOp):
        return isinstance(path.op, ast.Add) and (_is_text(path.left) or _is_text(path.right))
    return isinstance(path, ast.JoinedStr) or (isinstance(path, ast.Constant) and isinstance(path.value, str))
