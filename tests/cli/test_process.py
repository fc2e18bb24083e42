"""The program as others start it: real projects, real streams, real exit statuses."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

import ftlint
from tests.cli.conftest import Cli, Outcome

BROKEN = '{"zero_optimization": {"stage": 2} "train_batch_size": 8}\n'


def test_version(ftlint_process: Cli) -> None:
    outcome = ftlint_process("--version")
    assert (outcome.status, outcome.stdout, outcome.stderr) == (0, f"ftlint {ftlint.__version__}\n", "")


def imported_modules(outcome: Outcome) -> set[str]:
    """What a process started with PYTHONPROFILEIMPORTTIME has imported."""
    assert outcome.status == 0
    return {line.split("|")[-1].strip() for line in outcome.stderr.splitlines()}


def test_version_does_not_wait_for_click(ftlint_process: Cli) -> None:
    imported = imported_modules(ftlint_process("--version", environment={"PYTHONPROFILEIMPORTTIME": "1"}))
    assert not {"click", "rich", "dataclasses", "yaml"} & imported


def test_a_quiet_check_imports_nothing_heavy(ftlint_process: Cli) -> None:
    ftlint_process("check")  # fills the cache of rule pages
    imported = imported_modules(ftlint_process("check", "ds.json", environment={"PYTHONPROFILEIMPORTTIME": "1"}))
    assert "click" in imported
    assert not {"rich", "pygls", "lsprotocol", "jsonschema", "yaml"} & imported


def test_zero_one_two(ftlint_process: Cli, folder: Path) -> None:
    assert ftlint_process("check").status == 0
    (folder / "broken.json").write_text(BROKEN)
    found = ftlint_process("check", "--output-format", "json")
    assert found.status == 1
    assert [(finding["code"], finding["filename"]) for finding in json.loads(found.stdout)] == [
        ("CFG001", "broken.json")
    ]
    missing = ftlint_process("check", "gone.json", "broken.json", "gone.yaml", "--output-format", "json")
    assert missing.status == 2
    assert [finding["filename"] for finding in json.loads(missing.stdout)] == ["broken.json"]
    complaints = missing.stderr.splitlines()[:2]
    assert [line.split(":")[:2] for line in complaints] == [["ftlint", " gone.json"], ["ftlint", " gone.yaml"]]
    assert "Traceback" not in missing.stderr


def test_wrong_settings_are_one_line(ftlint_process: Cli, folder: Path) -> None:
    (folder / "ftlint.toml").write_text("selct = []\n")
    outcome = ftlint_process("check", "--quiet")
    assert outcome.status == 2
    (line,) = outcome.stderr.splitlines()
    assert "ftlint.toml" in line
    assert "selct" in line


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX pipes")
def test_a_reader_who_leaves_is_no_failure(ftlint_process: Cli, folder: Path) -> None:
    (folder / "broken.json").write_text(BROKEN)
    read_end, write_end = os.pipe()
    os.close(read_end)
    outcome = ftlint_process("check", "--quiet", stdout=write_end)
    os.close(write_end)
    assert (outcome.status, outcome.stderr) == (1, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_two(ftlint_process: Cli, folder: Path) -> None:
    (folder / "broken.json").write_text(BROKEN)
    with Path("/dev/full").open("w") as full:
        outcome = ftlint_process("check", stdout=full.fileno())
    assert (outcome.status, outcome.stderr) == (2, "ftlint: [Errno 28] No space left on device\n")


def test_a_stream_that_takes_ascii_only(ftlint_process: Cli, folder: Path) -> None:
    (folder / "名.json").write_text(BROKEN)
    outcome = ftlint_process("check", environment={"PYTHONIOENCODING": "ascii"})
    assert outcome.status == 1
    assert outcome.stdout.startswith("\\u540d.json:1:")
