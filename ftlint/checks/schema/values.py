"""Values that are of the right type and not among those allowed."""

from __future__ import annotations

from collections.abc import Iterator

from ftlint.checks.schema.judging import Judged, judged
from ftlint.checks.schema.survey import Survey
from ftlint.checks.schema.verdicts import Trouble
from ftlint.findings import Edit, Match


def value_not_allowed(survey: Survey) -> Iterator[Match]:
    """A word outside an enumeration, a number out of its limits."""
    for each in judged(survey, Trouble.VALUE):
        yield _match(each, f"; did you mean {each.verdict.instead}?" if each.verdict.instead else "")


def enum_letter_case(survey: Survey) -> Iterator[Match]:
    """A word of an enumeration in other letters."""
    for each in judged(survey, Trouble.LETTER_CASE):
        yield _match(each, "")


def _match(each: Judged, hint: str) -> Match:
    key = each.misfit.met.key
    edits: tuple[Edit, ...] = ()
    if each.verdict.instead is not None:
        quotes = key.raw[:1] if key.raw[:1] in ("'", '"') else '"' if _needs_quotes(each) else ""
        edits = (Edit(key.value_location, f"{quotes}{each.verdict.instead}{quotes}"),)
    return Match(
        at=key.value_location,
        values={**each.values, "hint": hint},
        edits={"write": edits} if edits else {},
        severity=each.severity,
        reason=each.reason,
    )


def _needs_quotes(each: Judged) -> bool:
    """`no` without quotes is no text to YAML."""
    return (each.verdict.instead or "").lower() in ("no", "yes", "on", "off", "true", "false", "null")
