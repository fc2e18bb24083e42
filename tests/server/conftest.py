"""A real client of the protocol, as three editors describe themselves, talking to `ftlint server` over stdio."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
import pytest_lsp
from lsprotocol import types
from pytest_lsp import ClientServerConfig, LanguageClient, client_capabilities

EDITORS = ("visual_studio_code", "neovim", "emacs")


@pytest_lsp.fixture(
    params=EDITORS, config=ClientServerConfig(server_command=[sys.executable, "-m", "ftlint", "server"])
)
async def client(request: pytest.FixtureRequest, lsp_client: LanguageClient, tmp_path: Path) -> AsyncIterator[None]:
    capabilities = client_capabilities(request.param)

    @lsp_client.feature(types.CLIENT_REGISTER_CAPABILITY)
    def register(_client: LanguageClient, params: types.RegistrationParams) -> None:
        lsp_client.registrations = [item.method for item in params.registrations]  # type: ignore[attr-defined]

    answer = await lsp_client.initialize_session(
        types.InitializeParams(
            capabilities=capabilities,
            workspace_folders=[types.WorkspaceFolder(uri=tmp_path.as_uri(), name="project")],
        )
    )
    lsp_client.position_encoding = str(answer.capabilities.position_encoding or "utf-16")  # type: ignore[attr-defined]
    yield
    await lsp_client.shutdown_session()


def open_text(client: LanguageClient, path: Path, text: str, language: str = "json") -> str:
    """Open a document in the editor; its URI."""
    item = types.TextDocumentItem(uri=path.as_uri(), language_id=language, version=1, text=text)
    client.text_document_did_open(types.DidOpenTextDocumentParams(text_document=item))
    return item.uri


async def diagnostics(client: LanguageClient, uri: str) -> list[types.Diagnostic]:
    """What the client knows about one document after the server has dealt with everything sent so far."""
    assert client.capabilities is not None
    text_document = client.capabilities.text_document
    if text_document is not None and text_document.diagnostic is not None:
        report = await client.text_document_diagnostic_async(
            types.DocumentDiagnosticParams(text_document=types.TextDocumentIdentifier(uri=uri))
        )
        assert isinstance(report, types.RelatedFullDocumentDiagnosticReport)
        assert uri not in client.diagnostics, "a client that pulls must not get pushes as well"
        return list(report.items)
    return await pushed(client, uri)


async def pushed(client: LanguageClient, uri: str) -> list[types.Diagnostic]:
    """The pushed diagnostics of one document. Messages are handled in order, so any answered request is a barrier."""
    await code_actions(client, uri, types.Range(types.Position(0, 0), types.Position(0, 0)))
    return list(client.diagnostics.get(uri, []))


async def code_actions(client: LanguageClient, uri: str, where: types.Range) -> list[types.CodeAction]:
    """The quick fixes offered there."""
    answer = await client.text_document_code_action_async(
        types.CodeActionParams(
            text_document=types.TextDocumentIdentifier(uri=uri),
            range=where,
            context=types.CodeActionContext(diagnostics=[]),
        )
    )
    return [action for action in answer or [] if isinstance(action, types.CodeAction)]


def applied(text: str, edits: Sequence[types.TextEdit], encoding: str) -> str:
    """The text after an editor that counts columns in that encoding has applied the edits."""
    lines = text.split("\n")
    codec, unit_bytes = {"utf-8": ("utf-8", 1), "utf-16": ("utf-16-le", 2), "utf-32": ("utf-32-le", 4)}[encoding]

    def offset(position: types.Position) -> int:
        before = sum(len(line) + 1 for line in lines[: position.line])
        units = lines[position.line].encode(codec)
        return before + len(units[: position.character * unit_bytes].decode(codec))

    for edit in sorted(edits, key=lambda edit: offset(edit.range.start), reverse=True):
        text = text[: offset(edit.range.start)] + edit.new_text + text[offset(edit.range.end) :]
    return text
