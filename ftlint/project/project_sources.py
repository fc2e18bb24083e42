"""Where the files around one file say which releases are in use: project by project, the nearest first."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from ftlint.project.version_sources.kinds import FOLDERS, Kind, kind_of
from ftlint.project.version_sources.source import NOTHING_SAID, Answer, FileSource, VersionSource
from ftlint.project.workspace import Workspace
from ftlint.record import record
from ftlint.run.run import Input

_MOST_FILES = 100  # of one folder
_MOST_FOLDERS = 100  # above each other
_REPOSITORY = ".git"
_ENVIRONMENTS = (".venv", "venv", "env", ".env")
_WORKSPACE_LOCK = "uv.lock"


@record
class Folder:
    """The sources directly in one folder, or in those that people keep them in."""

    path: Path
    sources: tuple[VersionSource, ...]
    is_project: bool
    is_repository: bool


class FolderSources:
    """The sources of every folder that is asked for, listed and opened once. One per check."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._folders: dict[Path, Folder] = {}

    def of(self, folder: Path) -> Folder:
        """The sources in that folder."""
        if folder not in self._folders:
            names = _names(folder)
            found = list(islice(self._files(folder, names), _MOST_FILES))
            sources: list[VersionSource] = [kind.source(path, self._workspace) for kind, path in found]
            installed = list(self._installed(folder, set(names)))
            is_project = bool(installed) or any(kind.is_manifest for kind, _ in found)
            self._folders[folder] = Folder(folder, (*installed, *sources), is_project, _REPOSITORY in names)
        return self._folders[folder]

    def levels(self, path: Path, root: Path, top: Path | None) -> tuple[tuple[VersionSource, ...], ...]:
        """The sources for one file, project by project: its own folder's up to its root, then the projects around it.

        A folder below the root that has a manifest of its own is nearer. Around the root only the same repository
        counts, and nothing above `top`.
        """
        levels: list[tuple[VersionSource, ...]] = []
        level: list[VersionSource] = []
        for number, folder in enumerate(self._upward(path.parent, root, top)):
            if number >= _MOST_FOLDERS:
                break
            here = self.of(folder)
            level += here.sources
            if here.is_project:
                level += self._workspace_lock(folder, top)
            if (here.is_project or folder == root) and level:
                levels.append(tuple(level))
                level = []
        return (*levels, tuple(level)) if level else tuple(levels)

    def _upward(self, folder: Path, root: Path, top: Path | None) -> Iterator[Path]:
        if not folder.is_relative_to(root):
            folder = root
        while folder != root:
            yield folder
            folder = folder.parent
        yield root
        around = []
        while folder != top and folder.parent != folder and not self.of(folder).is_repository:
            folder = folder.parent
            if top is not None and not folder.is_relative_to(top):
                return
            around.append(folder)
        if around and self.of(folder).is_repository:
            yield from around

    def _workspace_lock(self, folder: Path, top: Path | None) -> Iterator[VersionSource]:
        """The lock of a uv workspace further up that this project is a member of."""
        if self._workspace.is_file(folder / _WORKSPACE_LOCK) or not self._workspace.is_file(folder / "pyproject.toml"):
            return
        above = folder
        for _ in range(_MOST_FOLDERS):
            if above in (top, above.parent) or self.of(above).is_repository:
                return
            above = above.parent
            for source in self.of(above).sources:
                if isinstance(source, FileSource) and source.path.name == _WORKSPACE_LOCK:
                    yield _MemberLock(source, folder.relative_to(above).as_posix())
                    return

    def _installed(self, folder: Path, names: set[str]) -> Iterator[VersionSource]:
        """The virtual environments directly in the folder."""
        here = [name for name in _ENVIRONMENTS if name in names]
        if here:
            from ftlint.project.version_sources.installed import SIGN, InstalledPackages  # most folders hold none

            environments = (folder / name for name in here if os.path.isfile(folder / name / SIGN))
            yield from (InstalledPackages(path, self._workspace) for path in environments)

    def _files(self, folder: Path, names: list[str]) -> Iterator[tuple[Kind, Path]]:
        for name in names:
            kind = kind_of(name)
            if kind is not None and self._workspace.is_file(folder / name):
                yield kind, folder / name
        for inner, kind in FOLDERS:
            for name in _names(folder / inner) if inner in names else ():
                if re.fullmatch(kind.pattern, name) and self._workspace.is_file(folder / inner / name):
                    yield kind, folder / inner / name


class _MemberLock:
    """A workspace's lock as one of its members sees it; silent where it does not name that member."""

    def __init__(self, lock: FileSource, member: str) -> None:
        self._lock = lock
        self._member = member

    @property
    def inputs(self) -> tuple[Input, ...]:
        """The lock."""
        return self._lock.inputs

    def ask(self, package: str) -> Answer:
        """What the lock says."""
        names = (f'{kind} = "{self._member}"' for kind in ("editable", "virtual", "directory"))
        text = self._lock.text
        return self._lock.ask(package) if any(name in text for name in names) else NOTHING_SAID


def _names(folder: Path) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []
