"""Settings as a script has them at one moment: a configuration object or a dict, each entry with its place."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from ftlint.record import record
from ftlint.run.dtype import DType
from ftlint.run.fact import UNKNOWN, Unknown
from ftlint.spans import Location
from ftlint.trace.heap import Dictionary, Instance, Items, Module
from ftlint.trace.values import Constant, DTypeValue, Opaque, Tuple, Value

if TYPE_CHECKING:
    from ftlint.trace.machine import Machine

MAX_DEPTH = 8


@record
class Settings:
    """`entries` by name. `open`: there may be others."""

    location: Location
    entries: tuple[tuple[str, Setting], ...]
    open: bool

    def get(self, name: str) -> Setting | None:
        """The entry of that name."""
        return next((setting for entry, setting in self.entries if entry == name), None)


SettingValue: TypeAlias = "bool | int | float | str | tuple[SettingValue, ...] | Settings | Unknown | None"


@record
class Setting:
    """One entry; `location` is where its value is written, or else where the whole was made."""

    value: SettingValue
    location: Location


@record
class LoadedModel:
    """Which model is trained: the id it is loaded by (None where that cannot be seen), its class, its adapter.

    `adapter`: the settings of the LoRA put on it in this script, on every path; None where none is seen for certain.
    `handed_away`: something outside the script had it in its hands before, so which weights are trained cannot be seen.
    """

    model_id: str | None
    location: Location
    class_name: str
    loading: Settings | None
    adapter: Settings | None
    handed_away: bool = False


def settings_of(machine: Machine, value: Value | None, fallback: Location, depth: int = 0) -> Settings | None:
    """The configuration object or dict behind a value; None for anything else."""
    found = machine.record(value)
    if depth > MAX_DEPTH or value is None:
        return None
    if isinstance(found, Dictionary):
        entries = {name: item for name, item in found.entries.items() if isinstance(name, str)}
        is_open = found.open or len(entries) < len(found.entries)
        if found.open:  # what is listed may have been changed by whoever had the dict, or by a `**` after it
            entries = {name: Opaque(("open", name), name) for name in entries}
    elif isinstance(found, Instance):
        entries, is_open = dict(found.attributes), found.open
    else:
        return None
    place = machine.places.of(value) or fallback
    return Settings(
        place,
        tuple((name, _entry(machine, value, name, item, place, depth)) for name, item in entries.items()),
        is_open,
    )


def _entry(machine: Machine, owner: Value, name: str, item: Value, fallback: Location, depth: int) -> Setting:
    written = machine.places.entry(owner, name, item)
    location = written.location if written is not None else fallback
    return Setting(_plain(machine, item, location, depth), location)


def _plain(machine: Machine, value: Value, location: Location, depth: int) -> SettingValue:
    if isinstance(value, Constant):
        return UNKNOWN if isinstance(value.value, bytes | complex) else value.value
    if isinstance(value, DTypeValue):
        return value.term.value if isinstance(value.term, DType) else UNKNOWN
    if isinstance(value, Tuple):
        return tuple(_plain(machine, item, location, depth + 1) for item in value.items)
    found = machine.record(value)
    if isinstance(found, Items) and not found.open and depth < MAX_DEPTH:
        return tuple(_plain(machine, item, location, depth + 1) for item in found.items)
    if isinstance(found, Module):
        return UNKNOWN
    return settings_of(machine, value, location, depth + 1) or UNKNOWN
