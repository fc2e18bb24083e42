"""Variants of each rule, written by somebody who had read only the rule's page, hold against the rule.

`DTY101.md` and `MEM101.md` have the form of a page's examples. In a Bad heading the severity stands in brackets.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ftlint.engine import check
from ftlint.findings import Severity
from ftlint.project.workspace import Workspace
from ftlint.rulebook.body import parse_examples
from ftlint.rulebook.examples import Example, ExampleKind
from ftlint.syntax.positions import LineIndex

HERE = Path(__file__).parent
PAGES = sorted((*HERE.glob("[A-Z]*[0-9].md"), *HERE.glob("second/[A-Z]*[0-9].md")))
VARIANTS = [
    example for page in PAGES for example in parse_examples(page.stem, page.read_text("utf-8"), page, 1)
]  # fmt: skip
NOT_SEEN_YET = "not-seen-yet"
"""In the heading of a Bad that the rule is silent about: a miss, which is bad, but no false accusation."""
_SEVERITY = re.compile(r"(error|warning)$")


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_variant(variant: Example, tmp_path: Path) -> None:
    folder = variant.write_to(tmp_path / "project")
    workspace = Workspace(folder)
    result = check(workspace, [folder])
    found = {}
    for finding in result.findings:
        if finding.code != variant.code or finding.severity is Severity.INFO:
            continue
        document = workspace.document(finding.location.path)
        assert document is not None
        (source,) = [source for source in document.sources if source.cell == finding.location.cell]
        row = LineIndex(source.text).position(finding.location.span.start).row
        filename = finding.location.path.relative_to(folder).as_posix()
        found[filename, finding.location.cell, row] = finding.severity.value
    if NOT_SEEN_YET in variant.name:
        assert not found, "it is seen now: take the words out of its heading"
        return
    expected = {(mark.filename, mark.cell, mark.row) for mark in variant.marks}
    assert set(found) == expected
    severity = _SEVERITY.search(variant.name)
    if variant.kind is ExampleKind.BAD and severity is not None:
        assert set(found.values()) == {severity[1]}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: f"{page.parent.name}-{page.stem}")
def test_there_are_enough_of_both_kinds(page: Path) -> None:
    kinds = [variant.kind for variant in parse_examples(page.stem, page.read_text("utf-8"), page, 1)]
    assert kinds.count(ExampleKind.BAD) >= 14
    assert kinds.count(ExampleKind.GOOD) >= 14
