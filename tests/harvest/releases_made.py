"""Makes releases of a package `demo` out of texts, as the harvester finds them: archives."""

from __future__ import annotations

import io
import tarfile
import textwrap
import zipfile
from collections.abc import Mapping
from pathlib import Path

from tools.harvest.packages import Source
from tools.harvest.python_source import ClassRef, Modules, Shapes
from tools.harvest.python_source.levels import Behaviour, Levels

BEHAVIOUR = Behaviour("unchecked", "error")


def wheel(folder: Path, files: Mapping[str, str], version: str = "1.0") -> Source:
    """A wheel with these files; they are dedented."""
    path = folder / f"demo-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, textwrap.dedent(text))
    return Source("demo", version, path)


def source_archive(folder: Path, files: Mapping[str, str], version: str = "1.0") -> Source:
    """A release without a wheel, its package in `src/`."""
    path = folder / f"demo-{version}.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for name, text in files.items():
            content = textwrap.dedent(text).encode()
            member = tarfile.TarInfo(f"demo-{version}/src/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return Source("demo", version, path)


def shapes(folder: Path, **modules: str) -> Shapes:
    """What reads a package with these modules; `init` is the package itself."""
    files = {f"demo/{'__init__' if name == 'init' else name}.py": text for name, text in modules.items()}
    return Shapes(Modules(wheel(folder, {"demo/__init__.py": "", **files})))


def class_of(read: Shapes, dotted: str) -> ClassRef:
    """The class; the test fails if there is none."""
    found = read.modules.find_class(dotted)
    assert found is not None, dotted
    return found


def level_of(folder: Path, text: str, name: str = "Settings", **modules: str) -> dict[str, object]:
    """The level of a dataclass in the module `demo.settings`, all of whose bases are told as part of it."""
    read = shapes(folder, settings=text, **modules)
    return Levels(read, lambda _base: None).of_dataclass(class_of(read, f"demo.settings.{name}"), BEHAVIOUR)


def properties_of(folder: Path, text: str, name: str = "Settings", **modules: str) -> dict[str, dict[str, object]]:
    """Key -> shape, of the same."""
    found = level_of(folder, text, name, **modules)["properties"]
    assert isinstance(found, dict)
    return found
