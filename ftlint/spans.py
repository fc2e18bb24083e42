"""Where something stands: spans of code points in one text, and the origin of what we believe about a run."""

from __future__ import annotations

from enum import Enum
from pathlib import Path

from ftlint.record import record


@record
class Span:
    """A half-open range of code points in the text of one file or one notebook cell."""

    start: int
    end: int

    def __lt__(self, other: Span) -> bool:
        return (self.start, self.end) < (other.start, other.end)

    def contains(self, offset: int) -> bool:
        """Whether a cursor at `offset` touches this span (its end included, as editors count)."""
        return self.start <= offset <= self.end


@record
class Location:
    """A span of one file; in a notebook, of the source of the cell at 1-based position `cell` among all cells."""

    path: Path
    span: Span
    cell: int | None = None

    def sort_key(self) -> tuple[str, int, int, int]:
        """Orders locations by file, cell, start and end."""
        return (str(self.path), self.cell or 0, self.span.start, self.span.end)


class How(Enum):
    """How a value came to be what it is."""

    WRITTEN = "written"
    DEFAULT = "default"
    DERIVED = "derived"
    DETECTED = "detected"


@record
class Origin:
    """One place (or, without location, one reason) a value comes from.

    `note` is for people: the setting's name, or which default of which release.
    """

    how: How
    location: Location | None = None
    note: str = ""
