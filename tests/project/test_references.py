"""Paths written in files lead where the frameworks would find them, and are called missing only when that is sure."""

from __future__ import annotations

from pathlib import Path

import pytest

from ftlint.project.references import Outcome, Resolved, resolve_reference
from ftlint.project.workspace import Workspace


def resolve(root: Path, text: str, *, trusted: bool = True) -> Resolved:
    return resolve_reference(text, root / "configs" / "train.yaml", root, Workspace(root, trusted=trusted))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    project = tmp_path / "project"
    (project / "configs").mkdir(parents=True)
    return project


def test_the_root_stands_before_the_referring_files_folder(root: Path) -> None:
    (root / "configs" / "ds.json").write_text("{}")
    beside = resolve(root, "ds.json")
    assert beside.outcome is Outcome.FOUND
    assert beside.path == root / "configs" / "ds.json"
    assert beside.looked_at == (root / "ds.json", root / "configs" / "ds.json")
    (root / "ds.json").write_text("{}")
    assert resolve(root, "./ds.json").path == root / "ds.json"


def test_from_the_root(root: Path) -> None:
    (root / "configs" / "ds.json").write_text("{}")
    assert resolve(root, "configs/ds.json").path == root / "configs" / "ds.json"


def test_folders_are_found_too(root: Path) -> None:
    (root / "models" / "tiny").mkdir(parents=True)
    assert resolve(root, "models/tiny").path == root / "models" / "tiny"


def test_missing(root: Path) -> None:
    resolved = resolve(root, "configs/nope.json")
    assert resolved.outcome is Outcome.MISSING
    assert resolved.path is None
    assert resolved.looked_at == (root / "configs/nope.json", root / "configs/configs/nope.json")


@pytest.mark.parametrize(
    "text",
    [
        "https://host.example/ds.json", "s3://bucket/ds.json", "hf://org/model", "file:ds.json",
        "~/ds.json", "$HOME/ds.json", "${oc.env:DS}", "{{ config }}", "{name}.json", "%DS%/x.json",
        "<your path>/ds.json", "", " ", "a\nb", "a\0b", "Qwen/Qwen2.5-32B", "gpt2", "meta-llama/Llama-3.1-8B",
        "/elsewhere/on/the/cluster/ds.json",
    ],
)  # fmt: skip
def test_what_cannot_be_judged_from_here(text: str, root: Path) -> None:
    resolved = resolve(root, text)
    assert resolved.outcome is Outcome.ELSEWHERE
    assert resolved.reason
    assert resolved.path is None


def test_a_folder_that_is_there_is_no_name_on_the_hub(root: Path) -> None:
    (root / "Qwen" / "Qwen2.5-32B").mkdir(parents=True)
    assert resolve(root, "Qwen/Qwen2.5-32B").outcome is Outcome.FOUND


def test_absolute_paths(root: Path, tmp_path: Path) -> None:
    (tmp_path / "shared.json").write_text("{}")
    (root / "inside.json").write_text("{}")
    assert resolve(root, str(tmp_path / "shared.json")).outcome is Outcome.FOUND
    assert resolve(root, str(tmp_path / "shared.json"), trusted=False).outcome is Outcome.ELSEWHERE
    assert resolve(root, str(root / "inside.json"), trusted=False).outcome is Outcome.FOUND


def test_out_of_the_project_needs_trust(root: Path, tmp_path: Path) -> None:
    (tmp_path / "shared.json").write_text("{}")
    assert resolve(root, "../shared.json").path == tmp_path / "shared.json"
    refused = resolve(root, "../shared.json", trusted=False)
    assert refused.outcome is Outcome.ELSEWHERE
    assert tmp_path / "shared.json" not in refused.looked_at


def test_special_files_are_not_found(root: Path) -> None:
    (root / "loop.json").symlink_to("loop.json")
    assert resolve(root, "loop.json").outcome is Outcome.MISSING


def test_very_long_names(root: Path) -> None:
    assert resolve(root, "x/" * 3000 + "a.json").outcome is Outcome.MISSING


def test_names_with_blanks_and_other_letters_are_paths(root: Path) -> None:
    (root / "mein plan é.json").write_text("{}")
    assert resolve(root, "mein plan é.json").outcome is Outcome.FOUND
