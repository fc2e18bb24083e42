"""A folder of files that say which releases are in use, for tests of those files."""

from __future__ import annotations

from pathlib import Path

from ftlint.project.settings import find_settings
from ftlint.project.version_sources.source import Problem
from ftlint.project.versions import VersionsFinder, VersionsInUse
from ftlint.project.workspace import Workspace
from ftlint.run.versions import Admissible


def write(folder: Path, **texts: str | bytes) -> None:
    """Files by name; `__` stands for a dot, `_in_` for the slash of a subfolder."""
    for name, text in texts.items():
        put(folder, name.replace("_in_", "/").replace("__", "."), text)


def put(folder: Path, name: str, text: str | bytes) -> Path:
    """One file."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def versions(folder: Path, file: str = "train.py", *, root: str = ".", top: str | None = ".") -> VersionsInUse:
    """The releases in use for a file of the folder, which need not be there."""
    workspace = Workspace(folder)
    path = folder / file
    document = workspace.document(path) if path.is_file() else None
    above = None if top is None else (folder / top).resolve()
    settings = find_settings(path, workspace)
    return VersionsFinder(workspace).find(settings, (folder / root).resolve(), path, document, top=above)


def places(admissible: Admissible) -> list[tuple[str, str]]:
    """The file's name and the text at the span of each place that an answer was read from."""
    found = []
    for origin in admissible.origins:
        if origin.location is not None:
            path, span = origin.location.path, origin.location.span
            text = Workspace().text_by_mark(path) if path.is_file() else ""
            found.append((path.name, text[span.start : span.end]))
    return found


def causes(found: VersionsInUse, package: str) -> list[tuple[str, str]]:
    """Where and why something could not be read when that package was asked for."""
    assert found[package] is not None
    return [(problem.location.path.name, problem.cause) for problem in found.problems]


def problems(found: VersionsInUse, package: str) -> list[Problem]:
    """The same as problems."""
    assert found[package] is not None
    return list(found.problems)
