"""Quick fixes: the findings' own edits, with nothing worked out a second time."""

from __future__ import annotations

from collections.abc import Sequence

from lsprotocol import types

from ftlint.findings import Applicability, Edit, Finding, Fix
from ftlint.server.diagnostics import diagnostic
from ftlint.server.server import FtlintServer
from ftlint.server.views import OpenText


def register(server: FtlintServer) -> None:
    """Add quick fixes."""
    options = types.CodeActionOptions(code_action_kinds=[types.CodeActionKind.QuickFix])

    @server.feature(types.TEXT_DOCUMENT_CODE_ACTION, options)
    def code_action(ls: FtlintServer, params: types.CodeActionParams) -> list[types.CodeAction]:
        text = ls.views.texts.get(params.text_document.uri)
        if text is None or not _wanted(params.context.only):
            return []
        start, end = (ls.views.offset_of(place, text.lines) for place in (params.range.start, params.range.end))
        return [
            action
            for finding in ls.views.findings_in(text)
            if finding.location.span.start <= end and start <= finding.location.span.end
            for fix in finding.fixes
            if (action := _action(ls, text, finding, fix)) is not None
        ]


def _wanted(only: Sequence[types.CodeActionKind | str] | None) -> bool:
    return only is None or any("quickfix".startswith(str(getattr(kind, "value", kind))) for kind in only)


def _action(ls: FtlintServer, text: OpenText, finding: Finding, fix: Fix) -> types.CodeAction | None:
    """One fix; None where it is only to be read, or touches a file whose text we cannot place."""
    changes: dict[str, list[types.TextEdit]] = {}
    for edit in fix.edits:
        placed = _text_edit(ls, edit)
        if placed is None:
            return None
        changes.setdefault(ls.views.uri_of(edit.location), []).append(placed)
    if not changes:
        return None
    unsafe = fix.applicability is not Applicability.SAFE
    return types.CodeAction(
        title=f"{fix.title} (may change the run)" if unsafe else fix.title,
        kind=types.CodeActionKind.QuickFix,
        diagnostics=[diagnostic(ls, text, finding)],
        is_preferred=not unsafe,
        edit=types.WorkspaceEdit(changes=changes),
    )


def _text_edit(ls: FtlintServer, edit: Edit) -> types.TextEdit | None:
    lines = ls.line_index(edit.location)
    # A cell of a notebook that is not open has no text of its own that a client could edit.
    if lines is None or (
        edit.location.cell is not None and ls.views.text_at(edit.location.path, edit.location.cell) is None
    ):
        return None
    return types.TextEdit(ls.views.range_of(edit.location.span, lines), edit.content)
