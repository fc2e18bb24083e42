"""Faults planted in real files are named at their line. What is a fault, the frameworks said (`confirming.py`)."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from ftlint.engine import check
from ftlint.findings import Finding
from ftlint.project.workspace import Workspace
from tests.corpus.corpus import corpus_folder
from tests.corpus.planting import KINDS, Planted

FAULTS: list[dict[str, Any]] = json.loads(Path(__file__).with_name("planted.json").read_text("utf-8"))["faults"]
COUNT = 200
NAMED = 0.95
LEAST_PER_KIND = 10


def planted(row: dict[str, Any]) -> Planted:
    """The change that a row of planted.json says."""
    return Planted(row["kind"], row["key"], row["row"], row["takes"], row["line"])


def is_named(fault: Planted, path: Path, findings: list[Finding], before: Counter[tuple[str, str]]) -> bool:
    """Whether a finding that was not there before stands at the fault's line, or, for what is missing, in the file."""
    text = path.read_text("utf-8")
    new = Counter((finding.code, finding.message) for finding in findings) - before
    for finding in findings:
        rows = {text.count("\n", 0, finding.location.span.start)}
        rows |= {
            text.count("\n", 0, each.location.span.start) for each in finding.related if each.location.path == path
        }
        if (finding.code, finding.message) in new and (fault.named_row is None or fault.named_row in rows):
            return True
    return False


def not_named(faults: list[dict[str, Any]], corpus: Path, folder: Path) -> list[dict[str, Any]]:
    """The rows whose fault no finding names; `folder` is where the files are written, each a project of its own."""
    for number, row in enumerate(faults):
        content = (corpus / row["file"]).read_bytes()
        assert hashlib.sha256(content).hexdigest().startswith(row["sha256"]), f"{row['file']} is not the one judged"
        text = content.decode("utf-8")
        for name, written in (("before", text), ("after", planted(row).applied(text))):
            path = folder / name / str(number) / Path(row["file"]).name
            path.parent.mkdir(parents=True)
            path.write_text(written, "utf-8")
            (path.parent / "ftlint.toml").write_text("", "utf-8")
    found: dict[str, dict[str, list[Finding]]] = {"before": {}, "after": {}}
    for name, by_number in found.items():
        top = (folder / name).resolve()
        for finding in check(Workspace(top), [top]).findings:
            by_number.setdefault(finding.location.path.relative_to(top).parts[0], []).append(finding)
    silent = []
    for number, row in enumerate(faults):
        path = folder.resolve() / "after" / str(number) / Path(row["file"]).name
        before = Counter((finding.code, finding.message) for finding in found["before"].get(str(number), ()))
        if not is_named(planted(row), path, found["after"].get(str(number), []), before):
            silent.append(row)
    return silent


def test_every_kind_is_planted_often_enough_each_in_a_file_of_its_own() -> None:
    kinds = Counter(row["kind"] for row in FAULTS)
    assert set(kinds) == set(KINDS)
    assert min(kinds.values()) >= LEAST_PER_KIND
    assert len({row["file"] for row in FAULTS}) == len(FAULTS) == COUNT
    assert all(row["said"] for row in FAULTS)


@pytest.fixture(scope="module")
def silent(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """The planted faults that nothing names, printed."""
    found = not_named(FAULTS, corpus_folder(), tmp_path_factory.mktemp("planted"))
    print(f"{len(FAULTS) - len(found)} of {len(FAULTS)} named")
    for row in sorted(found, key=lambda row: (row["kind"], row["file"])):
        print("not named:", row["kind"], row["file"], row["key"], (row["line"] or "").strip(), row["said"])
    return found


def test_planted_faults_are_named_at_their_line(silent: list[dict[str, Any]]) -> None:
    assert len(FAULTS) - len(silent) >= len(FAULTS) * NAMED
