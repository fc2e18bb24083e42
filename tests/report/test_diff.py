from __future__ import annotations

from ftlint.report.color import Palette
from ftlint.report.diff import render_diff

PATCH = "--- a\n+++ a\n@@ -1 +1 @@\n-\told\x1b[2J\r\n+new\r\n"


def test_a_program_gets_the_patch_as_it_is() -> None:
    assert render_diff(PATCH, Palette(False), for_terminal=False) == PATCH


def test_a_terminal_gets_nothing_that_drives_it() -> None:
    assert render_diff(PATCH, Palette(False), for_terminal=True) == (
        "--- a\n+++ a\n@@ -1 +1 @@\n-\told\\x1b[2J\n+new\n"
    )


def test_colors() -> None:
    assert render_diff("-a\n+b\n c\n", Palette(True), for_terminal=True) == "\x1b[31m-a\x1b[0m\n\x1b[32m+b\x1b[0m\n c\n"
