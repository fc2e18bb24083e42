"""conda-lock.yml: one entry after the other under `package:`, each with name, version, manager and platform.

Source: conda-lock 3 conda_lock/lockfile/v1. Such files have megabytes, so only entries that are asked for are parsed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from ftlint.project.specifiers import normalised_name
from ftlint.project.version_sources.source import NOTHING_SAID, Answer, Demand, Group, Problem, SourceFile, locked
from ftlint.spans import Span
from ftlint.syntax.document import DataDocument, Format, MappingNode, Scalar

# No `^`, so that its beginning is searched as a text.
_ENTRY = r"- name:[ \t]*[\"']?([A-Za-z0-9_.-]+)[\"']?[ \t]*\r?\n"
_MOST_ENTRIES = 50
_MOST_CHARACTERS = 100_000


def answer(file: SourceFile, package: str) -> Answer:
    """The locked releases of that package, on every platform."""
    groups: list[Group] = []
    problems: list[Problem] = []
    for start in file.once(_index).get(package, ())[:_MOST_ENTRIES]:
        following = re.compile(_ENTRY).search(file.text, start + 1)
        read = _entry(file, package, Span(start, following.start() if following else len(file.text)))
        if isinstance(read, Problem):
            problems.append(read)
        else:
            groups.append(Group((read,), is_exact=True))
    return Answer(tuple(groups), tuple(problems)) if groups or problems else NOTHING_SAID


def _index(file: SourceFile) -> Mapping[str, list[int]]:
    """Where the entries of each package begin."""
    entries: dict[str, list[int]] = {}
    for match in re.finditer(_ENTRY, file.text):
        entries.setdefault(normalised_name(match[1]), []).append(match.start())
    return entries


def _entry(file: SourceFile, package: str, span: Span) -> Demand | Problem:
    from ftlint.syntax import parse_text
    from ftlint.syntax.walk import node_at

    part = file.text[span.start : min(span.end, span.start + _MOST_CHARACTERS)]
    document = parse_text(file.path, part, Format.YAML)
    root = document.roots[0] if isinstance(document, DataDocument) and document.roots else None
    row = node_at(root, [0]) if root is not None else None
    version = node_at(row, ["version"]) if isinstance(row, MappingNode) else None
    if not isinstance(version, Scalar):
        place = file.location(span.start, span.start + len(part.split("\n", 1)[0]))
        return Problem(place, f"cannot be read: this entry has no version of {package}")
    start = span.start + version.span.start
    return locked(package, version.text, file.location(start, span.start + version.span.end))
