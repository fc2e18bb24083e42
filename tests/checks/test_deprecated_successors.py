"""A deprecated key is only to be replaced where its successor takes the same value in every release in use."""

from __future__ import annotations

from pathlib import Path

import pytest

from ftlint.engine import check
from ftlint.project.workspace import Workspace


@pytest.mark.parametrize(
    ("releases", "value", "expected"),
    [
        (">=4.55,<5.10", "0.1", []),  # warmup_steps is a number of steps before transformers 5
        (">=5.0,<5.10", "0.1", [("CFG105", 1)]),
        (">=4.55,<5.10", "share()", [("CFG105", 1)]),
    ],
)
def test_warmup_ratio(releases: str, value: str, expected: list[tuple[str, int]], tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text(f"transformers{releases}\n", "utf-8")
    text = f'from transformers import TrainingArguments\n\nTrainingArguments("out", warmup_ratio={value})\n'
    (tmp_path / "train.py").write_text(text, "utf-8")
    found = check(Workspace(tmp_path), [tmp_path]).findings
    assert [(each.code, len(each.fixes)) for each in found if each.code == "CFG105"] == expected
