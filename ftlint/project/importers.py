"""Other scripts of a project that may read a name of one of its scripts: found by text, as a reason to stay silent."""

from __future__ import annotations

import os
import re
from pathlib import Path

from ftlint.errors import FtlintError
from ftlint.project.discovery import discover
from ftlint.project.settings import SettingsFinder
from ftlint.project.workspace import Workspace
from ftlint.syntax.document import Format

# In a project of more files nobody waits for the answer.
MAX_FILES = 2_000
MAX_FILE_BYTES = 5_000_000


def may_be_read(path: Path, name: str, root: Path, workspace: Workspace) -> bool:
    """Whether a script or notebook below `root` imports (or runs) the script and mentions the name.

    Yes where there are too many files to look, or one of them cannot be read.
    """
    found = discover((root,), workspace, SettingsFinder(workspace)).targets
    if len(found) > MAX_FILES:
        return True
    scripts = [target.path for target in found if target.format in (Format.PYTHON, Format.NOTEBOOK)]
    stem = re.escape(path.stem)
    imports = re.compile(rf"\b(?:import|from|%run|runpy|run_path)\b[^\r\n]*(?<!\w){stem}(?!\w)".encode())
    word = re.compile(rf"(?<!\w){re.escape(name)}(?!\w)|import\s*\*".encode())
    return any(_matches(other, (word, imports), workspace) for other in scripts if other != path)


def _matches(path: Path, patterns: tuple[re.Pattern[bytes], ...], workspace: Workspace) -> bool:
    try:
        if not workspace.is_open(path) and os.path.getsize(path) > MAX_FILE_BYTES:
            return True
        text = workspace.read(path)
    except (FtlintError, OSError):
        return True
    return all(pattern.search(text) for pattern in patterns)
