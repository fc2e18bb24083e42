"""Open, changed, saved and closed text documents: their text stands before the file on disk."""

from __future__ import annotations

from lsprotocol import types

from ftlint.server.diagnostics import publish
from ftlint.server.server import FtlintServer, path_of
from ftlint.server.views import OpenText
from ftlint.syntax import format_of
from ftlint.syntax.positions import LineIndex


def register(server: FtlintServer) -> None:
    """Add the features of text documents."""

    @server.feature(types.TEXT_DOCUMENT_DID_OPEN)
    def did_open(ls: FtlintServer, params: types.DidOpenTextDocumentParams) -> None:
        _take_over(ls, params.text_document.uri)

    @server.feature(types.TEXT_DOCUMENT_DID_CHANGE)
    def did_change(ls: FtlintServer, params: types.DidChangeTextDocumentParams) -> None:
        _take_over(ls, params.text_document.uri)

    @server.feature(types.TEXT_DOCUMENT_DID_SAVE)
    def did_save(ls: FtlintServer, params: types.DidSaveTextDocumentParams) -> None:
        _take_over(ls, params.text_document.uri)

    @server.feature(types.TEXT_DOCUMENT_DID_CLOSE)
    def did_close(ls: FtlintServer, params: types.DidCloseTextDocumentParams) -> None:
        text = ls.views.texts.pop(params.text_document.uri, None)
        if text is not None:
            ls.files.close_overlay(text.path)
            ls.recheck()
            publish(ls)


def _take_over(ls: FtlintServer, uri: str) -> None:
    """Lay the editor's text over the file, check, publish."""
    path = path_of(uri)
    if path is None or format_of(path) is None:
        return
    document = ls.workspace.get_text_document(uri)
    ls.files.open_overlay(path, document.source.encode("utf-8", "surrogatepass"), document.version or 0)
    ls.views.texts[uri] = OpenText(uri, document.version, path, None, LineIndex(document.source))
    ls.recheck()
    publish(ls)
