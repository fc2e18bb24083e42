"""Ignores written into the checked files: `# ftlint: ignore[MEM101] why` and `# ftlint: ignore-file[...]`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from ftlint.findings import Finding
from ftlint.record import record
from ftlint.spans import Location, Span
from ftlint.syntax.document import Comment, Document, ScriptDocument, Source

# Texts, and compiled where an ignore is met: most files have none.
_SELECTOR = r"[^,\s]+"
_ONLY_IGNORE = r"\W*ftlint:"
# The word after the colon is matched loosely, so that `ignore [X]` and `ignore[X]` mean the same.
_PATTERN = r"ftlint:\s*(?P<what>ignore-file|ignore)\s*\[(?P<selectors>[^\]]*)\]"


@record
class Ignore:
    """One selector of one ignore comment. `rows` are the lines (from 1) of its text that it covers; None: all.

    `removal` is what has to be cut to be rid of it: the selector, or the comment that holds nothing else.
    """

    selector: str
    location: Location
    rows: range | None
    removal: Span | None

    def covers(self, finding: Finding, row_range: range, codes: frozenset[str]) -> bool:
        """Whether that finding, which stands on those rows, is silenced by this ignore of those codes."""
        if finding.code not in codes or finding.location.path != self.location.path:
            return False
        if self.rows is None:
            return True
        if finding.location.cell != self.location.cell:
            return False
        return bool(set(self.rows) & set(row_range))


def read_ignores(document: Document) -> tuple[Ignore, ...]:
    """Every ignore of a document, one per selector."""
    if not any("ftlint" in source.text for source in document.sources):
        return ()  # most files tell ftlint nothing, and their comments need not be found
    if isinstance(document, ScriptDocument):
        commented: Iterable[tuple[Source, Comment]] = document.comments
    else:
        commented = ((document.source, comment) for comment in document.comments)
    found: list[Ignore] = []
    indices: dict[int | None, LineIndex] = {}
    for source, comment in commented:
        if "ftlint" not in comment.text or (match := re.search(_PATTERN, comment.text)) is None:
            continue
        if source.cell not in indices:
            from ftlint.syntax.positions import LineIndex

            indices[source.cell] = LineIndex(source.text)
        row = indices[source.cell].position(comment.span.start).row
        found.extend(_ignores_of(source, comment, match, row))
    return tuple(found)


def _ignores_of(source: Source, comment: Comment, match: re.Match[str], row: int) -> list[Ignore]:
    if match["what"] == "ignore-file":
        rows = None
    else:
        rows = range(row, row + 2) if comment.alone else range(row, row + 1)
    start = comment.span.start + match.start("selectors")
    parts = [Span(start + part.start(), start + part.end()) for part in re.finditer(_SELECTOR, match["selectors"])]
    return [
        Ignore(source.slice(part), source.location(part), rows, _removal(source, comment, parts, number))
        for number, part in enumerate(parts)
    ]


def _removal(source: Source, comment: Comment, parts: list[Span], number: int) -> Span | None:
    """One of several selectors with its comma; else the comment, with its line if nothing else stands there."""
    if len(parts) > 1:
        if number == 0:
            return Span(parts[0].start, parts[1].start)
        return Span(parts[number - 1].end, parts[number].end)
    if re.match(_ONLY_IGNORE, comment.text) is None:
        return None  # somebody else's words stand before ours
    start, end = comment.span.start, comment.span.end
    while start > 0 and source.text[start - 1] in " \t":
        start -= 1
    if comment.alone:
        end += 2 if source.text.startswith("\r\n", end) else source.text[end : end + 1] in ("\n", "\r")
    return Span(start, end)


@record
class Suppressed:
    """What remains of the findings, and the ignores that silenced nothing."""

    findings: tuple[Finding, ...]
    unused: tuple[Ignore, ...]


def suppress(
    findings: Iterable[Finding],
    ignores: Iterable[Ignore],
    codes_of: Callable[[str], frozenset[str]],
    rows_of: Callable[[Location], range],
) -> Suppressed:
    """Takes out what the ignores cover. `codes_of` resolves a selector, `rows_of` gives the rows a location spans."""
    by_path: dict[object, list[Ignore]] = {}
    for ignore in ignores:
        by_path.setdefault(ignore.location.path, []).append(ignore)
    used: set[Ignore] = set()
    kept: list[Finding] = []
    for finding in findings:
        there = by_path.get(finding.location.path, [])
        rows = rows_of(finding.location) if there else range(0)
        covering = [ignore for ignore in there if ignore.covers(finding, rows, codes_of(ignore.selector))]
        used.update(covering)
        if not covering:
            kept.append(finding)
    unused = tuple(ignore for group in by_path.values() for ignore in group if ignore not in used)
    return Suppressed(tuple(kept), unused)
