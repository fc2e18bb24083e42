"""Settings and neighbouring files that change outside the open texts: everything is checked again."""

from __future__ import annotations

from lsprotocol import types

from ftlint.server.diagnostics import publish
from ftlint.server.server import FtlintServer

_WATCHED = "**/{ftlint.toml,pyproject.toml,requirements*.txt,*.json,*.yaml,*.yml,*.py,*.ipynb}"


def register(server: FtlintServer) -> None:
    """Add what clients send when something changed around the open texts."""

    @server.feature(types.WORKSPACE_DID_CHANGE_WATCHED_FILES)
    def files_changed(ls: FtlintServer, _params: types.DidChangeWatchedFilesParams) -> None:
        ls.recheck()
        publish(ls)

    @server.feature(types.WORKSPACE_DID_CHANGE_CONFIGURATION)
    def configuration_changed(ls: FtlintServer, _params: types.DidChangeConfigurationParams) -> None:
        ls.recheck()
        publish(ls)


def watch(ls: FtlintServer) -> None:
    """Ask the client to tell of changed files, where it can be asked."""
    workspace = ls.client_capabilities.workspace
    watching = workspace.did_change_watched_files if workspace is not None else None
    if watching is None or not watching.dynamic_registration:
        return
    options = types.DidChangeWatchedFilesRegistrationOptions(watchers=[types.FileSystemWatcher(glob_pattern=_WATCHED)])
    registration = types.Registration("ftlint-files", types.WORKSPACE_DID_CHANGE_WATCHED_FILES, options)
    ls.client_register_capability(types.RegistrationParams([registration]))
