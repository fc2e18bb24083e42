"""The server put together: every feature registers itself in a file of its own."""

from __future__ import annotations

from lsprotocol import types

from ftlint.server import code_actions, diagnostics, documents, notebooks, settings
from ftlint.server.server import FtlintServer


def create_server() -> FtlintServer:
    """A server with all features."""
    server = FtlintServer()

    @server.feature(types.INITIALIZED)
    def initialized(ls: FtlintServer, _params: types.InitializedParams) -> None:
        ls.start_session()
        settings.watch(ls)

    for feature in (documents, notebooks, diagnostics, code_actions, settings):
        feature.register(server)
    return server
