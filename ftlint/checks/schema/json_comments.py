"""Comments and trailing commas in JSON, where `json.load` reads it."""

from __future__ import annotations

from collections.abc import Iterator

from ftlint.checks.schema.loaders import Loader, loaders_of
from ftlint.findings import Edit, Match, Severity
from ftlint.project.view import ProjectView
from ftlint.spans import Span
from ftlint.syntax.document import DataDocument, FaultCause, Format, SyntaxFault

_NAMES = {FaultCause.COMMENT: "a comment", FaultCause.TRAILING_COMMA: "a comma after the last entry"}


def comments_and_commas(document: DataDocument, project: ProjectView) -> Iterator[Match]:
    """What DeepSpeed's own loader lets pass and `json.load` does not."""
    found = [fault for fault in document.faults if fault.cause in _NAMES]
    if document.format is not Format.JSON or not found:
        return
    loaders = loaders_of(document, project)
    if Loader.JSON not in loaders:
        return
    severity = Severity.ERROR if loaders == {Loader.JSON} else Severity.WARNING
    who = "transformers and accelerate" if project.dialect_name(document) == "deepspeed" else "its reader"
    for fault in found:
        yield Match(
            at=fault.location,
            values={"what": _NAMES[fault.cause], "who": who},
            edits={"comments" if fault.cause is FaultCause.COMMENT else "comma": _edits(document, fault)},
            severity=severity,
        )


def _edits(document: DataDocument, fault: SyntaxFault) -> tuple[Edit, ...]:
    """All comments go, each with its line where nothing else stands there; of commas the one that was found."""
    if fault.cause is FaultCause.TRAILING_COMMA:
        return (Edit(fault.location, ""),)
    return tuple(
        Edit(
            document.source.location(
                _with_line(document.source.text, comment.span)
                if comment.alone
                else _with_gap(document.source.text, comment.span)
            ),
            "",
        )
        for comment in document.comments
    )


def _with_gap(text: str, span: Span) -> Span:
    """A comment behind something, with the white space between."""
    start = span.start
    while start > 0 and text[start - 1] in " \t":
        start -= 1
    return Span(start, span.end)


def _with_line(text: str, span: Span) -> Span:
    span = _with_gap(text, span)
    end = span.end
    if text.startswith("\r\n", end):
        return Span(span.start, end + 2)
    return Span(span.start, end + 1 if text[end : end + 1] in ("\n", "\r") else end)
