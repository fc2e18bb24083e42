"""Keys without which a framework does not start."""

from __future__ import annotations

from collections.abc import Iterator

from ftlint.checks.schema.survey import Settings, Survey
from ftlint.checks.schema.wording import REFUSED
from ftlint.findings import Match, Severity
from ftlint.knowledge.schemas import Level
from ftlint.run.key import Key, KeyPath, Section
from ftlint.spans import Location


def missing_key(survey: Survey) -> Iterator[Match]:
    """A section that is written in full without a key that has no default."""
    for (number, path), levels in survey.levels.items():
        settings = survey.settings[number]
        if len(levels) != 1 or not settings.keys.complete or not settings.is_sure:
            continue
        if any("x-component" in level.raw for level in settings.levels):
            continue  # the program hands more to a component than its section says
        at = _place(settings, path)
        (level,) = levels
        written = {key[-1] for key in settings.keys.keys if key[:-1] == path}
        required = dict(_required(level, written, survey))
        lacking = list(required)
        if at is not None and lacking and _is_written(settings, path) and _is_demanded(level, survey):
            # Of releases that nobody has read it is not known that they have no default.
            severity = None if all(required.values()) else Severity.WARNING
            yield Match(
                at=at,
                values={
                    "keys": " and ".join(lacking),
                    "place": _owner(settings, level, path),
                    "outcome": "the call raises TypeError" if settings.callee and not path else "it is refused",
                },
                severity=Severity.INFO if survey.in_use.caveat(level.schema) else severity,
                reason=survey.in_use.caveat(level.schema),
            )


def _is_demanded(level: Level, survey: Survey) -> bool:
    """Whether somebody looks for what is missing: calls do, pydantic, and readers that refuse what they do not know."""
    if level.raw.get("x-imports") or set(survey.in_use.keyword(level, "x-unknown")) == {REFUSED}:
        return True
    return set(survey.in_use.keyword(level, "x-values")) <= {"pydantic", "pydantic-strict"}


def _required(level: Level, written: set[str], survey: Survey) -> Iterator[tuple[str, bool]]:
    """The keys that are not written and have no default in any admissible release that was read; whether all were."""
    for each in level.family:
        for name, raw in each.properties.items():
            if name in written or not _may_be_required(raw) or "x-plugin" in raw:
                continue  # a plugin's keys are asked for only where the file names it
            availability = survey.in_use.availability(level, name)
            if availability.absent or not availability.offers:
                continue
            if all(offer.shape.get("x-required") is True for offer in availability.offers):
                yield name, availability.always


def _may_be_required(raw: object) -> bool:
    if not isinstance(raw, dict):
        return False
    was = raw.get("x-was")
    shapes = [raw, *(was if isinstance(was, list) else ())]
    return any(isinstance(shape, dict) and shape.get("x-required") is True for shape in shapes)


def _is_written(settings: Settings, path: KeyPath) -> bool:
    """Whether the section shows all it holds: in a dict of a script `**` may bring in more."""
    if not path:
        return True
    key = settings.keys.keys.get(path)
    return key is not None and key.fact.value is Section.MAPPING and "**" not in key.raw and "<<" not in key.raw


def _place(settings: Settings, path: KeyPath) -> Location | None:
    key: Key | None = settings.keys.keys.get(path) if path else next(iter(settings.keys), None)
    return key.name_location if key is not None else None


def _owner(settings: Settings, level: Level, path: KeyPath) -> str:
    owner = settings.callee.rstrip("=") or level.schema.title
    section = ".".join(step for step in path if not step.isdecimal())
    return f"{owner}'s {section}" if section else owner
