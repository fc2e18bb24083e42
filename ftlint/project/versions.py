"""The releases that one file of a project may run with: asked package by package, and read no further than needed."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ftlint.errors import InputError
from ftlint.knowledge.releases import admissible_default, packages, releases
from ftlint.project.discovery import is_requirements_name
from ftlint.project.requirements import (
    MOST_BYTES,
    Demand,
    RequirementText,
    demands_in_pyproject,
    demands_in_requirements,
    read_with_includes,
)
from ftlint.project.settings import Settings
from ftlint.project.specifiers import Claim, claim_of_address, claim_of_specifier, in_order, normalised_name
from ftlint.project.workspace import Workspace, absolute
from ftlint.record import record
from ftlint.run.run import Input
from ftlint.run.versions import Admissible
from ftlint.spans import How, Origin
from ftlint.syntax.document import ScriptDocument

if TYPE_CHECKING:
    from ftlint.project.pip_commands import PipCommand


class VersionsInUse(Mapping[str, Admissible]):
    """The admissible releases by package, for one file.

    The settings win; then the notebook's own `pip install` cells; then everything that the project's root asks for.
    Sources that disagree are all admissible. Where nothing is found: the last 24 months of releases in our data.
    """

    def __init__(
        self, settings: Settings, project: ProjectRequirements, notebook: ScriptDocument | None = None
    ) -> None:
        self._settings = settings
        self._project = project
        self._commands = _commands_in(notebook) if notebook is not None else ()
        self._included: tuple[tuple[RequirementText, ...], ...] | None = None
        self._inputs: tuple[Input, ...] = ()
        self._known: dict[str, Admissible] = {}

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
        return (*self._inputs, *self._project.inputs)

    def _find(self, package: str) -> Admissible:
        written = self._settings.versions.get(package)
        if written is not None and isinstance(written.value, str):
            claim = claim_of_specifier(written.value, _known(package))
            if claim is not None:
                return Admissible(claim.releases, written.origins, claim.is_beyond)
        own = self._in_notebook(package)
        found = _joined(own, package)
        if found is None:
            in_project = self._project.demands(package)
            found = _joined(in_project, package)
            own = (*own, *in_project)
        return found or _default(package, [demand for source in own for demand in source])

    def _in_notebook(self, package: str) -> tuple[tuple[Demand, ...], ...]:
        """The demands of each `pip install`, with those of the files it is given."""
        if not self._commands:
            return ()
        from ftlint.project.pip_commands import demands_in_command

        if self._included is None:
            self._included = tuple(self._files_of(command) for command in self._commands)
        return tuple(
            (
                *demands_in_command(command, package),
                *(demand for file in files for demand in demands_in_requirements(file, package)),
            )
            for command, files in zip(self._commands, self._included, strict=True)
        )

    def _files_of(self, command: PipCommand) -> tuple[RequirementText, ...]:
        texts: list[RequirementText] = []
        for name in command.files:
            path = absolute(command.location.path.parent / name)
            if "://" not in name and self._project.workspace.may_read(path):
                read, inputs = read_with_includes(path, self._project.workspace, command.location)
                texts += read
                self._inputs += inputs
        return tuple(texts)


def _commands_in(notebook: ScriptDocument) -> tuple[PipCommand, ...]:
    from ftlint.project.pip_commands import pip_commands  # reads shell, which only notebooks have

    return tuple(pip_commands(notebook))


class ProjectRequirements:
    """What the files in one project root ask pip for. They are read when the first package is asked for."""

    def __init__(self, root: Path, workspace: Workspace) -> None:
        self.root = root
        self.workspace = workspace
        self.inputs: tuple[Input, ...] = ()
        self._files: tuple[tuple[RequirementText, ...], ...] | None = None
        self._pyproject: RequirementText | None = None
        self._demands: dict[str, tuple[tuple[Demand, ...], ...]] = {}

    def demands(self, package: str) -> tuple[tuple[Demand, ...], ...]:
        """The demands for that package; those that one command would install together stand together."""
        if package not in self._demands:
            files = self._read()
            found = [
                tuple(demand for file in group for demand in demands_in_requirements(file, package)) for group in files
            ]
            if self._pyproject is not None:
                pyproject = self._pyproject
                found += [(demand,) for demand in demands_in_pyproject(pyproject.path, pyproject.text, package)]
            self._demands[package] = tuple(source for source in found if source)
        return self._demands[package]

    def _read(self) -> tuple[tuple[RequirementText, ...], ...]:
        if self._files is not None:
            return self._files
        groups: list[tuple[RequirementText, ...]] = []
        for path in requirement_files(self.root) or (self.root / "requirements.txt",):  # looked for, and not found
            texts, inputs = read_with_includes(path, self.workspace)
            groups.append(texts)
            self.inputs += inputs
        pyproject = self.root / "pyproject.toml"
        try:
            self._pyproject = RequirementText(pyproject, self.workspace.text(pyproject, limit_bytes=MOST_BYTES))
        except InputError:
            self._pyproject = None
        self.inputs += (Input(pyproject, self._pyproject is not None),)
        self._files = tuple(groups)
        return self._files


class VersionsFinder:
    """Reads the requirements of each project root once, however many of its files are checked. One per check."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self._projects: dict[Path, ProjectRequirements] = {}

    def find(self, settings: Settings, root: Path, notebook: ScriptDocument | None = None) -> VersionsInUse:
        """The releases in use for one file; `notebook` where the file is one."""
        if root not in self._projects:
            self._projects[root] = ProjectRequirements(root, self.workspace)
        return VersionsInUse(settings, self._projects[root], notebook)


def requirement_files(folder: Path) -> tuple[Path, ...]:
    """The requirements*.txt of a folder, by name."""
    try:
        names = os.listdir(folder)
    except OSError:
        return ()
    return tuple(folder / name for name in sorted(names) if is_requirements_name(name))


@record
class _Sourced:
    """A claim and the demands it comes from."""

    claim: Claim
    demands: tuple[Demand, ...]


def _joined(sources: Iterable[tuple[Demand, ...]], package: str) -> Admissible | None:
    """Whatever one of the sources allows; None where none of them says anything about releases."""
    found = [sourced for source in sources for sourced in _claims(source, package)]
    if not found:
        return None
    allowed = {release for sourced in found for release in sourced.claim.releases}
    demands = dict.fromkeys(demand for sourced in found for demand in sourced.demands)
    is_beyond = any(sourced.claim.is_beyond for sourced in found)
    return Admissible(in_order(allowed), tuple(_origin(demand) for demand in demands), is_beyond)


def _claims(demands: tuple[Demand, ...], package: str) -> Iterator[_Sourced]:
    """What demands that hold together allow. Those with a marker are alternatives, on top of those without."""
    known = _known(package)
    always = tuple(demand for demand in demands if demand.specifier and not demand.is_conditional)
    sometimes = tuple(demand for demand in demands if demand.specifier and demand.is_conditional)
    alternatives = [(*always, demand) for demand in sometimes] or ([always] if always else [])
    for together in alternatives:
        claim = claim_of_specifier(",".join(demand.specifier for demand in together), known)
        if claim is not None:
            yield _Sourced(claim, together)
    for demand in demands:
        if demand.address is not None:
            yield _Sourced(claim_of_address(demand.address, known, _window(package)), (demand,))
        elif demand.is_upgrade and not demand.specifier:
            yield _Sourced(Claim(_window(package)), (demand,))


def _default(package: str, mentions: Iterable[Demand]) -> Admissible:
    """What holds where no version is written, with the places that name the package all the same."""
    note = f"no version of {package} found: every release of the last 24 months in our data"
    origins = tuple(dict.fromkeys(_origin(demand) for demand in mentions))
    return Admissible(_window(package), (*origins, Origin(How.DEFAULT, None, note)))


def _origin(demand: Demand) -> Origin:
    return Origin(How.DETECTED, demand.location, demand.text)


def _known(package: str) -> tuple[str, ...]:
    """The releases that a range can mean: not those that were withdrawn."""
    return tuple(release.version for release in releases(package) if not release.is_withdrawn)


def _window(package: str) -> tuple[str, ...]:
    return tuple(release.version for release in admissible_default(package))
