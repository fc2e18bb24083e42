"""`ftlint check` as a door: arguments in, exit status and streams out; what is found is the engine's business."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from ftlint.engine.result import Selection
from ftlint.errors import SettingsError
from ftlint.findings import Severity
from tests.cli.conftest import Cli, FakeEngine, stage_finding, unread


def test_nothing_found(cli: Cli, engine: FakeEngine) -> None:
    outcome = cli("check")
    assert (outcome.status, outcome.stdout) == (0, "")
    assert outcome.stderr == "no findings in 1 file\n"
    assert engine.asked == [((Path(),), Selection())]


@pytest.mark.parametrize(
    ("severity", "fail_on", "status"),
    [
        ("error", "error", 1),
        ("warning", "error", 0),
        ("warning", "warning", 1),
        ("info", "warning", 0),
        ("info", "info", 1),
        ("error", "never", 0),
    ],
)
def test_fail_on(cli: Cli, engine: FakeEngine, folder: Path, severity: str, fail_on: str, status: int) -> None:
    engine.result = replace(engine.result, findings=(stage_finding(folder, Severity(severity)),))
    outcome = cli("check", "--fail-on", fail_on)
    assert outcome.status == status
    assert f"ds.json:1:33 DS999 {severity} [*] stage 2\n" in outcome.stdout
    assert outcome.stderr == f"1 finding (1 {severity}) in 1 file; 1 fixable with --fix\n"


def test_errors_fail_by_default(cli: Cli, engine: FakeEngine, folder: Path) -> None:
    engine.result = replace(engine.result, findings=(stage_finding(folder, Severity.ERROR),))
    assert cli("check").status == 1


def test_an_unread_input_is_two_and_hides_nothing(cli: Cli, engine: FakeEngine, folder: Path) -> None:
    engine.result = replace(
        engine.result, findings=(stage_finding(folder, Severity.ERROR),), unread=(unread(), unread())
    )
    outcome = cli("check", "--output-format", "json", "--quiet")
    assert outcome.status == 2
    assert [finding["code"] for finding in json.loads(outcome.stdout)] == ["DS999"]
    assert outcome.stderr == "ftlint: gone.json: no such file or folder\n" * 2


def test_json_is_a_list_also_when_empty(cli: Cli, engine: FakeEngine) -> None:
    assert json.loads(cli("check", "--output-format", "json").stdout) == []


def test_selections(cli: Cli, engine: FakeEngine) -> None:
    cli("check", "a", "b", "--select", "MEM, DTY101", "--select", "DS", "--extend-select", "X1", "--ignore", "a-name,")
    assert engine.asked == [((Path("a"), Path("b")), Selection(("MEM", "DTY101", "DS"), ("X1",), ("a-name",)))]


def test_github_by_itself_inside_actions(
    cli: Cli, engine: FakeEngine, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine.result = replace(engine.result, findings=(stage_finding(folder),))
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    assert cli("check").stdout.startswith("::warning file=ds.json,line=1,col=33,")
    assert cli("check", "--output-format", "terminal").stdout.startswith("ds.json:1:33 ")
    monkeypatch.setenv("GITHUB_WORKSPACE", str(folder.parent))
    assert f"file={folder.name}/ds.json," in cli("check").stdout


def test_verbose_says_what_each_file_was_taken_for(cli: Cli, engine: FakeEngine) -> None:
    left = replace(engine.result.files[0], dialect=None, explanation="no key of any dialect\nsecond \x1b line")
    engine.result = replace(engine.result, files=(*engine.result.files, left))
    assert cli("check", "-v").stderr.splitlines() == [
        "ds.json: deepspeed: has keys",
        "ds.json: left alone: no key of any dialect",
        "    second \\x1b line",
        "no findings in 2 files",
    ]


def test_nothing_known(cli: Cli, engine: FakeEngine) -> None:
    engine.result = replace(engine.result, files=())
    assert cli("check").stderr == "no findings in 0 files; nothing here that ftlint knows (-v says why)\n"


def test_a_wrong_setting_is_one_line_and_two(cli: Cli, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    def check(*arguments: object, ask: object = None) -> None:
        raise SettingsError("ftlint.toml:1:1: unknown key 'selct'\x1b")

    monkeypatch.setattr("ftlint.engine.check", check)
    outcome = cli("check")
    assert (outcome.status, outcome.stdout) == (2, "")
    assert outcome.stderr == "ftlint: ftlint.toml:1:1: unknown key 'selct'\\x1b\n"


def test_a_bug_of_ours_is_not_taken_for_findings(cli: Cli, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    def check(*arguments: object, ask: object = None) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("ftlint.engine.check", check)
    outcome = cli("check")
    assert outcome.status == 2
    assert "this is a bug in ftlint" in outcome.stderr


def test_interrupted(cli: Cli, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    def check(*arguments: object, ask: object = None) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("ftlint.engine.check", check)
    assert cli("check").status == 130


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["check", "--fail-on", "fatal"], "'fatal' is not one of"),
        (["check", "--no-such"], "No such option"),
        (["chek"], "there is no command 'chek'; did you mean 'check'?"),
        (["check", "--diff", "--output-format", "json"], "--diff"),
        (["rule"], "name one rule"),
        (["rule", "--all", "DTY101"], "name one rule"),
    ],
)
def test_wrong_usage_is_one_line_and_two(cli: Cli, arguments: list[str], said: str) -> None:
    outcome = cli(*arguments)
    assert (outcome.status, outcome.stdout) == (2, "")
    assert said in outcome.stderr
    assert outcome.stderr.count("\n") == 1


def test_help_imports_no_command(cli: Cli) -> None:
    outcome = cli("--help")
    assert outcome.status == 0
    assert "estimate" in outcome.stdout
