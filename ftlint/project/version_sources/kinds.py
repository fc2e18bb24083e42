"""Which files are which kind of source; a kind's module is imported when the first of its files is asked."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

from ftlint.project.version_sources.source import Answer, FileSource, SourceFile
from ftlint.project.workspace import Workspace
from ftlint.record import record


@record
class Kind:
    """One kind of file. `pattern` is of its whole name; `module` stands beside this one and has `answer`.

    `is_manifest`: a folder that has one is a project of its own. What only installs something (a shell file, a
    Dockerfile) belongs to the project that its folder is a part of.
    """

    module: str
    pattern: str
    most_bytes: int
    is_manifest: bool = True

    def source(self, path: Path, workspace: Workspace) -> FileSource:
        """The file as a source of releases."""
        return FileSource(path, workspace, self.most_bytes, self._answer)

    def _answer(self, file: SourceFile, package: str) -> Answer:
        answer: Answer = import_module(f"{__package__}.{self.module}").answer(file, package)
        return answer


_MB = 10**6

KINDS = (
    Kind("toml_locks", r"(?:uv|poetry|pdm)\.lock|pylock(?:\.[^.]+)?\.toml", 64 * _MB),
    Kind("pipfile_lock", r"Pipfile\.lock", 32 * _MB),
    Kind("conda_lock", r"(?:.*[.-])?conda-lock\.ya?ml", 64 * _MB),
    Kind("requirements", r"requirements.*\.txt", _MB),
    Kind("pyproject", r"pyproject\.toml", _MB),
    Kind("pipfile", r"Pipfile", _MB),
    Kind("setup_cfg", r"setup\.cfg", _MB),
    Kind("setup_py", r"setup\.py", _MB),
    Kind("conda_environment", r"(?:conda[._-]?)?env(?:ironment)?(?:[._-].*)?\.ya?ml|conda\.ya?ml", _MB // 2),
    Kind("dockerfile", r"(?i:(?:.*\.)?(?:docker|container)file(?:[._-](?!dockerignore$).*)?)", _MB // 4, False),
    Kind("shell_files", r".*\.(?:sh|bash|slurm|sbatch|sub)", _MB // 4, False),
)
"""Every kind of file, in the order in which their answers are named. What a package index publishes is none of them."""

FOLDERS = (
    ("requirements", Kind("requirements", r".*\.txt", _MB)),
    ("docker", KINDS[-2]),
    (".docker", KINDS[-2]),
    (".devcontainer", KINDS[-2]),
)
"""Folders directly in a project's that people keep such files in."""


def kind_of(name: str) -> Kind | None:
    """The kind of a file of that name."""
    return next((kind for kind in KINDS if re.fullmatch(kind.pattern, name)), None)
