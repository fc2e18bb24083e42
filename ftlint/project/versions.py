"""The releases that one file of a project may run with: asked package by package, and read no further than needed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ftlint.knowledge.releases import packages
from ftlint.project.project_sources import FolderSources
from ftlint.project.settings import Settings
from ftlint.project.specifiers import claim_of_specifier, normalised_name
from ftlint.project.version_claims import Judged, default, judge, known
from ftlint.project.version_sources.source import Demand, Problem, VersionSource
from ftlint.project.workspace import Workspace
from ftlint.run.run import Input
from ftlint.run.versions import Admissible
from ftlint.syntax.document import Document, Format, ScriptDocument

if TYPE_CHECKING:
    from ftlint.project.launchers import LaunchFiles


class VersionsInUse(Mapping[str, Admissible]):
    """The admissible releases by package, for one file.

    The settings win; then what the file installs for itself; then what its project and those around it say, of which
    the nearest that says anything counts. Where nothing is found: the last 24 months of releases in our data.
    """

    def __init__(self, settings: Settings, levels: Callable[[], tuple[tuple[VersionSource, ...], ...]]) -> None:
        self._settings = settings
        self._levels = levels
        self._found: tuple[tuple[VersionSource, ...], ...] | None = None
        self._known: dict[str, Admissible] = {}
        self._problems: dict[Problem, list[str]] = {}

    def __getitem__(self, package: str) -> Admissible:
        package = normalised_name(package)
        if package not in self._known:
            self._known[package] = self._find(package)
        return self._known[package]

    def __iter__(self) -> Iterator[str]:
        return iter(packages())

    def __len__(self) -> int:
        return len(packages())

    @property
    def inputs(self) -> tuple[Input, ...]:
        """The files that answers so far were read from."""
        sources = (source for level in self._found or () for source in level)
        return tuple(dict.fromkeys(item for source in sources for item in source.inputs))

    @property
    def asked(self) -> tuple[str, ...]:
        """The packages whose releases mattered so far."""
        return tuple(self._known)

    @property
    def problems(self) -> Mapping[Problem, tuple[str, ...]]:
        """What could not be read while it was asked, and the packages it may have said something about."""
        return {problem: tuple(names) for problem, names in self._problems.items()}

    def _find(self, package: str) -> Admissible:
        written = self._settings.versions.get(package)
        if written is not None and isinstance(written.value, str):
            claim = claim_of_specifier(written.value, known(package))
            if claim is not None:
                return Admissible(claim.releases, written.origins, claim.is_beyond)
        mentions: list[Demand] = []
        for level in self._sources():
            judged = judge((source.ask(package) for source in level), package)
            self._note(judged, package)
            if judged.admissible is not None:
                return judged.admissible
            mentions += judged.mentions
        return default(package, mentions)

    def _sources(self) -> tuple[tuple[VersionSource, ...], ...]:
        if self._found is None:
            self._found = self._levels()
        return self._found

    def _note(self, judged: Judged, package: str) -> None:
        for problem in judged.problems:
            self._problems.setdefault(problem, []).append(package)


class VersionsFinder:
    """Reads the sources of each folder once, however many of its files are checked. One per check."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self._folders = FolderSources(workspace)
        self._launching: dict[Path, VersionSource] = {}

    def find(
        self,
        settings: Settings,
        root: Path,
        path: Path | None = None,
        document: Document | None = None,
        *,
        top: Path | None = None,
        launch_files: Callable[[], LaunchFiles] | None = None,
    ) -> VersionsInUse:
        """The releases in use for the file `path` below `root`.

        `top`: the folder above which nothing is looked at. `launch_files`: those of the project, of which the ones that
        name the file say what they install before they launch it.
        """
        file = root / "ftlint" if path is None else path

        def levels() -> tuple[tuple[VersionSource, ...], ...]:
            own = tuple(self._own(document))
            around = self._folders.levels(file, root, top)
            launching = tuple(self._launching_sources(file, launch_files)) if path is not None else ()
            if launching:
                around = ((*launching, *(around[0] if around else ())), *around[1:])
            return (own, *around) if own else around

        return VersionsInUse(settings, levels)

    def _own(self, document: Document | None) -> Iterator[VersionSource]:
        """What a script or notebook says about its own environment."""
        if not isinstance(document, ScriptDocument) or document.format is Format.SHELL:
            return
        if any("# /// script" in source.text for source in document.sources):
            from ftlint.project.version_sources.kinds import KINDS
            from ftlint.project.version_sources.script_header import ScriptHeader

            lock = document.path.with_name(f"{document.path.name}.lock")  # as `uv lock --script` names it
            is_locked = self.workspace.is_file(lock)
            if is_locked:
                yield KINDS[0].source(lock, self.workspace)
            yield ScriptHeader(document, is_locked=is_locked)
        if document.format is Format.NOTEBOOK:
            from ftlint.project.version_sources.notebook_cells import NotebookCells

            yield NotebookCells(document, self.workspace)

    def _launching_sources(self, path: Path, launch_files: Callable[[], LaunchFiles] | None) -> Iterator[VersionSource]:
        """Shell files elsewhere in the project that name the file and install something."""
        if launch_files is None:
            return
        for text in launch_files().texts:
            shell = text.source.path
            is_meant = path.name in text.source.text and "install" in text.source.text
            if text.source.cell is None and is_meant and shell.parent != path.parent:
                if shell not in self._launching:
                    from ftlint.project.version_sources.kinds import KINDS

                    self._launching[shell] = KINDS[-1].source(shell, self.workspace)
                yield self._launching[shell]


def problems_of(found: Iterable[VersionsInUse]) -> dict[Problem, dict[str, Admissible]]:
    """What could not be read, with what is assumed instead of each package that was asked for."""
    together: dict[Problem, dict[str, Admissible]] = {}
    for versions in found:
        for problem, names in versions.problems.items():
            assumed = together.setdefault(problem, {})
            for name in names:
                assumed.setdefault(name, versions[name])
    return together
