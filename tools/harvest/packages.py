"""The released archives that the harvesters read: which of them, how they come here, and the files in them.

Archives are downloaded into a folder and opened as archives: nothing is installed, and nothing of them is run.
"""

from __future__ import annotations

import tarfile
import zipfile
from enum import Enum
from functools import cached_property, lru_cache
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from packaging.version import Version

from ftlint.knowledge.releases import releases
from ftlint.record import record

if TYPE_CHECKING:
    from tools.harvest.index import Index


class Patches(Enum):
    """Which patch releases of a minor release are read."""

    NEWEST = "newest"
    ENDS = "oldest and newest"
    ALL = "all"


@record
class Plan:
    """Which releases of a package are read: those from `floor` on, as far as our data knows releases."""

    package: str
    floor: str
    patches: Patches = Patches.ALL

    def versions(self) -> tuple[str, ...]:
        """The releases that are read, oldest first; withdrawn ones are left out."""
        floor = Version(self.floor)
        minors: dict[tuple[int, ...], list[str]] = {}
        for release in releases(self.package):
            version = Version(release.version)
            if version >= floor and not release.is_withdrawn:
                minors.setdefault(version.release[:2], []).append(release.version)
        chosen: list[str] = []
        for patches in minors.values():
            if self.patches is Patches.ALL:
                chosen += patches
            elif self.patches is Patches.ENDS:
                chosen += dict.fromkeys((patches[0], patches[-1]))
            else:
                chosen.append(patches[-1])
        return tuple(chosen)


def archive(package: str, version: str, folder: Path) -> Path:
    """The wheel of a release, or its archive of sources where there is no wheel; downloaded if it is not there.

    `pip download` would run a source archive's build to learn its name: so the file is taken as the index names it.
    """
    if (found := _in_folder(package, version, folder)) is not None:
        return found
    files = _index().describe(package)["releases"][version]
    file = min(files, key=lambda file: (file["packagetype"] != "bdist_wheel", file["filename"]))
    path = folder / str(file["filename"])
    partial = path.with_suffix(".partial")
    partial.write_bytes(_index().download(file["url"]))
    partial.replace(path)
    return path


@lru_cache(maxsize=1)
def _index() -> Index:
    from tools.harvest.index import Index  # pip's insides: only to download

    return Index()


def _in_folder(package: str, version: str, folder: Path) -> Path | None:
    for name in (package, package.replace("-", "_")):
        for pattern in (f"{name}-{version}-*.whl", f"{name}-{version}.tar.gz"):
            if found := sorted(folder.glob(pattern)):
                return found[0]
    return None


class Source:
    """The files of one release, by the path that they have when installed (`trl/trainer/sft_config.py`)."""

    def __init__(self, package: str, version: str, path: Path) -> None:
        self.package = package
        self.version = version
        self.path = path

    @cached_property
    def names(self) -> frozenset[str]:
        """The paths of all files."""
        return frozenset(self._members)

    def read(self, name: str) -> bytes:
        """The content of a file. Raises KeyError for one that is not there."""
        member = self._members[name]
        if isinstance(self._archive, zipfile.ZipFile):
            return self._archive.read(member)
        file = self._archive.extractfile(member)
        assert file is not None  # `_members` holds files only
        return file.read()

    @cached_property
    def _archive(self) -> zipfile.ZipFile | tarfile.TarFile:
        return zipfile.ZipFile(self.path) if self.path.suffix == ".whl" else tarfile.open(self.path)

    @cached_property
    def _members(self) -> dict[str, str]:
        if isinstance(self._archive, zipfile.ZipFile):
            return {name: name for name in self._archive.namelist() if not name.endswith("/")}
        return {_installed(member.name): member.name for member in self._archive.getmembers() if member.isfile()}


def _installed(name: str) -> str:
    """Where a file of a source archive comes to lie: without `trl-0.9.6/`, and without `src/`."""
    parts = PurePosixPath(name).parts[1:]
    return "/".join(parts[1:] if parts[:1] == ("src",) else parts)


def open_release(package: str, version: str, folder: Path) -> Source:
    """One release, downloaded if need be."""
    return Source(package, version, archive(package, version, folder))
