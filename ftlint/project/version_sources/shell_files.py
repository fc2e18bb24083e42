"""Shell and SLURM files: the packages that they install before they launch something."""

from __future__ import annotations

from ftlint.project.version_sources.install_commands import Install, answer_of_installs, installs
from ftlint.project.version_sources.source import NOTHING_SAID, Answer, SourceFile
from ftlint.syntax.document import Source


def answer(file: SourceFile, package: str) -> Answer:
    """What the commands of the file install; `-r` counts from its folder, or from the one above."""
    commands = file.once(_commands)
    if not commands:
        return NOTHING_SAID
    return answer_of_installs(commands, package, file, (file.path.parent, file.path.parent.parent))


def _commands(file: SourceFile) -> tuple[Install, ...]:
    return tuple(installs(Source(file.path, file.text)))
