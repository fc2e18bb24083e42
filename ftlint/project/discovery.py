"""Which files a command line means, and which project each of them belongs to."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from ftlint.errors import FtlintError, InputError, SettingsError
from ftlint.project.settings import SettingsFinder
from ftlint.project.workspace import Workspace, absolute, expect_regular, reason, shown
from ftlint.record import record
from ftlint.syntax import format_of
from ftlint.syntax.document import Format

# Folders in which nobody keeps training files of their own.
_PASSED_OVER = frozenset(
    ".git .hg .svn .bzr node_modules site-packages __pycache__ .venv .tox .nox .eggs .direnv .pixi "
    ".mypy_cache .ruff_cache .pytest_cache .hypothesis .ipynb_checkpoints .cache .gradle .dvc".split()
)
# A folder that holds one of these is an environment that a tool has made.
_ENVIRONMENT_SIGNS = frozenset(("pyvenv.cfg", "conda-meta"))
_DATA = (Format.JSON, Format.YAML)  # what datasets and tokenizers come in as well
_ROOT_SIGNS = frozenset(("ftlint.toml", "pyproject.toml", "setup.py", ".git"))


@record
class Target:
    """One file to check. `top`: the folder above which nothing is taken for its project; None: no such folder."""

    path: Path
    format: Format
    top: Path | None


@record
class Discovered:
    """The files to check, in order of their paths, and one error for each thing that could not be looked at.

    `too_large`: JSON and YAML files met in folders that are too large to be anything but data.
    """

    targets: tuple[Target, ...]
    problems: tuple[FtlintError, ...]
    too_large: tuple[Path, ...] = ()


def discover(arguments: Iterable[Path | str], workspace: Workspace, settings: SettingsFinder) -> Discovered:
    """The files that are meant by paths of files and folders. A file is checked once, however often it is named.

    A named file is always checked, or is an error. In folders special files, broken links and what is no kind of file
    we read are passed over; links to folders are not followed there, so a walk always ends.
    """
    walk = _Walk(workspace, settings)
    for argument in arguments:
        walk.add(absolute(argument))
    targets = sorted(walk.targets.values(), key=lambda target: os.fsencode(target.path))
    return Discovered(tuple(targets), tuple(walk.problems.values()), tuple(sorted(walk.too_large)))


class _Walk:
    """The files found so far."""

    def __init__(self, workspace: Workspace, settings: SettingsFinder) -> None:
        self.workspace = workspace
        self.settings = settings
        self.targets: dict[Path, Target] = {}
        self.problems: dict[str, FtlintError] = {}
        self.too_large: list[Path] = []

    def add(self, path: Path) -> None:
        """A file or folder that the user has named."""
        if self.workspace.is_folder(path):
            self._folder(path)
            return
        try:
            if not self.workspace.is_open(path):
                expect_regular(path)
            format = self._format(path)
            if format is None:
                expected = ".json, .yaml, .yml, .py, .ipynb or .sh, or a line under [files] in the settings"
                raise InputError(f"{shown(path)}: unknown kind of file: expected {expected}")
        except FtlintError as error:
            self._problem(error)
            return
        self._target(Target(path, format, self._top_of(path)))

    def _top_of(self, path: Path) -> Path | None:
        """The folder that the command was given in, or the editor has opened, where what is named lies below it.

        `ftlint check configs/` in a repository is a check of the repository's configs, under its requirements.
        """
        return next((folder for folder in self.workspace.folders if path.is_relative_to(folder)), None)

    def _folder(self, named: Path) -> None:
        top = self._top_of(named) or named
        waiting = [named]
        while waiting:
            folder = waiting.pop()
            try:
                with os.scandir(folder) as listing:
                    entries = list(listing)
            except OSError as error:
                self._problem(InputError(f"{shown(folder)}: {reason(folder, error)}"))
                continue
            if folder != named and any(entry.name in _ENVIRONMENT_SIGNS for entry in entries):
                continue
            for entry in entries:
                path = folder / entry.name
                if _is_folder_to_enter(entry):
                    waiting.append(path)
                elif _is_file(entry) and (format := self._format_in_walk(path)) is not None:
                    is_large = format in (*_DATA, Format.SHELL) and _size_bytes(entry) > self.workspace.size_limit_bytes
                    if is_large and format is Format.SHELL:
                        continue  # an installer with an archive inside
                    if is_large:
                        self.too_large.append(path)
                    else:
                        self._target(Target(path, format, top))

    def _target(self, target: Target) -> None:
        """Keeps the widest of two targets for one file: `check . sub` finds the same project as `check .`."""
        known = self.targets.get(target.path)
        if known is None or known.top is None or (target.top is not None and known.top.is_relative_to(target.top)):
            self.targets[target.path] = target

    def _format_in_walk(self, path: Path) -> Format | None:
        try:
            return self._format(path)
        except SettingsError as error:
            self._problem(error)
        except InputError:
            return None  # a file of unknown suffix under [files] that cannot be read: whoever names it hears of it
        return format_of(path)

    def _format(self, path: Path) -> Format | None:
        """By suffix; where only the settings know the file, JSON if it begins like JSON, else YAML."""
        format = format_of(path)
        if format is not None or self.settings.find(path).dialect_of(path) is None:
            return format
        return Format.JSON if self.workspace.read(path).lstrip()[:1] in (b"{", b"[") else Format.YAML

    def _problem(self, error: FtlintError) -> None:
        self.problems.setdefault(str(error), error)


def _is_folder_to_enter(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir(follow_symlinks=False) and entry.name not in _PASSED_OVER
    except OSError:
        return False


def _is_file(entry: os.DirEntry[str]) -> bool:
    """Whether it is a regular file or a link to one; not for FIFOs, devices, broken links and loops of links."""
    try:
        return entry.is_file()
    except OSError:
        return False


def _size_bytes(entry: os.DirEntry[str]) -> int:
    """The size of a file; 0 where it cannot be asked for, so that whoever reads it says why."""
    try:
        return entry.stat().st_size
    except OSError:
        return 0


class ProjectRoots:
    """Finds the roots of many files' projects, and lists each folder once. One per check: it never looks again."""

    def __init__(self) -> None:
        self._is_root: dict[Path, bool] = {}

    def root_of(self, path: Path, top: Path | None = None) -> Path:
        """The nearest folder upward that looks like a project's, not above `top`; else the file's own folder."""
        for folder in _upward(path.parent, top):
            if self._looks_like_root(folder):
                return folder
        return path.parent

    def _looks_like_root(self, folder: Path) -> bool:
        if folder not in self._is_root:
            try:
                names = os.listdir(folder)
            except OSError:
                names = []
            self._is_root[folder] = any(name in _ROOT_SIGNS or is_requirements_name(name) for name in names)
        return self._is_root[folder]


def is_requirements_name(name: str) -> bool:
    """Whether a file of that name is taken for pip's."""
    return name.startswith("requirements") and name.endswith(".txt")


def project_root(path: Path, top: Path | None = None) -> Path:
    """The root of one file's project. For many files `ProjectRoots` lists each folder once."""
    return ProjectRoots().root_of(path, top)


def _upward(folder: Path, top: Path | None) -> Iterator[Path]:
    """The folder and those above it, up to `top` where it lies below that."""
    if top is not None and not folder.is_relative_to(top):
        top = None
    while True:
        yield folder
        if folder in (top, folder.parent):
            return
        folder = folder.parent
