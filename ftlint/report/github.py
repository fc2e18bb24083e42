"""Findings as GitHub workflow commands, which Actions shows as annotations on the lines of a pull request.

In a notebook GitHub counts the lines of the .ipynb file, not those of the cell: the command names the file's line (1
where it cannot be seen) and the title says the cell and the row in it.
Source: https://docs.github.com/actions/reference/workflow-commands-for-github-actions (setting a notice message), and
actions/toolkit packages/core/src/command.ts for the escapes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ftlint.findings import Finding, Severity
from ftlint.report.notebook_rows import notebook_row
from ftlint.report.places import Places
from ftlint.report.visible import visible
from ftlint.spans import Location, Span
from ftlint.syntax.document import Source

_COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "notice"}


def render_github(findings: Sequence[Finding], places: Places) -> str:
    """One workflow command per finding. `places` must name files from the checkout's root, as GitHub does."""
    return "".join(f"{_command(finding, places)}\n" for finding in findings)


def _command(finding: Finding, places: Places) -> str:
    properties = ",".join(f"{name}={_escape_property(value)}" for name, value in _properties(finding, places))
    return f"::{_COMMANDS[finding.severity]} {properties}::{_escape(_message(finding, places))}"


def _properties(finding: Finding, places: Places) -> Iterator[tuple[str, str]]:
    place = places.place(finding.location)
    title = f"{finding.code} {finding.name}"
    yield "file", visible(place.filename)
    if place.cell is not None:
        file_text = places.lines(Location(finding.location.path, Span(0, 0))).text
        row = notebook_row(Source(finding.location.path, file_text), place.cell, place.start.row)
        yield "line", str(row or 1)
        yield "title", f"{title} (cell {place.cell}, line {place.start.row})"
        return
    yield "line", str(place.start.row)
    yield "col", str(place.start.column)
    yield "endLine", str(place.end.row)
    if place.end.row == place.start.row:
        # GitHub refuses columns of an annotation that spans lines.
        yield "endColumn", str(place.end.column)
    yield "title", title


def _message(finding: Finding, places: Places) -> str:
    lines = [finding.message]
    lines += [f"{places.place(related.location)}: {related.message}" for related in finding.related]
    lines += [f"{fix.applicability.value} fix: {fix.title}" for fix in finding.fixes]
    return "\n".join(map(visible, lines))


def _escape(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _escape_property(text: str) -> str:
    return _escape(text).replace(":", "%3A").replace(",", "%2C")
