from __future__ import annotations

import re
from pathlib import Path

from ftlint.report.color import Palette
from ftlint.report.page import render_index, render_page
from ftlint.report.terminal import Look
from ftlint.rulebook.loading import load_pages

PAGE = """---
code: XY101
name: house-rule
severity: warning
dialect: deepspeed
versions: {deepspeed: ">=0.9"}
when: zero_optimization.stage == 2
at: zero_optimization.stage
message: "stage 2"
sources: ["our cluster"]
---
# Stage two is not for us
Why. \x1b]0;owned\x07
## Bad
```json ds.json
{"zero_optimization": {"stage": 2}}  <- XY101
```
## Good
```json ds.json
{"zero_optimization": {"stage": 3}}
```
"""


def test_a_page(tmp_path: Path) -> None:
    (tmp_path / "XY101-house-rule.md").write_text(PAGE.replace("\x1b]0;owned\x07", "So."))
    (rule,) = load_pages(tmp_path)
    plain = render_page(rule, Look(Palette(False), 80))
    assert plain.startswith(
        "# XY101 house-rule: Stage two is not for us\n\n"
        "Severity: warning. Reads: deepspeed. Holds for deepspeed >=0.9.\n\nWhy. So.\n## Bad\n"
    )
    assert plain.endswith("## Sources\n- our cluster\n\n")
    colored = render_page(rule, Look(Palette(True), 80))
    assert "\x1b[" in colored
    assert "Stage two is not for us" in re.sub("\x1b\\[[0-9;]*m", "", colored)
    index = render_index([rule], Look(Palette(False), 80))
    assert index == "XY101  warning  house-rule  Stage two is not for us\n"


def test_a_house_rule_cannot_drive_the_terminal(tmp_path: Path) -> None:
    (tmp_path / "XY101-house-rule.md").write_text(PAGE)
    (rule,) = load_pages(tmp_path)
    for enabled in (False, True):
        shown = render_page(rule, Look(Palette(enabled), 80))
        assert "\x1b]" not in shown
        assert "\x07" not in shown
