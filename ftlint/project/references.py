"""Which file a path written in another file means, found as the frameworks find it."""

from __future__ import annotations

import os
import re
from enum import Enum
from pathlib import Path

from ftlint.project.workspace import Workspace, absolute, is_inside
from ftlint.record import record


class Outcome(Enum):
    """What became of a reference. Only MISSING says that something is wrong with it."""

    FOUND = "found"
    MISSING = "missing"  # a relative path, and nothing is there
    ELSEWHERE = "elsewhere"  # only the machine or the hub it is meant for can tell


@record
class Resolved:
    """Where a reference leads. `looked_at` are all places asked, the found one last; `reason` explains ELSEWHERE."""

    text: str
    outcome: Outcome
    path: Path | None = None
    looked_at: tuple[Path, ...] = ()
    reason: str = ""


# What is filled in by a shell, a template engine, OmegaConf, a format string, or a person.
_PLACEHOLDER = re.compile(r"\$\{|\$\(|\$\w|\{\{|\{%|%\w+%|\{\w*\}|<[\w -]+>")
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:(//|(?!\\|/))")
_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?")
_FILE_SUFFIX = re.compile(
    r"\.(json|jsonl|ya?ml|py|ipynb|toml|txt|sh|conf|cfg|safetensors|bin|pt|jinja2?|parquet|csv)$", re.I
)


def resolve_reference(text: str, referrer: Path, root: Path, workspace: Workspace) -> Resolved:
    """The file or folder that `text`, written in the file `referrer`, means in a project with that root.

    Frameworks resolve against the working directory, in practice the root; then against the referring file's folder.
    Raises nothing: what cannot be judged from here is ELSEWHERE.
    """
    reason = _not_a_path(text)
    if reason:
        return Resolved(text, Outcome.ELSEWHERE, reason=reason)
    if os.path.isabs(text):
        candidates = [absolute(text)]
    else:
        candidates = list(dict.fromkeys((absolute(root / text), absolute(referrer.parent / text))))
    looked_at: list[Path] = []
    is_refused = False
    for candidate in candidates:
        if not (workspace.may_read(candidate) or is_inside(candidate, root)):
            is_refused = True
            continue
        looked_at.append(candidate)
        if workspace.exists(candidate):
            return Resolved(text, Outcome.FOUND, candidate, tuple(looked_at))
    asked = tuple(looked_at)
    if is_refused:
        return Resolved(text, Outcome.ELSEWHERE, None, asked, "it leads out of a workspace that is not trusted")
    if os.path.isabs(text):
        return Resolved(text, Outcome.ELSEWHERE, None, asked, "an absolute path of another machine")
    if _HUB_ID.fullmatch(text) and not _FILE_SUFFIX.search(text):
        return Resolved(text, Outcome.ELSEWHERE, None, asked, "a name that may be on the Hub")
    return Resolved(text, Outcome.MISSING, None, asked)


def _not_a_path(text: str) -> str:
    """Why the text names nothing on this disk; empty where it may."""
    if not text.strip() or not text.isprintable():
        return "not a path"
    if text.startswith("~"):
        return "it depends on somebody's home folder"
    if _PLACEHOLDER.search(text):
        return "it is filled in later"
    if _URL.match(text):
        return "an address"
    return ""
