"""Keys that older releases had and the ones in use have no more."""

from __future__ import annotations

from collections.abc import Iterator

from ftlint.checks.schema.in_use import Availability, said
from ftlint.checks.schema.renaming import rename
from ftlint.checks.schema.shapes import accepted_by
from ftlint.checks.schema.survey import Met, Misfit, Survey
from ftlint.checks.schema.wording import instead_of, is_open, is_refused, of_unknown, place_of
from ftlint.findings import Edit, Match, Severity
from ftlint.knowledge.schemas import Level
from ftlint.run.fact import UNKNOWN


def removed_key(survey: Survey) -> Iterator[Match]:
    """A key that is gone from the admissible releases, or from the newer of them."""
    for each in survey.changing:
        availability = each.availability
        if not availability.absent or availability.in_newest or is_open(each.met, survey.in_use):
            continue
        last = _last_release(each.met, survey)
        if last is not None:
            yield _match(each, survey, *last)


def _match(each: Misfit, survey: Survey, level: Level, until: str) -> Match:
    met, availability = each.met, each.availability
    is_gone = not availability.offers
    consequence = of_unknown(met, survey.in_use, None if is_gone and not availability.unread else availability)
    severity = consequence.severity
    if not is_refused(met, survey.in_use) and not is_gone:
        severity = severity.at_most(Severity.INFO)
    by = instead_of(met.level, met.name)
    return Match(
        at=met.key.name_location,
        values={
            "key": met.name,
            "place": place_of(met),
            "until": said(level.schema.package, (until,)),
            "outcome": consequence.outcome,
            "instead": f"; {by} took its place" if by else "",
            "by": by or "",
        },
        edits=replacement(met, by, survey),
        severity=severity,
        reason=consequence.reason,
    )


def _last_release(met: Met, survey: Survey) -> tuple[Level, str] | None:
    """The level that had the key, and the last release that did, where the admissible ones without it are newer."""
    for level in met.level.family:
        raw = level.shape(met.name)
        if raw is not None:
            last = len(level.schema.releases) - 1
            until = min(
                level.schema.index(raw.get("x-until"), last), level.schema.index(level.raw.get("x-until"), last)
            )
            if until < last and any(place > until for place in survey.in_use.window(level.schema).places):
                return level, level.schema.releases[until]
    return None


def replacement(met: Met, by: str | None, survey: Survey) -> dict[str, tuple[Edit, ...]]:
    """The edits that write the key's successor: safe where the framework itself moves the value over."""
    if by is None:
        return {}
    successor = survey.in_use.availability(met.level, by.rpartition(".")[2])
    if "." in by or not successor.in_newest or not successor.offers:
        return {}
    edits = rename(met, by)
    if not edits or not fits(met, successor):
        return {}
    return {"move" if _is_moved(met) and successor.always else "rename": edits}


def fits(met: Met, successor: Availability) -> bool:
    """Whether the value may stand under the successor's name as it is, in every release in use that has it.

    `cpu_offload: true` became a section; `warmup_steps` takes the share that `warmup_ratio` was from transformers 5 on.
    """
    value = met.key.fact.value
    return value is UNKNOWN or all(accepted_by(each.level, each.shape).lets_pass(value) for each in successor.offers)


def _is_moved(met: Met) -> bool:
    """Whether some release takes the value over to the successor as it is."""
    for level in met.level.family:
        raw = level.shape(met.name)
        deprecated = raw.get("x-deprecated") if raw is not None else None
        if isinstance(deprecated, dict):
            return deprecated.get("effect") == "moved"
    return False
