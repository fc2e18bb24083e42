"""A small project with one file of each kind that is awkward to show."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from ftlint.project.workspace import Workspace
from ftlint.report.places import Places
from ftlint.spans import Location, Span

DS_CONFIG = """{
  "zero_optimization": {
    "stage": 2,
    "offload_param": {"device": "cpu"}
  }
}
"""
TRAIN = "model: Qwen/Qwen2.5-32B\ndeepspeed: ds.json\n"
NOTEBOOK = json.dumps(
    {
        "cells": [
            {"cell_type": "markdown", "metadata": {}, "source": ["# Title"]},
            {
                "cell_type": "code",
                "metadata": {},
                "execution_count": None,
                "outputs": [],
                "source": ["import torch\n", "model.lm_head = torch.nn.Linear(8, 2)"],
            },
        ],
        "metadata": {},
        "nbformat": 4,
        "nbformat_minor": 5,
    },
    indent=1,
)

Locate = Callable[..., Location]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "ds.json").write_text(DS_CONFIG)
    (tmp_path / "train.yaml").write_text(TRAIN)
    (tmp_path / "head.ipynb").write_text(NOTEBOOK)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def places(project: Path) -> Places:
    return Places(Workspace())


@pytest.fixture
def locate(project: Path) -> Locate:
    def locate(name: str, text: str, cell: int | None = None) -> Location:
        """Where `text` stands in the file (or in that cell)."""
        whole = (project / name).read_bytes().decode()
        if cell is not None:
            whole = "".join(json.loads(whole)["cells"][cell - 1]["source"])
        start = whole.index(text)
        return Location(project / name, Span(start, start + len(text)), cell)

    return locate
