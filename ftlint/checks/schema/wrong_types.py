"""Values of another type than the framework reads."""

from __future__ import annotations

from collections.abc import Iterator

from ftlint.checks.schema.judging import judged
from ftlint.checks.schema.survey import Survey
from ftlint.checks.schema.verdicts import Trouble
from ftlint.findings import Match


def wrong_type(survey: Survey) -> Iterator[Match]:
    """A text where a number is read, a mapping where a scalar is, and the like."""
    for each in judged(survey, Trouble.TYPE):
        at = each.misfit.met.key.value_location
        yield Match(at=at, values=each.values, severity=each.severity, reason=each.reason)
