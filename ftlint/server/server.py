"""The server itself: what it can do, what it holds, and when it checks again.

A check runs to its end before the next message is answered, so an answer always speaks of one version of every text.
"""

from __future__ import annotations

from pathlib import Path

from lsprotocol import types
from pygls.lsp.server import LanguageServer
from pygls.uris import to_fs_path

import ftlint
from ftlint.engine import Selection, check
from ftlint.errors import FtlintError
from ftlint.project.workspace import Workspace
from ftlint.server.views import Views
from ftlint.spans import Location
from ftlint.syntax.positions import LineIndex, PositionEncoding

_NOTEBOOKS = types.NotebookDocumentSyncOptions(
    notebook_selector=[
        types.NotebookDocumentFilterWithNotebook(
            notebook=types.NotebookDocumentFilterNotebookType(notebook_type="jupyter-notebook"),
            cells=[types.NotebookCellLanguage(language="python")],
        )
    ]
)


class FtlintServer(LanguageServer):
    """pygls' server with our state: the workspace with its overlays, and the views of what is open."""

    def __init__(self) -> None:
        super().__init__(
            "ftlint",
            ftlint.__version__,
            text_document_sync_kind=types.TextDocumentSyncKind.Incremental,
            notebook_document_sync=_NOTEBOOKS,
        )
        self.files = Workspace(trusted=False)
        self.views = Views()
        self.complaint = ""

    @property
    def pulls(self) -> bool:
        """Whether the client asks for diagnostics itself; it must then not get them twice."""
        capabilities = self.client_capabilities.text_document
        return capabilities is not None and capabilities.diagnostic is not None

    def start_session(self) -> None:
        """Take over what the client said about itself: its folders, and how it counts columns."""
        folders = tuple(path for folder in self.workspace.folders.values() if (path := path_of(folder.uri)) is not None)
        self.files = Workspace(*folders, trusted=False)
        self.views.encoding = PositionEncoding(self.workspace.position_encoding or "utf-16")

    def recheck(self) -> None:
        """Check every open file again. What cannot be followed is told once, and the last findings stay away."""
        paths = sorted({text.path for text in self.views.texts.values()})
        try:
            result = check(self.files, paths, Selection())
        except FtlintError as error:
            self.views.findings = ()
            self.complain(str(error))
            return
        self.views.findings = result.findings
        self.complain("; ".join(unread.reason for unread in result.unread))

    def line_index(self, location: Location) -> LineIndex | None:
        """The line starts of the text a location is in, open or on disk; None where it cannot be read."""
        text = self.views.text_at(location.path, location.cell)
        if text is not None:
            return text.lines
        try:
            document = self.files.document(location.path)
        except FtlintError:
            return None
        sources = document.sources if document is not None else ()
        return next((LineIndex(source.text) for source in sources if source.cell == location.cell), None)

    def complain(self, complaint: str) -> None:
        """Show an error of the settings once, not at every key stroke."""
        if complaint and complaint != self.complaint:
            self.window_show_message(types.ShowMessageParams(types.MessageType.Error, f"ftlint: {complaint}"))
        self.complaint = complaint


def path_of(uri: str) -> Path | None:
    """The path behind a URI; None for texts that are no files (`untitled:`, `git:`)."""
    if not uri.startswith("file:"):
        return None
    path = to_fs_path(uri)
    return Path(path) if path is not None else None
