"""Open notebooks: the cells an editor sends become one overlay, so that a notebook is checked as a whole."""

from __future__ import annotations

import json

from lsprotocol import types

from ftlint.server.diagnostics import publish
from ftlint.server.server import FtlintServer, path_of
from ftlint.server.views import OpenText
from ftlint.syntax.positions import LineIndex


def register(server: FtlintServer) -> None:
    """Add the features of notebooks."""

    @server.feature(types.NOTEBOOK_DOCUMENT_DID_OPEN)
    def did_open(ls: FtlintServer, params: types.DidOpenNotebookDocumentParams) -> None:
        _take_over(ls, params.notebook_document.uri)

    @server.feature(types.NOTEBOOK_DOCUMENT_DID_CHANGE)
    def did_change(ls: FtlintServer, params: types.DidChangeNotebookDocumentParams) -> None:
        _take_over(ls, params.notebook_document.uri)

    @server.feature(types.NOTEBOOK_DOCUMENT_DID_CLOSE)
    def did_close(ls: FtlintServer, params: types.DidCloseNotebookDocumentParams) -> None:
        path = path_of(params.notebook_document.uri)
        if path is not None:
            _forget(ls, params.notebook_document.uri)
            ls.files.close_overlay(path)
            ls.recheck()
            publish(ls)


def _forget(ls: FtlintServer, notebook_uri: str) -> None:
    path = path_of(notebook_uri)
    for uri in [uri for uri, text in ls.views.texts.items() if text.path == path and text.cell is not None]:
        del ls.views.texts[uri]


def _take_over(ls: FtlintServer, notebook_uri: str) -> None:
    """Lay the cells over the file. Their numbers count the cells the editor sent, which are the Python ones."""
    path = path_of(notebook_uri)
    notebook = ls.workspace.get_notebook_document(notebook_uri=notebook_uri)
    if path is None or notebook is None:
        return
    _forget(ls, notebook_uri)
    cells = []
    for number, cell in enumerate(notebook.cells, start=1):
        document = ls.workspace.get_text_document(cell.document)
        is_code = cell.kind == types.NotebookCellKind.Code
        cells.append({"cell_type": "code" if is_code else "markdown", "source": document.source})
        ls.views.texts[cell.document] = OpenText(
            cell.document, document.version, path, number, LineIndex(document.source)
        )
    overlay = {"cells": cells, "nbformat": 4, "nbformat_minor": 5, "metadata": {}}
    ls.files.open_overlay(path, json.dumps(overlay).encode(), notebook.version)
    ls.recheck()
    publish(ls)
