from __future__ import annotations

from ftlint.findings import Applicability, Edit, Finding, Fix, Related, Severity
from ftlint.report.color import ColorChoice, Palette, use_color
from ftlint.report.places import Places
from ftlint.report.summary import summary
from ftlint.report.terminal import Look, render_terminal
from tests.report.conftest import Locate

PLAIN = Look(Palette(False), 100)


def offload_finding(locate: Locate, message: str = "offload_param has no effect at ZeRO stage 2") -> Finding:
    setting = locate("ds.json", '"offload_param": {"device": "cpu"}')
    return Finding(
        "DS201",
        "offload-param-below-stage-3",
        Severity.WARNING,
        message,
        setting,
        related=(
            Related(locate("ds.json", '"stage": 2'), "stage is 2"),
            Related(locate("train.yaml", "ds.json"), "read by this run"),
        ),
        fixes=(
            Fix("Use ZeRO stage 3", Applicability.UNSAFE, (Edit(locate("ds.json", "2"), "3"),)),
            Fix("Remove offload_param", Applicability.SAFE, (Edit(setting, ""),)),
            Fix("Ask for more nodes", Applicability.DISPLAY),
        ),
        url="https://example.org/DS201",
    )


def test_a_finding_with_all_its_parts(places: Places, locate: Locate) -> None:
    assert render_terminal([offload_finding(locate)], places, PLAIN) == (
        "ds.json:4:5 DS201 warning [*] offload_param has no effect at ZeRO stage 2\n"
        "  |\n"
        '3 |     "stage": 2,\n'
        '4 |     "offload_param": {"device": "cpu"}\n'
        "  |     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^\n"
        "5 |   }\n"
        " :: ds.json:3:5 stage is 2\n"
        "  |\n"
        '2 |   "zero_optimization": {\n'
        '3 |     "stage": 2,\n'
        "  |     ^^^^^^^^^^\n"
        '4 |     "offload_param": {"device": "cpu"}\n'
        " :: train.yaml:2:12 read by this run\n"
        "  |\n"
        "1 | model: Qwen/Qwen2.5-32B\n"
        "2 | deepspeed: ds.json\n"
        "  |            ^^^^^^^\n"
        "  = help: fix available: Use ZeRO stage 3 (unsafe: may change what the run does)\n"
        "  = help: fix available: Remove offload_param (safe)\n"
        "  = help: consider: Ask for more nodes\n"
        "  = rule: offload-param-below-stage-3, https://example.org/DS201\n"
        "\n"
    )


def test_a_notebook_cell(places: Places, locate: Locate) -> None:
    finding = Finding(
        "DTY101", "replaced-head-dtype", Severity.ERROR, "float32", locate("head.ipynb", "torch.nn.Linear(8, 2)", 2)
    )
    assert render_terminal([finding], places, PLAIN).splitlines()[:5] == [
        "head.ipynb:cell 2:2:17 DTY101 error float32",
        "  |",
        "1 | import torch",
        "2 | model.lm_head = torch.nn.Linear(8, 2)",
        "  |                 ^^^^^^^^^^^^^^^^^^^^^",
    ]


def test_messages_cannot_drive_the_terminal(places: Places, locate: Locate) -> None:
    shown = render_terminal([offload_finding(locate, "key '\x1b]0;owned\x07' \u202e")], places, PLAIN)
    assert "key '\\x1b]0;owned\\x07' \\u202e" in shown
    assert shown.replace("\n", "").isprintable()


def test_color_changes_nothing_but_color(places: Places, locate: Locate) -> None:
    import re

    plain = render_terminal([offload_finding(locate)], places, PLAIN)
    colored = render_terminal([offload_finding(locate)], places, Look(Palette(True), 100))
    assert colored != plain
    assert re.sub("\x1b\\[[0-9;]*m", "", colored) == plain


def test_who_decides_on_color() -> None:
    auto = ColorChoice.AUTO
    assert use_color(auto, {}, is_terminal=True)
    assert not use_color(auto, {}, is_terminal=False)
    assert not use_color(auto, {"NO_COLOR": "1", "FORCE_COLOR": "1"}, is_terminal=True)
    assert use_color(auto, {"NO_COLOR": "", "FORCE_COLOR": "1"}, is_terminal=False)
    assert not use_color(auto, {"TERM": "dumb"}, is_terminal=True)
    assert use_color(ColorChoice.ALWAYS, {"NO_COLOR": "1"}, is_terminal=False)
    assert not use_color(ColorChoice.NEVER, {"FORCE_COLOR": "1"}, is_terminal=True)


def test_summary(locate: Locate) -> None:
    safe = offload_finding(locate)
    unsafe = Finding("X001", "x", Severity.ERROR, "x", safe.location, fixes=safe.fixes[:1])
    shown = Finding("X002", "y", Severity.INFO, "y", safe.location, fixes=safe.fixes[2:])
    assert summary([], 0) == "no findings in 0 files"
    assert summary([shown], 1) == "1 finding (1 info) in 1 file"
    assert summary([unsafe], 2) == "1 finding (1 error) in 2 files; 1 fixable with --fix --unsafe-fixes"
    assert summary([safe, safe, unsafe, shown], 12) == (
        "4 findings (1 error, 2 warnings, 1 info) in 12 files; 2 fixable with --fix, 1 more with --fix --unsafe-fixes"
    )
    assert summary([], 3, num_fixed=2) == "fixed 2 findings; no findings in 3 files"
