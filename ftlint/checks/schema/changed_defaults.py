"""Defaults that differ between the releases a project may use, where nothing is written and so one of them holds."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from ftlint.checks.schema.in_use import said
from ftlint.checks.schema.survey import Survey
from ftlint.findings import Match
from ftlint.knowledge.bundled import load_object
from ftlint.knowledge.schemas import Level, Raw


def changed_default(survey: Survey) -> Iterator[Match]:
    """A key of the reviewed list that is left to a default which is not the same in all admissible releases."""
    for (number, path), levels in survey.levels.items():
        settings = survey.settings[number]
        if len(levels) != 1 or not settings.keys.complete:
            continue
        at = settings.keys.keys[path] if path else next(iter(settings.keys), None)
        for home, name, effect in _consequential(levels[0]):
            # Where nobody says which releases are in use they are those of two years: every project would be told.
            if at is None or (*path, name) in settings.keys.keys or survey.in_use.window(home.schema).is_guess:
                continue
            sides = _sides(home, name, survey)
            if len(sides) > 1:
                owner = settings.callee.rstrip("=") or home.schema.title
                values = {"key": name, "place": owner, "sides": " and ".join(sides), "effect": effect}
                yield Match(at=at.name_location, values=values)


def _sides(home: Level, name: str, survey: Survey) -> list[str]:
    """Each default with its releases; where the class has none of its own, it is that of the class it builds on."""
    own = survey.in_use.own(home, name)
    package = home.schema.package
    defaults: dict[str, list[str]] = {}
    for offer in own.offers:
        defaults.setdefault(_default(offer.shape), []).extend(offer.releases)
    if own.absent and own.offers:
        below = [survey.in_use.own(base, name) for base in home.family[1:]]
        inherited = {_default(offer.shape) for each in below for offer in each.offers}
        if len(inherited) != 1:
            return []
        defaults.setdefault(inherited.pop(), []).extend(own.absent)
    return [f"{default} with {said(package, tuple(releases))}" for default, releases in defaults.items()]


def _default(shape: Raw) -> str:
    value = shape.get("x-default", shape.get("default"))
    return _shown(value)


def _shown(value: object) -> str:
    return "None" if value is None else str(value)


def _consequential(level: Level) -> Iterator[tuple[Level, str, str]]:
    """The keys of the reviewed list that the level or what it builds on has, with what the default decides."""
    for row in _rows():
        for each in level.family:
            if each.schema.name == row["schema"] and each.name in row["levels"] and row["key"] in each.properties:
                yield each, row["key"], row["decides"]
                break


@lru_cache(maxsize=1)
def _rows() -> tuple[dict[str, Any], ...]:
    rows = load_object("changed_defaults.json")["defaults"]
    return tuple(rows) if isinstance(rows, list) else ()
