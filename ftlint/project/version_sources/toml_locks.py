"""uv.lock, poetry.lock, pdm.lock and pylock.toml: one `[[package]]` after the other, each with name and version.

They have up to 20 MB, of which tomllib reads one in a second. So the headers are found as text, and only the entries
that are asked for are parsed. Source: PEP 751; uv 0.9, poetry 2, pdm 2.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import pairwise

from ftlint.project.specifiers import normalised_name
from ftlint.project.toml_places import is_endless_key, load_toml
from ftlint.project.version_sources.pyproject import address_of
from ftlint.project.version_sources.source import NOTHING_SAID, Answer, Demand, Group, Problem, SourceFile, locked
from ftlint.project.version_sources.toml_file import toml_problem
from ftlint.record import record
from ftlint.spans import Location, Span

_HEADER = r"\[\[packages?\]\][ \t]*(?:#[^\n]*)?\r?\n"  # no `^`, so that its beginning is searched as a text
_NAME = r"(?m:^name[ \t]*=[ \t]*[\"']([^\"'\n]+)[\"'])"
_VERSION = r"(?m:^version[ \t]*=[^\n\r]*)"
_CONFLICT = ("\n<<<<<<< ", "\n=======\n", "\n>>>>>>> ")
_MOST_WHOLE_CHARACTERS = 200_000  # parsed whole where the text is not as tools write it
_MOST_ENTRIES = 50  # of one package: one per platform and Python


@record
class LockIndex:
    """Where the entries of each package stand, and what is wrong with the file as a whole."""

    entries: Mapping[str, tuple[Span, ...]]
    problems: tuple[Problem, ...]


def answer(file: SourceFile, package: str) -> Answer:
    """The releases of that package that were locked; several where platforms or Pythons have their own."""
    index = file.once(_index)
    groups: list[Group] = []
    problems = list(index.problems)
    for span in index.entries.get(package, ())[:_MOST_ENTRIES]:
        read = _entry(file, package, span)
        if isinstance(read, Problem):
            problems.append(read)
        elif read is not None:
            groups.append(Group((read,), is_exact=read.address is None))
    return Answer(tuple(groups), tuple(dict.fromkeys(problems))) if groups or problems else NOTHING_SAID


def _index(file: SourceFile) -> LockIndex:
    text = file.text
    starts = [match.start() for match in re.finditer(_HEADER, text) if text[match.start() - 1 : match.start()] in "\n"]
    problems = list(_conflicts(file))
    entries: dict[str, list[Span]] = {}
    bounds = [*starts, len(text)]
    for start, end in pairwise(bounds):
        if (name := re.compile(_NAME).search(text, start, end)) is not None:
            entries.setdefault(normalised_name(name[1]), []).append(Span(start, end))
    if not problems:
        # What is cheap to look at: the file's head, its last entry (files break off), and all of a small file that has
        # no entries as tools write them.
        parts = [(0, bounds[0]), *([(starts[-1], len(text))] if starts else [])]
        problems = [problem for start, end in parts if (problem := _broken(file, start, end)) is not None]
    return LockIndex({name: tuple(spans) for name, spans in entries.items()}, tuple(problems))


def _conflicts(file: SourceFile) -> tuple[Problem, ...]:
    """The first mark that a merge has left, which is how lock files break most."""
    places = [place for mark in _CONFLICT if (place := f"\n{file.text}".find(mark)) >= 0]
    if not places or len(places) < 2:
        return ()
    start = min(places)
    end = file.text.find("\n", start)
    cause = "cannot be trusted: a merge has left its conflict marks"
    return (Problem(file.location(start, len(file.text) if end < 0 else end), cause),)


def _broken(file: SourceFile, start: int, end: int) -> Problem | None:
    part = file.text[start:end]
    if len(part) > _MOST_WHOLE_CHARACTERS or is_endless_key(part):
        return Problem(file.location(0, 0), "cannot be read: it is not written as lock files are")
    try:
        load_toml(part)
    except ValueError as error:
        return toml_problem(file, str(error), start, end)
    except RecursionError:
        return Problem(file.location(start, start), "cannot be read: nested too deeply")
    return None


def _entry(file: SourceFile, package: str, span: Span) -> Demand | Problem | None:
    """One entry, parsed by itself."""
    part = file.text[span.start : span.end]
    if is_endless_key(part):
        return Problem(file.location(span.start, span.start), "cannot be read: nested too deeply")
    try:
        values = load_toml(part)
    except ValueError as error:
        return toml_problem(file, str(error), span.start, span.end)
    except RecursionError:
        return Problem(file.location(span.start, span.start), "cannot be read: nested too deeply")
    rows = values.get("package", values.get("packages"))
    row = rows[0] if isinstance(rows, list) and rows else None
    if not isinstance(row, dict) or normalised_name(str(row.get("name"))) != package:
        return None
    place = _place(file, span)
    version = row.get("version")
    if isinstance(version, str):
        return locked(package, version, place)
    address = _address(row)
    if address is not None:
        return Demand(package, "", address, False, False, place, package)
    # A project of the workspace itself has no version in uv.lock and pylock.toml: that is no mistake.
    return None if version is None else Problem(place, f"{str(version)[:60]} is no version of {package}")


def _address(row: dict[str, object]) -> str | None:
    """Where PEP 751 says that a package without version comes from."""
    vcs, archive = row.get("vcs"), row.get("archive")
    if isinstance(vcs, dict) and isinstance(vcs.get("url"), str):
        return address_of({"git": vcs["url"], "rev": vcs.get("requested-revision") or vcs.get("commit-id")})
    return address_of(archive) if isinstance(archive, dict) else None


def _place(file: SourceFile, span: Span) -> Location:
    """The line of the version, else that of the name."""
    for pattern in (_VERSION, _NAME):
        match = re.compile(pattern).search(file.text, span.start, span.end)
        if match is not None:
            return file.location(match.start(), match.start() + len(match[0].rstrip()))
    return file.location(span.start, span.start)
