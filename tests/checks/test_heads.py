"""DTY101 on small scripts of ours: what must be found, what must not, what the fix writes; and the referee's opinion."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from tests.checks.head_cases import NEGATIVES, POSITIVES, Case

from ftlint.checks.heads import replaced_head_dtype
from ftlint.findings import Match, Severity
from ftlint.run.versions import Admissible, VersionView
from ftlint.syntax import parse
from ftlint.syntax.document import Format, ScriptDocument
from ftlint.trace import trace_script


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


@pytest.mark.referee
@pytest.mark.parametrize("case", [case for case in POSITIVES if case.runs], ids=str)
def test_positive_fails(case: Case, tmp_path: Path) -> None:
    result = run(case.script, tmp_path)
    assert result.returncode != 0
    assert "dtype" in result.stderr.splitlines()[-1]
    text = repaired(case.script, find(case.script)[0])
    if text != case.script:
        assert run(text, tmp_path).returncode == 0


@pytest.mark.referee
@pytest.mark.parametrize("case", [case for case in NEGATIVES if case.runs], ids=str)
def test_negative_runs(case: Case, tmp_path: Path) -> None:
    result = run(case.script, tmp_path)
    assert result.returncode == 0, result.stderr[-2000:]


def run(text: str, folder: Path) -> subprocess.CompletedProcess[str]:
    script = folder / "case.py"
    script.write_text(text)
    return subprocess.run(
        [sys.executable, script], cwd=folder, capture_output=True, text=True, timeout=300, check=False
    )


def test_severity() -> None:
    by_name = {case.name: find(case.script)[0].severity for case in POSITIVES}
    assert by_name["own-model-config-dict"] is None  # the page's own: an error
    assert by_name["cast-in-one-branch"] is Severity.WARNING
    assert by_name["never-run"] is Severity.WARNING
    assert by_name["trainer-without-autocast"] is Severity.WARNING  # a launcher may turn autocast on
