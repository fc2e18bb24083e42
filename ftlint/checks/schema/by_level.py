"""Settings with the levels they are read as, and with the defaults that hold there: what pages with `level` ask."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from ftlint.checks.schema.in_use import ABSENT, SchemasInUse
from ftlint.checks.schema.readers import as_read
from ftlint.checks.schema.shapes import accepted_by, property_of
from ftlint.checks.schema.survey import Settings, Survey, is_passed_over
from ftlint.knowledge.schemas import Level, Raw
from ftlint.record import record
from ftlint.run.fact import UNKNOWN, Fact, KeyValue
from ftlint.run.key import Key, KeyPath, KeySet, Section
from ftlint.spans import How, Origin

_CONVERTING = frozenset({"argparse", "argparse-defaults", "pydantic", "omegaconf"})
"""Readers (`x-values`) that make numbers and answers of texts."""


@record
class LevelKeys:
    """Keys that one reader is given together.

    `names`: of every level they surely are of, `trl#SFTConfig`, or `deepspeed` for the top of its files.
    """

    settings: Settings
    keys: KeySet
    names: frozenset[str]


def keys_by_level(survey: Survey) -> Iterator[LevelKeys]:
    """Each settings of a file as they are read; of several levels that may be meant only what all of them are."""
    for number, settings in enumerate(survey.settings):
        names = [frozenset(_names(level)) for level in settings.levels]
        certain = frozenset.intersection(*names) if names else frozenset()
        if certain:
            yield LevelKeys(settings, with_defaults(survey, number), certain)


def with_defaults(survey: Survey, number: int) -> KeySet:
    """The keys of the survey's settings at that place as they are read, with the defaults of all releases in use."""
    settings = survey.settings[number]
    written = settings.keys
    stand_ins = dict(_stand_ins(settings))
    defaults = _Defaults(survey, number, stand_ins)
    converted = _converted(survey, number)
    seen = {**written.keys, **converted} if converted else written.keys
    seen = _under_their_names(seen, stand_ins) if stand_ins else seen
    return KeySet(written.dialect, seen, defaults, written.duplicates, written.complete)


def _names(level: Level) -> Iterator[str]:
    if level is level.schema.root:
        yield level.schema.name
    for each in level.family:
        yield f"{each.schema.name}#{each.name}"


def _converted(survey: Survey, number: int) -> dict[KeyPath, Key]:
    """The texts that argparse or pydantic takes for a number or for an answer, as what it makes of them."""
    found: dict[KeyPath, Key] = {}
    for path, key in survey.settings[number].keys.keys.items():
        text = key.fact.value
        levels = survey.levels.get((number, path[:-1]), ()) if isinstance(text, str) else ()
        if len(levels) != 1 or not isinstance(text, str) or not _converts(levels[0], survey):
            continue
        offers = survey.in_use.availability(levels[0], path[-1]).offers
        # What is taken out before the fields are looked at stays the text that validators before them see.
        values = [
            text if _is_passed_by(each.shape) else as_read(text, accepted_by(each.level, each.shape)) for each in offers
        ]
        if any(each is not text for each in values):
            agreed = len({(type(each), each) for each in values}) == 1
            found[path] = replace(key, fact=replace(key.fact, value=values[0] if agreed else UNKNOWN))
    return found


def _is_passed_by(shape: Raw) -> bool:
    rows = shape.get("x-checked")
    return isinstance(rows, list) and {"kind": "nothing"} in rows


def _converts(level: Level, survey: Survey) -> bool:
    readers = survey.in_use.keyword(level, "x-values").keys() - {ABSENT}
    return bool(readers) and readers <= _CONVERTING


def _stand_ins(settings: Settings) -> Iterator[tuple[str, str]]:
    """Sections at the top that are read in place of another one (`x-unless`), with its name: `bfloat16` for `bf16`."""
    for level in settings.levels:
        for (name, *below), key in settings.keys.keys.items():
            raw = level.shape(name) if not below and key.fact.value is Section.MAPPING else None
            unless = raw.get("x-unless") if raw is not None else None
            if isinstance(unless, dict) and not is_passed_over(unless, key, settings):
                yield name, str(unless["key"])


def _under_their_names(keys: Mapping[KeyPath, Key], stand_ins: Mapping[str, str]) -> Mapping[KeyPath, Key]:
    return {(stand_ins.get(path[0], path[0]), *path[1:]): key for path, key in keys.items()}


class _Defaults(Mapping[KeyPath, Fact[KeyValue]]):
    """The default of a key that is not written, where every admissible release has the same one; looked up on demand.

    Not a mapping that can be walked: it has whatever it is asked for.
    """

    def __init__(self, survey: Survey, number: int, stand_ins: Mapping[str, str]) -> None:
        self._in_use: SchemasInUse = survey.in_use
        self._levels = {
            (*(stand_ins.get(step, step) for step in path[:1]), *path[1:]): levels
            for (place, path), levels in survey.levels.items()
            if place == number
        }

    def __getitem__(self, path: KeyPath) -> Fact[KeyValue]:
        levels = self._levels.get(path[:-1], ())
        if len(levels) != 1:
            raise KeyError(path)
        (level,) = levels
        found = self._timeless(level, path[-1])
        if found is None:
            found = self._in_releases(level, path)
        first = found[0]
        same = all(type(each) is type(first) and each == first for each in found)
        if not same or not (first is None or isinstance(first, bool | int | float | str)):
            raise KeyError(path)
        return Fact(first, (Origin(How.DEFAULT, None, f"{level.schema.title}'s default for {path[-1]}"),))

    def _timeless(self, level: Level, name: str) -> list[object] | None:
        """The default of a key that never was anything else: then no release has to be asked for."""
        found = property_of(level, name)
        if found is None or not found.is_plain or "default" not in found.raw:
            return None
        return [found.raw["default"]]

    def _in_releases(self, level: Level, path: KeyPath) -> list[object]:
        """The defaults of the admissible releases. Raises KeyError where one of them has none."""
        availability = self._in_use.availability(level, path[-1])
        # A release between two that were read has the default that both have; one older than all is not known.
        homes = {offer.level.schema for offer in availability.offers}
        if not homes or availability.absent or any(self._in_use.window(home).unread for home in homes):
            raise KeyError(path)
        found: list[object] = []
        for offer in availability.offers:
            if "default" not in offer.shape:
                raise KeyError(path)
            found.append(offer.shape["default"])
        return found

    def __iter__(self) -> Iterator[KeyPath]:
        return iter(())

    def __len__(self) -> int:
        return 0
