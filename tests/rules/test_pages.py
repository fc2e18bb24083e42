"""Every page keeps its word: its Bad examples show what they mark, its Good ones show nothing, its fixes repair.

A new page is tested by existing. All rules run, so that a page is not noisy under its neighbours.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from ftlint.engine import CheckResult, check
from ftlint.findings import Applicability, Finding, Severity
from ftlint.fixing import plan, write
from ftlint.project.workspace import Workspace
from ftlint.rulebook.book import load_rulebook
from ftlint.rulebook.examples import Example, ExampleKind, Mark
from ftlint.syntax.document import Document
from ftlint.syntax.positions import LineIndex

PAGES = {rule.code: rule for rule in load_rulebook()}
EXAMPLES = [example for rule in PAGES.values() for example in rule.examples]
BAD = [example for example in EXAMPLES if example.kind is ExampleKind.BAD]


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_example_shows_what_it_marks(example: Example, tmp_path: Path) -> None:
    folder = example.write_to(tmp_path / "project")
    result = checked(folder)
    assert not result.unread
    assert marks_of(result, folder, Severity.WARNING) | _marked_infos(example, result, folder) == example.marks


@pytest.mark.parametrize("example", BAD, ids=str)
def test_fixes_repair(example: Example, tmp_path: Path) -> None:
    folder = example.write_to(tmp_path / "project")
    before = checked(folder)
    after = _fixed(before, folder)
    if example.repaired is not None:
        assert example.texts_in(folder) == example.repaired
    elif any(finding.code == example.code and _is_fixable(finding) for finding in before.findings):
        assert not marks_of(after, folder, Severity.WARNING, example.code)
    faults = marks_of(after, folder, Severity.INFO, "CFG001")
    assert faults <= marks_of(before, folder, Severity.INFO, "CFG001")
    texts = example.texts_in(folder)
    _fixed(after, folder)
    assert example.texts_in(folder) == texts


def _fixed(result: CheckResult, folder: Path) -> CheckResult:
    """What is found after `--fix --unsafe-fixes`, which goes on until nothing changes."""
    for _ in range(10):
        planned = plan(result.findings, Applicability.UNSAFE, documents(result))
        if not planned.changes:
            return result
        assert not write(planned)
        result = checked(folder)
    raise AssertionError("the fixes do not come to rest")


def test_every_page_has_both_kinds_of_examples() -> None:
    for rule in PAGES.values():
        # An error of our own cannot be written down, and what a framework says needs the framework (tests/asking).
        if rule.code in ("CFG003", "CFG130"):
            continue
        kinds = {example.kind for example in rule.examples}
        assert {ExampleKind.BAD, ExampleKind.GOOD} <= kinds, rule.code


def checked(folder: Path) -> CheckResult:
    """The findings of all rules on a folder of its own."""
    return check(Workspace(folder), (folder,))


def documents(result: CheckResult) -> dict[Path, Document]:
    """The documents of a result."""
    return {file.path: file.document for file in result.files if file.document is not None}


def marks_of(result: CheckResult, folder: Path, at_least: Severity, code: str = "") -> set[Mark]:
    """The findings as marks, of one code where one is named."""
    return {
        _mark(finding, folder)
        for finding in result.findings
        if finding.severity.at_least(at_least) and code in ("", finding.code)
    }


def _marked_infos(example: Example, result: CheckResult, folder: Path) -> set[Mark]:
    """Findings of severity info: a Bad need not mark them, but may."""
    return {mark for finding in result.findings if (mark := _mark(finding, folder)) in example.marks}


def _mark(finding: Finding, folder: Path) -> Mark:
    workspace = Workspace(folder)
    document = workspace.document(finding.location.path)
    if document is None:  # a requirements file, say, which is no document
        text = workspace.text(finding.location.path)
    else:
        (text,) = [source.text for source in document.sources if source.cell == finding.location.cell]
    row = LineIndex(text).position(finding.location.span.start).row
    filename = finding.location.path.relative_to(folder).as_posix()
    return Mark(finding.code, filename, finding.location.cell, row)


def _is_fixable(finding: Finding) -> bool:
    return any(fix.edits and fix.applicability is not Applicability.DISPLAY for fix in finding.fixes)
