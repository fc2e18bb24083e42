"""Where else a key that stands in the wrong place would be right: another section, or another framework."""

from __future__ import annotations

from ftlint.checks.schema.survey import Met, Survey


def belongs_elsewhere(met: Met, survey: Survey) -> str | None:
    """Where the key belongs."""
    del met, survey
    return None
