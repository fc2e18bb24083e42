"""What the installed frameworks say of the files, where somebody wants them asked; who asks is handed in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

from ftlint.dialects.registry import BY_NAME
from ftlint.engine.projects import Subjects
from ftlint.engine.selecting import Choice
from ftlint.findings import Finding, Match, Severity
from ftlint.project.view import ProjectView
from ftlint.rulebook.wording import to_finding
from ftlint.run.key import KeySet
from ftlint.run.versions import VersionView
from ftlint.syntax.document import DataDocument

FRAMEWORK_REJECTS = "CFG130"

Ask: TypeAlias = "Callable[[DataDocument, tuple[str, ...], KeySet], Iterator[Match]]"
"""A document, who reads it (`llamafactory`; `deepspeed by transformers`), and its keys."""


def asked_findings(subjects: Subjects, choice: Choice, ask: Ask, known: tuple[Finding, ...]) -> Iterator[Finding]:
    """The complaints of whoever reads each settings file of the project, but for what is known as an error already."""
    if FRAMEWORK_REJECTS not in choice.enabled:
        return
    rule = choice.rulebook.by_code[FRAMEWORK_REJECTS]
    for file in subjects.files:
        document = file.document
        if not isinstance(document, DataDocument) or file.dialect is None:
            continue
        project = ProjectView(subjects.place, VersionView(subjects.versions_for(file.path)))
        keys = project.keys_of(document, BY_NAME[file.dialect])
        for match in ask(document, _readers(file.dialect, document, project), keys):
            if not any(_says_it(finding, match) for finding in known):
                yield to_finding(rule, match)


def _says_it(finding: Finding, match: Match) -> bool:
    here, there = finding.location, match.at
    touches = here.span.start < there.span.end and there.span.start < here.span.end
    return finding.severity is Severity.ERROR and here.path == there.path and touches


def _readers(dialect: str, document: DataDocument, project: ProjectView) -> tuple[str, ...]:
    if dialect != "deepspeed":
        return (dialect,)
    readers = sorted(project.deepspeed_readers(document.path))
    return tuple("deepspeed" if reader == "deepspeed" else f"deepspeed by {reader}" for reader in readers)
