"""Pipfile.lock: JSON, one section of packages for each category."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from ftlint.project.specifiers import normalised_name
from ftlint.project.version_sources.pyproject import address_of
from ftlint.project.version_sources.source import NOTHING_SAID, Answer, Demand, Group, Problem, SourceFile, locked
from ftlint.spans import Location


def answer(file: SourceFile, package: str) -> Answer:
    """The locked releases of that package, in every category."""
    values = file.once(_values)
    if isinstance(values, Problem):
        return Answer(problems=(values,))
    read = tuple(_entries(file, values, package))
    problems = tuple(item for item in read if isinstance(item, Problem))
    groups = tuple(Group((item,), is_exact=item.address is None) for item in read if isinstance(item, Demand))
    return Answer(groups, problems) if read else NOTHING_SAID


def _values(file: SourceFile) -> dict[str, object] | Problem:
    try:
        values = json.loads(file.text)
    except json.JSONDecodeError as error:
        return Problem(file.location(error.pos, error.pos), f"cannot be read: it is not JSON here: {error.msg}")
    except ValueError:  # a number of more digits than Python converts
        return Problem(file.location(0, 0), "cannot be read: it has numbers without end")
    return values if isinstance(values, dict) else Problem(file.location(0, 0), "cannot be read: it is no object")


def _entries(file: SourceFile, values: dict[str, object], package: str) -> Iterator[Demand | Problem]:
    for section, entries in values.items():
        for name, entry in entries.items() if section != "_meta" and isinstance(entries, dict) else ():
            if normalised_name(name) != package or not isinstance(entry, dict):
                continue
            version, address = entry.get("version"), address_of(entry)
            place = _place(file, section, name, version)
            if isinstance(version, str):
                yield locked(package, version.removeprefix("=="), place)
            elif address is not None:
                yield Demand(package, "", address, False, False, place, name)
            elif version is not None:
                yield Problem(place, f"{str(version)[:60]} is no version of {package}")


def _place(file: SourceFile, section: str, name: str, version: object) -> Location:
    """The version's text behind the section's and the package's names, as far as they are written plainly."""
    at = file.text.find(json.dumps(section))
    match = re.compile(re.escape(json.dumps(name)) + r"\s*:\s*\{").search(file.text, max(at, 0))
    if match is None:
        return file.location(max(at, 0), max(at, 0))
    text = json.dumps(version)
    found = file.text.find(text, match.end()) if isinstance(version, str) else -1
    if found < 0:
        return file.location(match.start(), match.start() + len(json.dumps(name)))
    return file.location(found, found + len(text))
