"""What other files of a project may have to do with one of its scripts: found by text, as reasons to stay silent."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from pathlib import Path

from ftlint.errors import FtlintError
from ftlint.project.discovery import Target, discover
from ftlint.project.settings import SettingsFinder
from ftlint.project.workspace import Workspace
from ftlint.syntax.document import Format

# In a project of more files nobody waits for the answer.
MAX_FILES = 2_000
MAX_FILE_BYTES = 5_000_000


_SCRIPTS = (Format.PYTHON, Format.NOTEBOOK)
_BY_TEXT = r"import_module|__import__|spec_from_file_location|fromfile|exec\s*\("
"""Ways to import a file whose name need not stand there."""


def may_be_read(path: Path, name: str, root: Path, workspace: Workspace) -> bool:
    """Whether a script or notebook below `root` imports (or runs) the script and mentions the name.

    Yes where there are too many files to look, or one of them cannot be read.
    """
    word = re.compile(rf"(?<!\w){re.escape(name)}(?!\w)|import\s*\*".encode())
    return _any_matches(
        (word, _imports_of(path)), root, workspace, lambda other: _is_script(other) and other.path != path
    )


def may_be_imported(path: Path, root: Path, workspace: Workspace) -> bool:
    """Whether a script or notebook below `root` imports (or runs) the script."""
    return _any_matches((_imports_of(path),), root, workspace, lambda other: _is_script(other) and other.path != path)


def helpers_may_say(
    path: Path, imported: frozenset[str], words: Iterable[str], root: Path, workspace: Workspace
) -> bool:
    """Whether a script below `root`, itself or its folder among the words `imported`, mentions one of the words."""
    said = re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, words))})(?!\w)".encode())

    def is_helper(other: Target) -> bool:
        return (
            _is_script(other)
            and other.path != path
            and not imported.isdisjoint((other.path.stem, other.path.parent.name))
        )

    return bool(imported) and _any_matches((said,), root, workspace, is_helper)


def configurations_may_say(words: Iterable[str], root: Path, workspace: Workspace) -> bool:
    """Whether a YAML, JSON or shell file below `root` mentions one of the words, as a whole or as a part of one."""
    said = re.compile("|".join(map(re.escape, words)).encode())
    return _any_matches((said,), root, workspace, lambda other: not _is_script(other))


def _is_script(target: Target) -> bool:
    return target.format in _SCRIPTS


def _imports_of(path: Path) -> re.Pattern[bytes]:
    stem = re.escape(path.stem)
    return re.compile(rf"\b(?:import|from|%run|runpy|run_path)\b[^\r\n]*(?<!\w){stem}(?!\w)|{_BY_TEXT}".encode())


def _any_matches(
    patterns: tuple[re.Pattern[bytes], ...], root: Path, workspace: Workspace, is_asked: Callable[[Target], bool]
) -> bool:
    found = discover((root,), workspace, SettingsFinder(workspace)).targets
    if len(found) > MAX_FILES:
        return True
    return any(_matches(target.path, patterns, workspace) for target in found if is_asked(target))


def _matches(path: Path, patterns: tuple[re.Pattern[bytes], ...], workspace: Workspace) -> bool:
    try:
        if not workspace.is_open(path) and os.path.getsize(path) > MAX_FILE_BYTES:
            return True
        text = workspace.read(path)
    except (FtlintError, OSError):
        return True
    return all(pattern.search(text) for pattern in patterns)
