"""Keys that a level has in no release that may be in use: slips of the pen, and keys that come later."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from ftlint.checks.schema.in_use import said
from ftlint.checks.schema.spelling import meant
from ftlint.checks.schema.survey import Met, Misfit, Survey
from ftlint.checks.schema.wording import REFUSED, Consequence, is_open, is_refused, merged_kinds, of_unknown, place_of
from ftlint.findings import Match, Severity
from ftlint.knowledge.schemas import Level

PRIVATE = r"^[^A-Za-z]|^$|[^\u0000-\u007f]|[{}$<> ]|^x-"
"""What is no framework's key; means the same to Python and to JavaScript."""
NOTE = r"_\w*[A-Za-z0-9]$|x-[\w-]+$"
"""A name that people give their own keys; `_component_` and its like are words of a loader."""


def unknown_key(survey: Survey) -> Iterator[Match]:
    """A key of no release, with the known one that is meant; and one that the releases in use do not have yet."""
    if survey.unknown:
        yield from _never_there(survey)
    for each in survey.changing:
        yield from _too_early(each, survey)
    for met, other in _under_two_names(survey):
        yield _match(met, of_unknown(met, survey.in_use), None, f" beside {other}, which is another name of it")


def _never_there(survey: Survey) -> Iterator[Match]:
    from ftlint.checks.schema.homes import home_of  # most files have no such key

    for met in survey.unknown:
        if is_open(met, survey.in_use) or (is_private(met) and not is_refused_note(met, survey)):
            continue
        word = None if is_private(met) else suggestion(met, survey)
        if word is None and home_of(met, survey) is not None:
            continue  # a rule of its own says where
        consequence = of_unknown(met, survey.in_use, may_be_new=word is None and not is_private(met))
        if word is None and not is_refused(met, survey.in_use):
            continue  # people keep notes where nobody reads them
        if met.settings.is_sure or word is not None:
            yield _match(met, consequence, word)


def _under_two_names(survey: Survey) -> Iterator[tuple[Met, str]]:
    """A key that stands there under a second name as well, where its reader then takes one of the two for unknown.

    Source: pydantic 2.12, a field with an alias under `populate_by_name` and `extra="forbid"`. DeepSpeed drops "auto".
    """
    for (number, path), levels in survey.levels.items():
        settings = survey.settings[number]
        for name, other in _aliases(levels[0]) if len(levels) == 1 else ():
            keys = [settings.keys.keys.get((*path, each)) for each in (name, other)]
            if keys[0] is None or any(key is None or key.fact.value == "auto" for key in keys):
                continue
            met = Met(settings, keys[0], levels[0], levels)
            if settings.is_sure and set(merged_kinds(met, survey.in_use)) == {REFUSED}:
                yield met, other


@lru_cache(maxsize=1024)
def _aliases(level: Level) -> tuple[tuple[str, str], ...]:
    if level.raw.get("x-values") != "pydantic":
        return ()
    rows = ((name, raw.get("x-alias-of")) for name, raw in level.properties.items() if isinstance(raw, dict))
    return tuple((name, other) for name, other in rows if isinstance(other, str))


def is_private(met: Met) -> bool:
    """Whether the key is plainly nobody's: a note, a placeholder, a part of YAML. An argument of a call is none."""
    is_argument = bool(met.settings.callee) and len(met.key.path) == 1 and not met.settings.callee.endswith("=")
    return not is_argument and re.search(PRIVATE, met.name) is not None


def is_refused_note(met: Met, survey: Survey) -> bool:
    """Whether it is a note, such as `_comment`, where no note may be: whoever reads it refuses all it does not know."""
    is_note = re.match(NOTE, met.name) is not None
    return is_note and set(merged_kinds(met, survey.in_use)) == {REFUSED}


def suggestion(met: Met, survey: Survey) -> str | None:
    """The key of these levels that is meant, one that the newest admissible release has."""
    known = [name for level in met.levels for name in level.names() if _may_be_meant(level, name, survey)]
    return meant(met.name, known)


def _may_be_meant(level: Level, name: str, survey: Survey) -> bool:
    raw = next((each.shape(name) for each in level.family if name in each.properties), None)
    if raw is None or not ({"x-since", "x-until", "x-absent", "x-was"} & raw.keys()):
        return True
    return survey.in_use.availability(level, name).in_newest


def _match(met: Met, consequence: Consequence, word: str | None, beside: str = "") -> Match:
    from ftlint.checks.schema.renaming import rename

    edits = rename(met, word) if word is not None else ()
    return Match(
        at=met.key.name_location,
        values={
            "key": met.name,
            "place": place_of(met),
            "since": beside,
            "outcome": consequence.outcome,
            "hint": f"; did you mean {word}?" if word is not None else "",
            "meant": word or "",
        },
        edits={"rename": edits} if edits else {},
        severity=consequence.severity,
        reason=consequence.reason,
    )


def _too_early(each: Misfit, survey: Survey) -> Iterator[Match]:
    """A key that comes with a later release than some or all of those in use.

    Where nobody said which are in use, a key that the newest has is right.
    """
    met, availability = each.met, each.availability
    if not availability.absent or availability.unread or is_open(met, survey.in_use):
        return
    since = first_release(met, survey)
    if since is None or (availability.in_newest and survey.in_use.window(met.level.schema).is_guess):
        return
    refused = is_refused(met, survey.in_use)
    if availability.offers and not refused:
        return
    consequence = of_unknown(met, survey.in_use, None if availability.never else availability)
    severity = consequence.severity if refused else consequence.severity.at_most(Severity.INFO)
    yield Match(
        at=met.key.name_location,
        values={
            "key": met.name,
            "place": place_of(met),
            "since": f" before {since}",
            "outcome": consequence.outcome,
            "hint": "",
        },
        severity=severity,
        reason=consequence.reason,
    )


def first_release(met: Met, survey: Survey) -> str | None:
    """`trl 0.16.0`, with which the key comes, where admissible releases are older; None where it is gone again."""
    for level in met.level.family:
        raw = level.shape(met.name)
        if raw is None:
            continue
        since = level.schema.index(raw.get("x-since"), 0)
        lacking = [place for place in survey.in_use.window(level.schema).places if level.shape_at(place) is not None]
        if lacking and min(lacking) < since:
            return said(level.schema.package, (level.schema.releases[since],))
    return None
