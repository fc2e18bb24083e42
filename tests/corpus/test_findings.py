"""Every finding on real files is judged in verdicts.json; a new one fails here until somebody has read it."""

from __future__ import annotations

import json
from pathlib import Path

from ftlint.engine import check
from ftlint.project.workspace import Workspace
from tests.corpus.corpus import corpus_folder

VERDICTS: dict[str, dict[str, dict[str, str]]] = json.loads(
    Path(__file__).with_name("verdicts.json").read_text("utf-8")
)


def test_every_finding_is_judged_and_none_is_a_false_error() -> None:
    folder = corpus_folder()
    result = check(Workspace(folder), [folder])
    assert not result.unread
    found = {
        (finding.location.path.relative_to(folder).as_posix(), finding.code, finding.severity.value)
        for finding in result.findings
    }
    judged = {
        (filename, code, severity)
        for filename, codes in VERDICTS.items()
        for code, verdict in codes.items()
        for severity in verdict["severity"].split(", ")
    }
    print(f"{len(result.files)} files, {len(result.findings)} findings")
    assert found == judged
    assert not [row for row in found if row[2] == "error" and "true" not in VERDICTS[row[0]][row[1]]["verdict"]]
