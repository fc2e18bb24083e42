"""Where output goes: findings to stdout, everything else to stderr, and no character that a stream cannot take."""

from __future__ import annotations

import io
import os
import sys
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from ftlint.report.color import ColorChoice
    from ftlint.report.terminal import Look

# What a file or a pipe is given, so that the same input gives the same bytes everywhere.
_WIDTH_WITHOUT_TERMINAL = 100
_MAX_WIDTH = 160


def prepare_streams() -> None:
    """Characters that the streams' encoding lacks are written as escapes instead of raising."""
    # A program started with a closed stdout or stderr has None there.
    sys.stdout = sys.stdout or _nowhere()
    sys.stderr = sys.stderr or _nowhere()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _nowhere() -> TextIO:
    return open(os.devnull, "w", encoding="utf-8")


def write(text: str) -> None:
    """`text` to stdout. A reader who has left, as `head` does, is no failure and changes no exit status."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        discard_stdout()


def discard_stdout() -> None:
    """From now on nothing reaches stdout."""
    _discard(sys.stdout)


def _discard(stream: TextIO) -> None:
    """Or Python would complain at exit, with a status of its own, about what it cannot flush."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def say(text: str) -> None:
    """One line for the person, on stderr. Where that takes nothing the exit status still says how it went."""
    try:
        print(text, file=sys.stderr, flush=True)
    except OSError:
        _discard(sys.stderr)


def report_failure(message: str) -> None:
    """One line on stderr that names what could not be used, and why."""
    from ftlint.report.visible import visible

    say(f"ftlint: {visible(message)}")


def look(choice: ColorChoice) -> Look:
    """How to lay out a report on stdout."""
    import shutil

    from ftlint.report.color import Palette, use_color
    from ftlint.report.terminal import Look

    is_terminal = sys.stdout.isatty()
    width = shutil.get_terminal_size((_WIDTH_WITHOUT_TERMINAL, 24)).columns if is_terminal else _WIDTH_WITHOUT_TERMINAL
    return Look(Palette(use_color(choice, os.environ, is_terminal)), min(width, _MAX_WIDTH))
