"""`ftlint show`: the releases in use with their places, in text and as JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ftlint.cli.program import run

TRAIN = """\
model_name_or_path: Qwen/Qwen2.5-0.5B
stage: sft
do_train: true
finetuning_type: full
deepspeed: ds.json
template: qwen
bf16: true
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "train.yaml").write_text(TRAIN)
    (tmp_path / "ds.json").write_text('{"zero_optimization": {"stage": 3}}')
    (tmp_path / "uv.lock").write_text('version = 1\n\n[[package]]\nname = "transformers"\nversion = "4.46.1"\n')
    (tmp_path / "requirements.txt").write_text("transformers>=4.40\ntrl>=0.12,<0.13\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_versions_with_their_places(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["show", "--color", "never"]) == 0
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    section = lines[lines.index("versions in use:") :]
    assert "transformers = 4.46.1" in section
    assert "detected from uv.lock:5:1 (transformers 4.46.1)" in section
    assert "trl = 0.12.0 to 0.12.2 (3 releases)" in section
    assert "detected from requirements.txt:2:1 (trl>=0.12,<0.13)" in section


def test_the_same_as_json(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["show", "--output-format", "json"]) == 0
    (shown,) = json.loads(capsys.readouterr().out)
    assert shown["facts"]["model.id"]["value"] == "Qwen/Qwen2.5-0.5B"
    transformers = shown["versions"]["transformers"]
    assert transformers["releases"] == ["4.46.1"]
    assert transformers["beyond_knowledge"] is False
    (origin,) = transformers["origins"]
    assert origin["how"] == "detected"
    assert (origin["place"]["filename"], origin["place"]["location"]["row"]) == ("uv.lock", 5)
    assert {item["filename"] for item in shown["inputs"]} >= {"train.yaml", "ds.json"}
