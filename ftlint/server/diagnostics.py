"""Findings as diagnostics, pushed after every check or answered when the client pulls them; never both."""

from __future__ import annotations

from lsprotocol import types

from ftlint.findings import Finding, Severity
from ftlint.server.server import FtlintServer
from ftlint.server.views import OpenText
from ftlint.spans import Location

_SEVERITIES = {
    Severity.ERROR: types.DiagnosticSeverity.Error,
    Severity.WARNING: types.DiagnosticSeverity.Warning,
    Severity.INFO: types.DiagnosticSeverity.Information,
}


def register(server: FtlintServer) -> None:
    """Add pulled diagnostics; pushing needs no registration."""
    options = types.DiagnosticOptions(identifier="ftlint", inter_file_dependencies=True, workspace_diagnostics=False)

    @server.feature(types.TEXT_DOCUMENT_DIAGNOSTIC, options)
    def pull(ls: FtlintServer, params: types.DocumentDiagnosticParams) -> types.DocumentDiagnosticReport:
        text = ls.views.texts.get(params.text_document.uri)
        if text is not None and text.cell is not None and not ls.views.cells_are_pulled:
            ls.views.cells_are_pulled = True
            _push(ls)
        items = [] if text is None else diagnostics_of(ls, text)
        return types.RelatedFullDocumentDiagnosticReport(items=items)


def publish(ls: FtlintServer) -> None:
    """Send every open text's diagnostics with its version, also when there are none, and clear what was closed.

    A client that pulls is asked to pull again instead: a change in one file can change the findings of another.
    """
    if ls.pulls:
        workspace = ls.client_capabilities.workspace
        if workspace is not None and workspace.diagnostics is not None and workspace.diagnostics.refresh_support:
            ls.workspace_diagnostic_refresh(None)
    _push(ls)


def diagnostics_of(ls: FtlintServer, text: OpenText) -> list[types.Diagnostic]:
    """The findings of one text as the client wants them."""
    return [diagnostic(ls, text, finding) for finding in ls.views.findings_in(text)]


def diagnostic(ls: FtlintServer, text: OpenText, finding: Finding) -> types.Diagnostic:
    """One finding."""
    return types.Diagnostic(
        range=ls.views.range_of(finding.location.span, text.lines),
        message=finding.message,
        severity=_SEVERITIES[finding.severity],
        code=finding.code,
        code_description=types.CodeDescription(finding.url) if finding.url else None,
        source="ftlint",
        related_information=[
            types.DiagnosticRelatedInformation(
                location=types.Location(ls.views.uri_of(related.location), range_in_file(ls, related.location)),
                message=related.message,
            )
            for related in finding.related
        ],
    )


def range_in_file(ls: FtlintServer, location: Location) -> types.Range:
    """The range of a location in any file, open or not; its beginning where the file cannot be read."""
    lines = ls.line_index(location)
    if lines is None:
        return types.Range(types.Position(0, 0), types.Position(0, 0))
    return ls.views.range_of(location.span, lines)


def _push(ls: FtlintServer) -> None:
    """Send what the client does not pull, and clear what was sent and is closed or pulled by now."""
    texts = [text for text in ls.views.texts.values() if not _is_pulled(ls, text)]
    for text in texts:
        _send(ls, text.uri, text.version, diagnostics_of(ls, text))
    pushed = {text.uri for text in texts}
    for uri in ls.views.published - pushed:
        _send(ls, uri, None, [])
    ls.views.published = pushed


def _is_pulled(ls: FtlintServer, text: OpenText) -> bool:
    # No capability says it: vscode-languageclient 9.0.1 pulls for files only, 11.0.0 for the cells of a notebook too.
    return ls.pulls and (text.cell is None or ls.views.cells_are_pulled)


def _send(ls: FtlintServer, uri: str, version: int | None, items: list[types.Diagnostic]) -> None:
    ls.text_document_publish_diagnostics(types.PublishDiagnosticsParams(uri=uri, version=version, diagnostics=items))
