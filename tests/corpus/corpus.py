"""Where the corpus of real configuration files is, if this machine has it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


def corpus_folder() -> Path:
    """The folder FTLINT_CORPUS names; the calling test is skipped where there is none."""
    named = os.environ.get("FTLINT_CORPUS")
    if not named or not (Path(named) / "index.json").is_file():
        pytest.skip("FTLINT_CORPUS names no corpus folder")
    return Path(named)
