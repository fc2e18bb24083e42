"""The shape that all sources of releases share: a file is read once, and asked about one package after the other."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol, TypeVar

from ftlint.errors import InputError
from ftlint.project.workspace import Workspace, absolute, shown
from ftlint.record import record
from ftlint.run.run import Input
from ftlint.spans import Location, Span

T = TypeVar("T")

MOST_MENTIONS = 200  # of one package in one file
LONGEST_LINE = 4000  # characters; what is longer asks for nothing that a person wrote
_MOST_INCLUDED = 50  # files that one file may lead to; more are not read


@record
class Demand:
    """One requirement. `specifier` is empty where any release will do.

    `is_conditional`: it holds sometimes (a marker, an alternative). `is_upgrade`: without a specifier it means a recent
    release, whatever others say.
    """

    package: str
    specifier: str
    address: str | None
    is_conditional: bool
    is_upgrade: bool
    location: Location
    text: str


@record
class Group:
    """Demands that hold together. `beside`: what holds as well, unless it contradicts them (an extra and its project).

    `is_exact`: what is installed, or will be: a lock file or an environment.
    """

    demands: tuple[Demand, ...]
    beside: tuple[Demand, ...] = ()
    is_exact: bool = False


@record
class Problem:
    """Something about releases that could not be read. `is_unseen`: it may be right, and only we cannot tell."""

    location: Location
    cause: str
    is_unseen: bool = False


@record
class Answer:
    """What one source says of one package: groups of which any may hold, and what could not be read."""

    groups: tuple[Group, ...] = ()
    problems: tuple[Problem, ...] = ()


NOTHING_SAID = Answer()


class VersionSource(Protocol):
    """One place where releases are written."""

    @property
    def inputs(self) -> tuple[Input, ...]:
        """The files that were read or looked for so far."""

    def ask(self, package: str) -> Answer:
        """What it says of that package, which is a normalised name. Raises nothing."""


class SourceFile:
    """The text of one file. Mutable: it remembers what was made of it and which files it led to."""

    def __init__(self, path: Path, text: str, workspace: Workspace, limit_bytes: int) -> None:
        self.path = path
        self.text = text
        self.workspace = workspace
        self.inputs: list[Input] = []
        self._limit_bytes = limit_bytes
        self._made: dict[object, Any] = {}

    def once(self, make: Callable[[SourceFile], T]) -> T:
        """What `make` makes of this file, made once."""
        return self.remember(make, lambda: make(self))

    def remember(self, key: object, make: Callable[[], T]) -> T:
        """What `make` makes, made once for that key."""
        if key not in self._made:
            self._made[key] = make()
        made: T = self._made[key]
        return made

    def location(self, start: int, end: int) -> Location:
        """A span of the text as a location."""
        return Location(self.path, Span(start, end))

    def included(self, name: str, referrer: Location, *folders: Path) -> SourceFile | Problem | None:
        """Another file that this one names, looked for in `folders` (else beside it).

        A Problem where it cannot be read; None for what is no path, or may not be followed.
        """
        if not name or "://" in name or "$" in name or len(self.inputs) >= _MOST_INCLUDED:
            return None
        paths = [absolute(folder / name) for folder in folders or (self.path.parent,)]
        path = next((path for path in paths if self.workspace.is_file(path)), paths[0])
        if not self.workspace.may_read(path):
            return None
        try:
            text = self.workspace.text_by_mark(path, limit_bytes=self._limit_bytes)
        except InputError as error:
            self.inputs.append(Input(path, self.workspace.exists(path), referrer))
            return Problem(referrer, _without_path(error, path, f"{name} cannot be read: "), is_unseen=True)
        self.inputs.append(Input(path, True, referrer))
        return SourceFile(path, text, self.workspace, self._limit_bytes)


class FileSource:
    """A file as a source; opened when it is first asked."""

    def __init__(
        self, path: Path, workspace: Workspace, limit_bytes: int, answer: Callable[[SourceFile, str], Answer]
    ) -> None:
        self.path = path
        self._workspace = workspace
        self._limit_bytes = limit_bytes
        self._answer = answer
        self._file: SourceFile | Problem | None = None
        self._known: dict[str, Answer] = {}

    @property
    def inputs(self) -> tuple[Input, ...]:
        """This file and those it led to."""
        led_to = self._file.inputs if isinstance(self._file, SourceFile) else ()
        return (Input(self.path, not isinstance(self._file, Problem)), *led_to)

    @property
    def text(self) -> str:
        """The file's text; empty where it cannot be read."""
        file = self._opened()
        return file.text if isinstance(file, SourceFile) else ""

    def ask(self, package: str) -> Answer:
        """What the file says of that package."""
        if package not in self._known:
            file = self._opened()
            if isinstance(file, Problem):
                self._known[package] = Answer(problems=(file,))
            else:
                try:
                    self._known[package] = self._answer(file, package)
                except RecursionError:
                    problem = Problem(file.location(0, 0), "cannot be read: nested too deeply")
                    self._known[package] = Answer(problems=(problem,))
        return self._known[package]

    def _opened(self) -> SourceFile | Problem:
        if self._file is None:
            try:
                text = self._workspace.text_by_mark(self.path, limit_bytes=self._limit_bytes)
                self._file = SourceFile(self.path, text, self._workspace, self._limit_bytes)
            except InputError as error:
                cause = _without_path(error, self.path, "cannot be read: ")
                self._file = Problem(Location(self.path, Span(0, 0)), cause)
        return self._file


def _without_path(error: InputError, path: Path, prefix: str) -> str:
    return prefix + str(error).removeprefix(f"{shown(path)}: ")


def locked(package: str, version: str, place: Location) -> Demand | Problem:
    """The one release that a lock names; a Problem for a text that is no version."""
    from ftlint.project.specifiers import exact_specifier

    specifier = exact_specifier(version)
    if specifier is None:
        return Problem(place, f'"{version[:60]}" is no version of {package}')
    return Demand(package, specifier, None, False, False, place, f"{package} {version}")
