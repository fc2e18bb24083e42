"""What a rule finds and what can be done about it; knows neither who makes findings nor who shows them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from enum import Enum

from ftlint.record import record
from ftlint.spans import Location


class Severity(Enum):
    """How sure a finding is that the run goes wrong: error is a proof, warning likely, info advice."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"

    @property
    def level(self) -> int:
        """0 for info, 1 for warning, 2 for error."""
        return ("info", "warning", "error").index(self.value)

    def at_least(self, other: Severity) -> bool:
        """Whether this severity reaches `other`."""
        return self.level >= other.level

    def at_most(self, other: Severity) -> Severity:
        """The lower of the two."""
        return self if self.level <= other.level else other


class Applicability(Enum):
    """What may be done with a fix: safe ones keep the intent, unsafe ones may change the run, others are shown."""

    SAFE = "safe"
    UNSAFE = "unsafe"
    DISPLAY = "display"


@record
class Edit:
    """Replaces the text at `location` by `content`; an empty span inserts."""

    location: Location
    content: str


@record
class Fix:
    """One way to repair a finding; all its edits belong together. A display fix may have none."""

    title: str
    applicability: Applicability
    edits: tuple[Edit, ...] = ()


@record
class Related:
    """Another line that took part in a finding, with what it says."""

    location: Location
    message: str


@record
class Match:
    """What a check saw in one variant of a run; text, titles and top severity are the page's.

    `values` fill the placeholders of the page's message and fix titles; `edits` are keyed by the page's fix names.
    `severity` lowers the page's severity for this match, and `reason` then says why in a few words.
    """

    at: Location
    values: Mapping[str, str] = field(default_factory=dict)
    related: tuple[Related, ...] = ()
    edits: Mapping[str, tuple[Edit, ...]] = field(default_factory=dict)
    severity: Severity | None = None
    reason: str = ""


@record
class Finding:
    """One finding as every door shows it."""

    code: str
    name: str
    severity: Severity
    message: str
    location: Location
    related: tuple[Related, ...] = ()
    fixes: tuple[Fix, ...] = ()
    url: str = ""

    def sort_key(self) -> tuple[tuple[str, int, int, int], str, str]:
        """Orders findings by place, then code, then text."""
        return (self.location.sort_key(), self.code, self.message)
