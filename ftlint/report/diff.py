"""A patch for reading: coloured, and without characters that could drive the terminal."""

from __future__ import annotations

from ftlint.report.color import Palette
from ftlint.report.visible import visible


def render_diff(patch: str, palette: Palette, *, for_terminal: bool) -> str:
    """The patch as it is where a program may read it; for a terminal with its control characters written out."""
    if not for_terminal and not palette.enabled:
        return patch
    return "".join(f"{_styled(_visible(line), palette)}\n" for line in patch.removesuffix("\n").split("\n"))


def _visible(line: str) -> str:
    # The carriage return of a Windows line end is no part of what changed, unless it alone changed.
    return "\t".join(map(visible, line.removesuffix("\r").split("\t")))


def _styled(line: str, palette: Palette) -> str:
    if line.startswith(("+++", "---")):
        return palette.strong(line)
    styles = {"+": palette.good, "-": palette.bad, "@": palette.frame}
    return styles[line[0]](line) if line[:1] in styles else line
