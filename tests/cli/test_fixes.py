"""`--fix` and `--diff` against real files, with an engine that looks at them each time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from ftlint.engine.result import CheckedFile, CheckResult, Selection
from ftlint.findings import Applicability, Finding
from ftlint.project.workspace import Workspace
from tests.cli.conftest import SETTINGS_TEXT, Cli, stage_finding

FIXED_TEXT = SETTINGS_TEXT.replace("2", "3")


def with_applicability(finding: Finding, applicability: Applicability) -> Finding:
    return replace(finding, fixes=tuple(replace(fix, applicability=applicability) for fix in finding.fixes))


@pytest.fixture(params=[Applicability.SAFE])
def applicability(request: pytest.FixtureRequest) -> Applicability:
    assert isinstance(request.param, Applicability)
    return request.param


@pytest.fixture(autouse=True)
def looking_engine(folder: Path, monkeypatch: pytest.MonkeyPatch, applicability: Applicability) -> None:
    """Finds the stage as long as it is 2."""

    def check(workspace: Workspace, paths: Sequence[Path], selection: Selection, *, ask: object = None) -> CheckResult:
        path = folder / "ds.json"
        found = "2" in path.read_text()
        finding = with_applicability(stage_finding(folder), applicability)
        files = (CheckedFile(path, workspace.document(path), "deepspeed", ""),)
        return CheckResult((finding,) if found else (), (), files)

    monkeypatch.setattr("ftlint.engine.check", check)


def test_fix_then_nothing_to_do(cli: Cli, folder: Path) -> None:
    outcome = cli("check", "--fix", "--fail-on", "info")
    assert (outcome.status, outcome.stdout) == (0, "")
    assert outcome.stderr == "fixed 1 finding; no findings in 1 file\n"
    assert (folder / "ds.json").read_text() == FIXED_TEXT
    before = (folder / "ds.json").stat()
    assert cli("check", "--fix").stderr == "no findings in 1 file\n"
    assert (folder / "ds.json").stat() == before


def test_without_fix_nothing_is_written(cli: Cli, folder: Path) -> None:
    for arguments in ([], ["--unsafe-fixes"], ["--diff"], ["--fix", "--diff"]):
        cli("check", *arguments)
        assert (folder / "ds.json").read_text() == SETTINGS_TEXT


@pytest.mark.parametrize("applicability", [Applicability.UNSAFE], indirect=True)
def test_unsafe_fixes_wait_to_be_asked_for(cli: Cli, folder: Path) -> None:
    assert cli("check", "--fix").stderr.endswith("; 1 fixable with --fix --unsafe-fixes\n")
    assert (folder / "ds.json").read_text() == SETTINGS_TEXT
    assert cli("check", "--diff").status == 0
    assert cli("check", "--diff", "--unsafe-fixes").status == 1
    cli("check", "--fix", "--unsafe-fixes")
    assert (folder / "ds.json").read_text() == FIXED_TEXT


@pytest.mark.parametrize("applicability", [Applicability.DISPLAY], indirect=True)
def test_display_fixes_are_never_applied(cli: Cli, folder: Path) -> None:
    assert cli("check", "--fix", "--unsafe-fixes").stderr == "1 finding (1 warning) in 1 file\n"
    assert (folder / "ds.json").read_text() == SETTINGS_TEXT


def test_diff(cli: Cli) -> None:
    outcome = cli("check", "--diff")
    assert (outcome.status, outcome.stderr) == (1, "")
    assert outcome.stdout == f"--- ds.json\n+++ ds.json\n@@ -1 +1 @@\n-{SETTINGS_TEXT}+{FIXED_TEXT}"
    colored = cli("check", "--diff", "--color", "always").stdout
    assert "\x1b[31m-" in colored


def test_a_file_that_cannot_be_written(cli: Cli, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("os.replace", refuse)
    outcome = cli("check", "--fix")
    assert outcome.status == 2
    assert "DS999" in outcome.stdout
    assert outcome.stderr.splitlines()[0].startswith("ftlint: ")
    assert "ds.json: cannot be written: Permission denied" in outcome.stderr
    assert "fixed" not in outcome.stderr
    assert (folder / "ds.json").read_text() == SETTINGS_TEXT


def test_fixes_that_undo_each_other_come_to_an_end(cli: Cli, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def check(workspace: Workspace, paths: Sequence[Path], selection: Selection, *, ask: object = None) -> CheckResult:
        path = folder / "ds.json"
        finding = stage_finding(folder)
        (fix,) = finding.fixes
        content = "3" if "2" in path.read_text() else "2"
        there_and_back = replace(fix, edits=(replace(fix.edits[0], content=content),))
        files = (CheckedFile(path, workspace.document(path), "deepspeed", ""),)
        return CheckResult((replace(finding, fixes=(there_and_back,)),), (), files)

    monkeypatch.setattr("ftlint.engine.check", check)
    outcome = cli("check", "--fix")
    assert outcome.status == 2
    assert "DS999 still change files after 10 rounds" in outcome.stderr
