"""The language server: one file per feature, over the same engine as the command."""


def serve() -> None:
    """Speak LSP on stdin and stdout until the client ends it."""
    from ftlint.server.features import create_server

    create_server().start_io()
