"""A small project with one file, and an engine that answers what a test wants."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import pytest

import ftlint.engine
from ftlint.cli.program import run
from ftlint.engine.result import CheckedFile, CheckResult, Selection, Unread
from ftlint.findings import Applicability, Edit, Finding, Fix, Severity
from ftlint.project.workspace import Workspace
from ftlint.spans import Location, Span

ROOT = Path(__file__).parents[2]
SETTINGS_TEXT = '{"train_batch_size": 8, "zero_optimization": {"stage": 2}}\n'


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run of the command line left behind."""

    status: int
    stdout: str
    stderr: str


Cli = Callable[..., Outcome]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "ds.json").write_text(SETTINGS_TEXT)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def cli(folder: Path, capfd: pytest.CaptureFixture[str]) -> Cli:
    """The command line in this process."""

    def cli(*arguments: str) -> Outcome:
        status = run(arguments)
        captured = capfd.readouterr()
        return Outcome(status, captured.out, captured.err)

    return cli


@pytest.fixture
def ftlint_process(folder: Path) -> Cli:
    """The program in a process of its own; `stdout` in place of a pipe, `environment` on top of ours."""

    def ftlint_process(
        *arguments: str, stdout: int = subprocess.PIPE, environment: Mapping[str, str] = MappingProxyType({})
    ) -> Outcome:
        completed = subprocess.run(
            [sys.executable, "-m", "ftlint", *arguments],
            stdout=stdout,
            stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
            encoding="utf-8",
            check=False,
            cwd=folder,
        )
        return Outcome(completed.returncode, completed.stdout or "", completed.stderr)

    return ftlint_process


@dataclass
class FakeEngine:
    """Answers every check with `result`, and remembers what it was asked. Mutable: tests say what comes next."""

    result: CheckResult
    asked: list[tuple[tuple[Path, ...], Selection]]

    def check(self, workspace: Workspace, paths: Sequence[Path], selection: Selection) -> CheckResult:
        self.asked.append((tuple(paths), selection))
        return self.result


@pytest.fixture
def engine(folder: Path, monkeypatch: pytest.MonkeyPatch) -> FakeEngine:
    path = folder / "ds.json"
    fake = FakeEngine(CheckResult(files=(CheckedFile(path, Workspace().document(path), "deepspeed", "has keys"),)), [])
    monkeypatch.setattr(ftlint.engine, "check", fake.check, raising=False)
    return fake


def stage_finding(folder: Path, severity: Severity = Severity.WARNING) -> Finding:
    """A finding on the stage of `ds.json`, with a safe fix."""
    start = SETTINGS_TEXT.index("2")
    where = Location(folder / "ds.json", Span(start, start + 1))
    fix = Fix("Use ZeRO stage 3", Applicability.SAFE, (Edit(where, "3"),))
    return Finding("DS999", "stage-is-two", severity, "stage 2", where, fixes=(fix,))


def unread() -> Unread:
    return Unread("gone.json: no such file or folder")
