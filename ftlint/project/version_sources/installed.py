"""A virtual environment inside the project: the names of its dist-info folders, and nothing else of it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path

from ftlint.project.specifiers import normalised_name
from ftlint.project.version_sources.source import NOTHING_SAID, Answer, Demand, Group, Problem, locked
from ftlint.project.workspace import Workspace
from ftlint.run.run import Input
from ftlint.spans import Location, Span

SIGN = "pyvenv.cfg"
_DISTRIBUTION = re.compile(r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*?)-(?P<version>[^-]+)(?:-py[\d.]+)?\.(?:dist|egg)-info")
_MOST_ENTRIES = 20_000
_MOST_PYTHONS = 4


class InstalledPackages:
    """What is installed in one environment; its folders are listed when it is first asked."""

    def __init__(self, folder: Path, workspace: Workspace) -> None:
        self._folder = folder
        self._workspace = workspace
        self._found: Mapping[str, tuple[tuple[str, Path], ...]] | None = None

    @property
    def inputs(self) -> tuple[Input, ...]:
        """The file that makes the folder an environment."""
        return (Input(self._folder / SIGN, True),)

    def ask(self, package: str) -> Answer:
        """The release that is installed; several where an installation has left an old one behind."""
        if self._found is None:
            self._found = _distributions(self._folder) if self._workspace.may_read(self._folder) else {}
        read = [locked(package, version, Location(path, Span(0, 0))) for version, path in self._found.get(package, ())]
        groups = tuple(Group((item,), is_exact=True) for item in read if isinstance(item, Demand))
        problems = tuple(item for item in read if isinstance(item, Problem))
        return Answer(groups, problems) if read else NOTHING_SAID


def _distributions(folder: Path) -> Mapping[str, tuple[tuple[str, Path], ...]]:
    found: dict[str, list[tuple[str, Path]]] = {}
    for packages in _site_packages(folder):
        for name in _listed(packages):
            match = _DISTRIBUTION.fullmatch(name)
            if match is not None:
                found.setdefault(normalised_name(match["name"]), []).append((match["version"], packages / name))
    return {name: tuple(sorted(distributions)) for name, distributions in found.items()}


def _site_packages(folder: Path) -> Iterator[Path]:
    for library in ("lib", "lib64"):
        if library == "lib64" and os.path.islink(folder / library):
            continue  # to lib
        pythons = sorted(name for name in _listed(folder / library) if re.fullmatch(r"python\d[\d.]*t?", name))
        yield from (folder / library / name / "site-packages" for name in pythons[:_MOST_PYTHONS])
    if os.path.isdir(folder / "Lib" / "site-packages"):  # as Windows has it
        yield folder / "Lib" / "site-packages"


def _listed(folder: Path) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entry.name for entry in islice(entries, _MOST_ENTRIES))
    except OSError:
        return []
