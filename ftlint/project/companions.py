"""Files that were not asked for but refer to one that was: through them a run reaches the file being checked."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from ftlint.errors import FtlintError
from ftlint.project.discovery import Target, discover
from ftlint.project.settings import SettingsFinder
from ftlint.project.workspace import Workspace

# A project with more files than this is checked as a folder; nobody waits for a search behind one file.
MAX_FILES = 2_000
MAX_FILE_BYTES = 1_000_000


def companions(
    root: Path, checked: Sequence[Path], wanted: Iterable[Path], workspace: Workspace, settings: SettingsFinder
) -> tuple[Target, ...]:
    """The files below `root` whose text names one of the `wanted` files, and that are not checked anyway.

    Only a reference joins files; this is a search for candidates, and reading them tells.
    """
    names = tuple({path.name.encode() for path in wanted if path.name.isascii()})
    if not names:
        return ()
    found = discover((root,), workspace, settings).targets
    if len(found) > MAX_FILES:
        return ()
    known = set(checked)
    return tuple(target for target in found if target.path not in known and _mentions(target.path, names, workspace))


def _mentions(path: Path, names: tuple[bytes, ...], workspace: Workspace) -> bool:
    try:
        if not workspace.is_open(path) and os.path.getsize(path) > MAX_FILE_BYTES:
            return False
        text = workspace.read(path)
    except (FtlintError, OSError):
        return False
    return any(name in text for name in names)
