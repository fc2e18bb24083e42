"""Walks the settings of one file along the schemas' levels and keeps what does not pass at a glance.

Each check then looks only at its own kind of what was kept, so that twelve of them cost one walk.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import TypeAlias

from ftlint.checks.schema.in_use import Availability, SchemasInUse, Window, looked_up
from ftlint.checks.schema.shapes import Accepted, Frozen, Property, accepted_by, property_of
from ftlint.knowledge.schemas import Level, Raw
from ftlint.record import record
from ftlint.run.fact import UNKNOWN
from ftlint.run.key import Key, KeyPath, KeySet, Section
from ftlint.syntax.document import DataDocument, Source

MAX_KEPT = 100
"""Unknown keys, and duplicates, that are kept of one file: with more it is no settings file, and nobody reads them."""


@record
class Settings:
    """Keys that one loader, class or function is given together.

    `levels`: what they are read as; several where any of them may be meant. `document`: the data file that they are;
    `source`: the text they stand in. `callee`: what the script calls, as it is written there. `is_sure`: whether these
    are surely handed to just that level as written; nothing is an error where they are not. `readers`: the programs
    that may read a DeepSpeed configuration first and put values in place of "auto".
    """

    keys: KeySet
    levels: tuple[Level, ...]
    source: Source
    document: DataDocument | None = None
    callee: str = ""
    is_sure: bool = True
    readers: Callable[[], frozenset[str]] = frozenset


@record
class Met:
    """A key as it was met. `level`: the one that has it, else the first of those it should be in."""

    settings: Settings
    key: Key
    level: Level
    levels: tuple[Level, ...]

    @property
    def name(self) -> str:
        """The key itself, without its sections."""
        return self.key.path[-1]


@record
class Misfit:
    """A key that does not pass at a glance, or is not the same in all releases, with what it is in those in use."""

    met: Met
    availability: Availability


@record
class Survey:
    """What one walk kept.

    `unknown`: keys of no release; `misfits`: values to look at; `changing`: keys that are not the same in all releases.
    """

    settings: tuple[Settings, ...]
    in_use: SchemasInUse
    unknown: tuple[Met, ...]
    misfits: tuple[Misfit, ...]
    changing: tuple[Misfit, ...]
    levels: Mapping[tuple[int, KeyPath], tuple[Level, ...]]
    """By the position of the settings and the path of a section: the levels it was read as."""


class Walk:
    """One walk; holds what it has kept so far."""

    def __init__(self, in_use: SchemasInUse) -> None:
        self.in_use = in_use
        self.unknown: list[Met] = []
        self.misfits: list[Misfit] = []
        self.changing: list[Misfit] = []
        self.levels: dict[tuple[int, KeyPath], tuple[Level, ...]] = {}

    def over(self, settings: Iterable[Settings]) -> Survey:
        """What is kept of all of them."""
        every = tuple(settings)
        for number, each in enumerate(every):
            self._walk(number, each)
        return Survey(every, self.in_use, tuple(self.unknown), tuple(self.misfits), tuple(self.changing), self.levels)

    def _walk(self, number: int, settings: Settings) -> None:
        roots = tuple(_narrowed(level, settings.keys, ()) for level in settings.levels)
        levels: dict[KeyPath, tuple[Level, ...]] = {(): roots}
        items: dict[KeyPath, tuple[Level, ...]] = {}
        for key in settings.keys:
            parent = key.path[:-1]
            if key.fact.value is Section.MAPPING and (component := _component(roots, settings.keys, key.path)):
                if levels.get(parent):
                    self._met(settings, key, levels[parent])
                levels[key.path] = component
                continue
            if parent in items:
                levels[key.path] = items[parent]
                continue
            there = levels.get(parent)
            if not there or not isinstance(key.path[-1], str):
                continue
            found = self._met(settings, key, there) if not _is_in_vain(there, key, settings) else None
            if found is None:
                continue
            if key.fact.value is Section.MAPPING:
                inner = _of_section(there, key, settings.keys)
                inner = found.levels if inner is None else inner
                if inner:
                    levels[key.path] = tuple(_narrowed(level, settings.keys, key.path) for level in inner)
                elif found.member_levels:
                    items[key.path] = found.member_levels
            elif key.fact.value is Section.SEQUENCE:
                if found.item_levels:
                    items[key.path] = found.item_levels
                self._items(settings, key, there)
        self.levels.update({(number, path): value for path, value in levels.items()})

    def _met(self, settings: Settings, key: Key, levels: tuple[Level, ...]) -> Accepted | None:
        """Keeps a key where it has to be looked at; what it accepts, to go on below it."""
        name = key.path[-1]
        found = _owners(levels, name)
        if found is None:
            if len(self.unknown) < MAX_KEPT:
                self.unknown.append(Met(settings, key, levels[0], levels))
            return None
        level, prop, several = found
        if several:
            return self._of_several(settings, key, levels, several)
        value = key.fact.value
        if prop.is_plain:
            if value is not UNKNOWN and not prop.accepted.lets_pass(value):
                met = Met(settings, key, level, levels)
                self.misfits.append(Misfit(met, self.in_use.availability(level, name)))
            return prop.accepted
        if len(level.family) == 1 and prop.always_lets_pass(value):
            return prop.accepted  # no release has to be asked for
        view = _viewed(level.family, self.in_use.windows(level), name)
        passes = value is UNKNOWN or all(each.lets_pass(value) for each in view.accepted)
        if not passes or not view.is_settled:
            kept = Misfit(Met(settings, key, level, levels), view.availability)
            self.changing.append(kept)
            if not passes:
                self.misfits.append(kept)
        return view.joined or prop.accepted

    def _items(self, settings: Settings, key: Key, levels: tuple[Level, ...]) -> None:
        """Keeps the items of a list that do not pass, where the reader looks into lists: pydantic does."""
        found = _owners(levels, key.path[-1])
        if found is None or found[2] or found[0].raw.get("x-values") != "pydantic":
            return
        level = found[0]
        availability = self.in_use.availability(level, key.path[-1])
        values = self._listed(settings, key)
        if any("prefixItems" in each.shape for each in availability.offers):
            lengths = {len(each.shape.get("prefixItems") or ()) for each in availability.offers}
            if len(values) not in lengths:
                without = tuple(replace(each, shape=_without_lists(each.shape)) for each in availability.offers)
                self.misfits.append(Misfit(Met(settings, key, level, levels), replace(availability, offers=without)))
            if lengths != {len(values)}:
                return
        for number, item in enumerate(values):
            raws = [_shape_of_item(each.shape, number) for each in availability.offers]
            if any(raw is None for raw in raws):
                return
            inner = tuple(
                replace(each, shape=raw) for each, raw in zip(availability.offers, raws, strict=True) if raw is not None
            )
            value = item.fact.value
            if value is not UNKNOWN and not all(accepted_by(each.level, each.shape).lets_pass(value) for each in inner):
                self.misfits.append(Misfit(Met(settings, item, level, levels), replace(availability, offers=inner)))

    def _listed(self, settings: Settings, key: Key) -> list[Key]:
        found: list[Key] = []
        while (item := settings.keys.keys.get((*key.path, str(len(found))))) is not None:
            found.append(item)
        return found

    def _of_several(
        self, settings: Settings, key: Key, levels: tuple[Level, ...], owners: tuple[tuple[Level, Property], ...]
    ) -> Accepted:
        """A key that several levels have: nothing is said of its value unless all that have it agree."""
        accepted = [prop.accepted for _, prop in owners]
        value = key.fact.value
        if value is not UNKNOWN and not any(each.lets_pass(value) for each in accepted):
            level, _ = owners[0]
            met = Met(settings, key, level, levels)
            self.misfits.append(Misfit(met, self.in_use.availability(level, key.path[-1])))
        return _joined(accepted)


def _shape_of_item(shape: Raw, number: int) -> Raw | None:
    """What stands at that place of a list; None where the schema does not say."""
    each = shape.get("prefixItems")
    raw = each[number] if isinstance(each, list) else shape.get("items")
    return raw if isinstance(raw, dict) else None


@lru_cache(maxsize=64)
def _kept(shape: Frozen) -> Raw:
    types = shape.raw.get("type")
    return {**shape.raw, "type": [each for each in types if each != "array"] if isinstance(types, list) else []}


def _without_lists(shape: Raw) -> Raw:
    """The shape for a list of another length: what it takes beside lists."""
    return _kept(Frozen(shape))


def _is_in_vain(levels: tuple[Level, ...], key: Key, settings: Settings) -> bool:
    owners = _owners(levels, key.path[-1])
    unless = owners[1].raw.get("x-unless") if owners is not None else None
    return isinstance(unless, dict) and is_passed_over(unless, key, settings)


def is_passed_over(unless: Raw, key: Key, settings: Settings) -> bool:
    """Whether nobody looks into a section because another key is there that it only stands in for (`x-unless`)."""
    writers = unless.get("writers")
    readers = settings.readers()
    is_given = bool(readers) and readers <= set(writers if isinstance(writers, list) else ())
    return is_given or (*key.path[:-1], str(unless.get("key"))) in settings.keys.keys


def _component(roots: tuple[Level, ...], keys: KeySet, path: KeyPath) -> tuple[Level, ...]:
    """The class or function that a section names (`_component_`) and whose arguments its other keys are."""
    for root in roots:
        word = root.raw.get("x-component")
        named = keys.keys.get((*path, word)) if isinstance(word, str) else None
        if named is not None and isinstance(named.fact.value, str):
            found = root.schema.level_by_import(named.fact.value)
            return (found,) if found is not None else ()
    return ()


def _narrowed(level: Level, keys: KeySet, path: KeyPath) -> Level:
    """The level itself, or the other one that a key inside of it decides."""
    chosen = _chosen(level, level.raw.get("x-choose"), keys, path) if "x-choose" in level.raw else None
    return chosen[0] if chosen else level


def _of_section(levels: tuple[Level, ...], key: Key, keys: KeySet) -> tuple[Level, ...] | None:
    """The levels of a section that a key beside it decides; None where none does."""
    for level in levels:
        for each in level.family:
            raw = each.shape(key.path[-1])
            chosen = _chosen(each, raw.get("x-choose"), keys, key.path[:-1]) if raw is not None else None
            if chosen is not None:
                return chosen
    return None


def _chosen(level: Level, choice: object, keys: KeySet, beside: KeyPath) -> tuple[Level, ...] | None:
    """The level that the value of another key decides (`x-choose`): `params` by the `type` that stands beside it.

    None where there is no such choice; no level where the value is none of those known, or cannot be seen.
    """
    if not isinstance(choice, dict) or not isinstance(choice.get("levels"), dict):
        return None
    key = keys.keys.get((*beside, str(choice.get("by"))))
    value = key.fact.value if key is not None else None
    if not isinstance(value, str):
        return ()
    known = choice["levels"]
    name = value if value in known or choice.get("fold") is not True else value.lower()
    found = level.schema.referenced(known[name]) if isinstance(known.get(name), str) else None
    return (found,) if found is not None else ()


_Found: TypeAlias = "tuple[Level, Property, tuple[tuple[Level, Property], ...]]"


@lru_cache(maxsize=65536)
def _owners(levels: tuple[Level, ...], name: str) -> _Found | None:
    """The first of the levels that has the key in any release, with the key.

    Third: all that have it, where they do not have it from one and the same level.
    """
    owners = [(level, found) for level in levels if (found := _lookup(level, name)) is not None]
    if not owners:
        return None
    holders = {holder for _, (holder, _) in owners}
    several = tuple((level, prop) for level, (_, prop) in owners) if len(holders) > 1 else ()
    level, (_, prop) = owners[0]
    return level, prop, several


def _lookup(level: Level, name: str) -> tuple[Level, Property] | None:
    """The key in the level or what it builds on, the first that has it in any release."""
    for each in level.family:
        found = property_of(each, name)
        if found is not None:
            return each, found
    return None


@record
class _View:
    """A key that is not the same in all releases, as it is in those in use."""

    availability: Availability
    accepted: tuple[Accepted, ...]
    joined: Accepted | None
    is_settled: bool


@lru_cache(maxsize=65536)
def _viewed(family: tuple[Level, ...], windows: tuple[Window, ...], name: str) -> _View:
    availability = looked_up(family, windows, name)
    accepted = [accepted_by(offer.level, offer.shape) for offer in availability.offers]
    return _View(availability, tuple(accepted), _joined(accepted) if accepted else None, availability.is_settled)


def _joined(accepted: list[Accepted]) -> Accepted:
    if len(accepted) == 1:
        return accepted[0]
    return Accepted(
        None,
        levels=tuple(_distinct(level for each in accepted for level in each.levels)),
        item_levels=tuple(_distinct(level for each in accepted for level in each.item_levels)),
        member_levels=tuple(_distinct(level for each in accepted for level in each.member_levels)),
    )


def _distinct(levels: Iterable[Level]) -> Iterator[Level]:
    return iter(dict.fromkeys(levels))
