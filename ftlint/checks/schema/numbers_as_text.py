"""Numbers that the loader of this file in these releases reads as text."""

from __future__ import annotations

from collections.abc import Iterator

from ftlint.checks.schema.judging import Judged, judged
from ftlint.checks.schema.survey import Survey
from ftlint.checks.schema.verdicts import Trouble
from ftlint.findings import Edit, Match


def number_read_as_text(survey: Survey) -> Iterator[Match]:
    """`2e-5`, which PyYAML takes for a text since it wants a dot before an exponent and a sign in it."""
    for each in judged(survey, Trouble.NUMBER_AS_TEXT):
        key = each.misfit.met.key
        written = with_dot_and_sign(key.raw.strip())
        edits = (Edit(key.value_location, written),) if written is not None else ()
        yield Match(
            at=key.value_location,
            values={**each.values, "written": written or "", "loader": _loader(each)},
            edits={"write": edits} if edits else {},
            severity=each.severity,
            reason=each.reason,
        )


def _loader(each: Judged) -> str:
    return "PyYAML" if each.misfit.met.settings.document is not None else "Python"


def with_dot_and_sign(text: str) -> str | None:
    """`2.0e-5` for `2e-5`, the same number in the form that every loader reads as one; None without an exponent."""
    mantissa, mark, exponent = text.lower().partition("e")
    if not mark:
        return None
    whole = mantissa if "." in mantissa else f"{mantissa}.0"
    if whole.lstrip("+-").startswith("."):
        whole = whole.replace(".", "0.", 1)
    sign = "" if exponent[:1] in ("+", "-") else "+"
    return f"{whole}e{sign}{exponent}"
