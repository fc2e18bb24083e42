"""Findings for a person at a terminal: a line, the code it stands on, what else took part, what can be done."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ftlint.findings import Applicability, Finding, Fix, Related
from ftlint.record import record
from ftlint.report.color import Palette
from ftlint.report.frame import code_frame, gutter_cells, last_row
from ftlint.report.places import Place, Places
from ftlint.report.summary import fixable_by
from ftlint.report.visible import visible

MAX_FRAMED_RELATED = 3

_FIX_WORDS = {
    Applicability.SAFE: "fix available: {title} (safe)",
    Applicability.UNSAFE: "fix available: {title} (unsafe: may change what the run does)",
    Applicability.DISPLAY: "consider: {title}",
}


@record
class Look:
    """How the terminal's report is laid out."""

    palette: Palette
    width: int


def render_terminal(findings: Sequence[Finding], places: Places, look: Look) -> str:
    """Each finding with its frame, a blank line between them; empty without findings."""
    blocks = ("\n".join(_finding(finding, places, look)) for finding in findings)
    return "".join(f"{block}\n\n" for block in blocks)


def _finding(finding: Finding, places: Places, look: Look) -> Iterator[str]:
    palette = look.palette
    place = places.place(finding.location)
    severity = palette.severity(finding.severity, finding.severity.value)
    marker = f"{palette.good('[*]')} " if fixable_by(finding, Applicability.SAFE) else ""
    yield f"{_heading(place, palette)} {palette.strong(finding.code)} {severity} {marker}{visible(finding.message)}"

    # What is said of the finding's own place needs no second frame.
    notes = [related for related in finding.related if related.location == finding.location]
    elsewhere = [related for related in finding.related if related.location != finding.location]
    framed = elsewhere[:MAX_FRAMED_RELATED]
    locations = [finding.location, *(related.location for related in framed)]
    gutter = gutter_cells(*(last_row(places.lines(location), location.span) for location in locations))
    yield from code_frame(
        places.lines(finding.location),
        finding.location.span,
        gutter=gutter,
        width=look.width,
        palette=palette,
        mark=lambda text: palette.severity(finding.severity, text),
    )
    lead = " " * gutter + " " + palette.frame("=")
    for note in notes:
        yield f"{lead} {visible(note.message)}"
    for related in framed:
        yield from _related(related, places, look, gutter)
    for related in elsewhere[MAX_FRAMED_RELATED:]:
        yield f"{lead} {_heading(places.place(related.location), palette)} {visible(related.message)}"
    for fix in finding.fixes:
        yield f"{lead} {palette.good('help')}: {_fix(fix)}"
    yield f"{lead} {palette.quiet(f'rule: {_rule(finding)}')}"


def _related(related: Related, places: Places, look: Look, gutter: int) -> Iterator[str]:
    palette = look.palette
    heading = _heading(places.place(related.location), palette)
    yield f"{' ' * gutter}{palette.frame('::')} {heading} {visible(related.message)}"
    yield from code_frame(
        places.lines(related.location),
        related.location.span,
        gutter=gutter,
        width=look.width,
        palette=palette,
        mark=palette.frame,
    )


def _heading(place: Place, palette: Palette) -> str:
    # The name alone is made visible: `:row:column` stays clickable.
    name = palette.strong(visible(place.filename))
    return name + str(place)[len(place.filename) :]


def _fix(fix: Fix) -> str:
    return _FIX_WORDS[fix.applicability].format(title=visible(fix.title))


def _rule(finding: Finding) -> str:
    return f"{finding.name}, {finding.url}" if finding.url else f"{finding.name}, `ftlint rule {finding.code}`"
