"""Pipfile: what pipenv is asked to install; its values are PEP 440 specifiers, "*", or tables like poetry's."""

from __future__ import annotations

from ftlint.project.version_sources.lists import answer_of_lists
from ftlint.project.version_sources.poetry import demands_in_table
from ftlint.project.version_sources.requirement_text import mention_of
from ftlint.project.version_sources.source import NOTHING_SAID, Answer, Problem, SourceFile
from ftlint.project.version_sources.toml_file import read_toml

_NOT_PACKAGES = frozenset(("source", "requires", "scripts", "pipenv", "packages"))


def answer(file: SourceFile, package: str) -> Answer:
    """[packages] holds always; [dev-packages] and categories of one's own come on top."""
    if not mention_of(package).search(file.text):
        return NOTHING_SAID
    top = file.once(read_toml)
    if isinstance(top, Problem):
        return Answer(problems=(top,))
    others = [table for name in top.values if name not in _NOT_PACKAGES for table in (top.table(name),)]
    return answer_of_lists(
        demands_in_table(top.table("packages"), package), (demands_in_table(table, package) for table in others)
    )
