"""What one check answers, and which rules the command line asked for."""

from __future__ import annotations

from pathlib import Path

from ftlint.findings import Finding
from ftlint.record import record
from ftlint.run.run import Run
from ftlint.run.versions import VersionView
from ftlint.syntax.document import Document


@record
class Selection:
    """Selectors (codes, prefixes, names) of the command line. `select` None: what the settings say."""

    select: tuple[str, ...] | None = None
    extend_select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()


@record
class Unread:
    """Something that could not be read or followed, in one line that names it: exit status 2, the rest is checked."""

    reason: str


@record
class CheckedFile:
    """One file of the check and what it was taken for. `dialect` None: left alone; `explanation` says why."""

    path: Path
    document: Document | None
    dialect: str | None
    explanation: str


@record
class RunVariant:
    """One run under one choice of releases; `label` says which, and is empty where there is only one."""

    run: Run
    versions: VersionView
    label: str


@record
class CheckResult:
    """Everything one check found, ordered by place."""

    findings: tuple[Finding, ...] = ()
    unread: tuple[Unread, ...] = ()
    files: tuple[CheckedFile, ...] = ()
    runs: tuple[Run, ...] = ()
