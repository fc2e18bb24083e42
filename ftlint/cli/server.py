"""`ftlint server`: the language server on stdin and stdout."""

from __future__ import annotations

import os
import sys

import click


@click.command("server")
@click.option("--stdio", is_flag=True, hidden=True, help="What editors pass by habit; there is no other way.")
def command(stdio: bool) -> int:
    """Serve an editor over stdin and stdout (Language Server Protocol)."""
    from ftlint.server import serve

    serve()
    if sys.stdout.closed:  # by pygls, once the client is gone; what is left to flush goes nowhere
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115  # it lives as long as the process
    return 0
