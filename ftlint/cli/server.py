"""`ftlint server`: the language server on stdin and stdout."""

from __future__ import annotations

import click


@click.command("server")
@click.option("--stdio", is_flag=True, hidden=True, help="What editors pass by habit; there is no other way.")
def command(stdio: bool) -> int:
    """Serve an editor over stdin and stdout (Language Server Protocol)."""
    from ftlint.server import serve

    serve()
    return 0
