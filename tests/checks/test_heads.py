"""DTY101 on small scripts of ours: what must be found, what must not, what the fix writes, what Python says to it."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

from ftlint.checks.heads import replaced_head_dtype
from ftlint.findings import Match, Severity
from ftlint.run.versions import Admissible, VersionView
from ftlint.syntax import parse
from ftlint.syntax.document import Format, ScriptDocument
from ftlint.trace import trace_script
from tests.checks.head_cases import NEGATIVES, POSITIVES, Case


def find(text: str, *, transformers: str = "5.0.0", format: Format = Format.PYTHON) -> list[Match]:
    path = Path("train.py" if format is Format.PYTHON else "train.ipynb")
    document = parse(path, text.encode(), format)
    assert isinstance(document, ScriptDocument)
    versions = VersionView({"transformers": Admissible((transformers,), ())})
    return list(replaced_head_dtype(trace_script(document), versions))


def line_of(text: str, match: Match) -> int:
    return text.count("\n", 0, match.at.span.start) + 1


def repaired(text: str, match: Match) -> str:
    for edit in sorted(match.edits.get("dtype", ()), key=lambda edit: edit.location.span, reverse=True):
        span = edit.location.span
        text = text[: span.start] + edit.content + text[span.end :]
    return text


@pytest.mark.parametrize("case", POSITIVES, ids=str)
def test_found(case: Case) -> None:
    matches = find(case.script)
    assert [line_of(case.script, match) for match in matches] == [case.line]
    text = repaired(case.script, matches[0])
    ast.parse(text)
    if case.repaired is not None:
        assert case.line is not None
        assert text.splitlines()[case.line - 1].removesuffix("# <-").strip() == case.repaired
    if matches[0].edits:
        assert find(text) == []


@pytest.mark.parametrize("case", NEGATIVES, ids=str)
def test_silent(case: Case) -> None:
    assert [line_of(case.script, match) for match in find(case.script)] == []


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What Python says to each script, and to each repaired one: the last line of its error, or nothing."""
    folder = tmp_path_factory.mktemp("referee")
    scripts = {case.name: case.script for case in (*POSITIVES, *NEGATIVES) if case.runs}
    for case in POSITIVES:
        text = repaired(case.script, find(case.script)[0])
        if case.runs and text != case.script:
            scripts[f"{case.name} repaired"] = text
    (folder / "scripts.json").write_text(json.dumps(scripts))
    runner = [sys.executable, str(Path(__file__).with_name("head_referee.py")), "scripts.json", "verdicts.json"]
    subprocess.run(runner, cwd=folder, check=True, timeout=1200)
    found: dict[str, str] = json.loads((folder / "verdicts.json").read_text())
    return found


@pytest.mark.referee
@pytest.mark.parametrize("case", [case for case in POSITIVES if case.runs], ids=str)
def test_positive_fails(case: Case, verdicts: dict[str, str]) -> None:
    assert "dtype" in verdicts[case.name]
    assert verdicts.get(f"{case.name} repaired", "") == ""


@pytest.mark.referee
@pytest.mark.parametrize("case", [case for case in NEGATIVES if case.runs], ids=str)
def test_negative_runs(case: Case, verdicts: dict[str, str]) -> None:
    assert verdicts[case.name] == ""


def test_severity() -> None:
    by_name = {case.name: find(case.script)[0].severity for case in POSITIVES}
    assert by_name["own-model-config-dict"] is None  # the page's own: an error
    assert by_name["own-block-by-index"] is by_name["configuration-by-its-id"] is None
    assert by_name["projections-by-name"] is by_name["converted-weights-thrown-away"] is None
    assert by_name["cast-in-one-branch"] is Severity.WARNING
    assert by_name["never-run"] is Severity.WARNING
    assert by_name["trainer-without-autocast"] is Severity.WARNING  # a launcher may turn autocast on
