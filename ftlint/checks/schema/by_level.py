"""Settings with the levels they are read as, and with the defaults that hold there: what pages with `level` ask."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from ftlint.checks.schema.fitting import converted_flag, converted_number
from ftlint.checks.schema.in_use import SchemasInUse
from ftlint.checks.schema.shapes import accepted_by
from ftlint.checks.schema.survey import Settings, Survey
from ftlint.knowledge.schemas import Level
from ftlint.record import record
from ftlint.run.fact import Fact, KeyValue, Unknown
from ftlint.run.key import Key, KeyPath, KeySet
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
    """The keys of the survey's settings at that place, with the defaults that all admissible releases agree on."""
    written = survey.settings[number].keys
    keys = {
        path: _as_read(key, survey.levels.get((number, path[:-1]), ()), survey) for path, key in written.keys.items()
    }
    return KeySet(written.dialect, keys, _Defaults(survey, number), written.duplicates, written.complete)


def _as_read(key: Key, levels: tuple[Level, ...], survey: Survey) -> Key:
    """The key with the value that its reader makes of a text: argparse and pydantic make `"8"` a number."""
    text = key.fact.value
    if not isinstance(text, str) or len(levels) != 1:
        return key
    if not _CONVERTING & survey.in_use.keyword(levels[0], "x-values").keys():
        return key
    offers = survey.in_use.availability(levels[0], key.path[-1]).offers
    types = [accepted_by(offer.level, offer.shape).types for offer in offers]
    if any(each is None or str in each or not each & {bool, int, float} for each in types):
        return key
    flag = bool in set().union(*(each for each in types if each is not None))
    value: KeyValue | Unknown = converted_flag(text) if flag else converted_number(text)
    return replace(key, fact=replace(key.fact, value=value))


def _names(level: Level) -> Iterator[str]:
    if level is level.schema.root:
        yield level.schema.name
    for each in level.family:
        yield f"{each.schema.name}#{each.name}"


class _Defaults(Mapping[KeyPath, Fact[KeyValue]]):
    """The default of a key that is not written, where every admissible release has the same one; looked up on demand.

    Not a mapping that can be walked: it has whatever it is asked for.
    """

    def __init__(self, survey: Survey, number: int) -> None:
        self._in_use: SchemasInUse = survey.in_use
        self._levels = {path: levels for (place, path), levels in survey.levels.items() if place == number}

    def __getitem__(self, path: KeyPath) -> Fact[KeyValue]:
        levels = self._levels.get(path[:-1], ())
        if len(levels) != 1:
            raise KeyError(path)
        (level,) = levels
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
        first = found[0]
        same = all(type(each) is type(first) and each == first for each in found)
        if not same or not (first is None or isinstance(first, bool | int | float | str)):
            raise KeyError(path)
        return Fact(first, (Origin(How.DEFAULT, None, f"{level.schema.title}'s default for {path[-1]}"),))

    def __iter__(self) -> Iterator[KeyPath]:
        return iter(())

    def __len__(self) -> int:
        return 0
