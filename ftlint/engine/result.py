"""What one check answers, and which rules the command line asked for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ftlint.findings import Finding
from ftlint.run.run import Run
from ftlint.run.versions import VersionView
from ftlint.syntax.document import Document


@dataclass(frozen=True, slots=True)
class Selection:
    """Selectors (codes, prefixes, names) of the command line. `select` None: what the settings say."""

    select: tuple[str, ...] | None = None
    extend_select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Unread:
    """Something that could not be read or followed, in one line that names it: exit status 2, the rest is checked."""

    reason: str


@dataclass(frozen=True, slots=True)
class CheckedFile:
    """One file of the check and what it was taken for. `dialect` None: left alone; `explanation` says why."""

    path: Path
    document: Document | None
    dialect: str | None
    explanation: str


@dataclass(frozen=True, slots=True)
class RunVariant:
    """One run under one choice of releases; `label` says which, and is empty where there is only one."""

    run: Run
    versions: VersionView
    label: str


@dataclass(frozen=True, slots=True)
class CheckResult:
    """Everything one check found, ordered by place."""

    findings: tuple[Finding, ...] = ()
    unread: tuple[Unread, ...] = ()
    files: tuple[CheckedFile, ...] = ()
    runs: tuple[Run, ...] = ()
