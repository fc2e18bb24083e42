"""A TOML file as values with their places, or the problem of one that is none."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ftlint.project.toml_places import TomlPath, TomlPlace, is_endless_key, load_toml, toml_places
from ftlint.project.version_sources.source import Problem, SourceFile
from ftlint.record import record
from ftlint.spans import Location

_AT_LINE = r" ?\(at line (\d+), column \d+\)$"
_AT_END = r" ?\(at end of document\)$"


@record
class TomlTable:
    """One table of a file. `path` leads to it from the file's top."""

    file: SourceFile
    values: dict[str, object]
    places: dict[TomlPath, TomlPlace]
    path: TomlPath = ()

    def table(self, *names: str) -> TomlTable:
        """The table inside this one of that name; empty where there is none."""
        found: object = self.values
        for name in names:
            found = found.get(name) if isinstance(found, dict) else None
        return TomlTable(self.file, found if isinstance(found, dict) else {}, self.places, (*self.path, *names))

    def tables(self) -> Iterator[TomlTable]:
        """Every table directly in this one."""
        return (self.table(name) for name, value in self.values.items() if isinstance(value, dict))

    def texts(self, *names: str) -> Iterator[tuple[str, Location]]:
        """The texts of a list in this table, each with its place."""
        outer = self.table(*names[:-1])
        found = outer.values.get(names[-1])
        for number, value in enumerate(found if isinstance(found, list) else ()):
            if isinstance(value, str):
                yield value, self.location(*names, str(number))

    def location(self, *names: str) -> Location:
        """Where the value of that name stands; where it is spread over several places, the nearest around it."""
        path = (*self.path, *names)
        while path and path not in self.places:
            path = path[:-1]
        place = self.places.get(path)
        return self.file.location(0, 0) if place is None else Location(self.file.path, place.value)


def read_toml(file: SourceFile) -> TomlTable | Problem:
    """The whole file; a Problem at the line where it stops being TOML. Ask for it by `file.once`."""
    text = file.text
    if is_endless_key(text):
        return Problem(file.location(0, 0), "cannot be read: nested too deeply")
    try:
        return TomlTable(file, load_toml(text), toml_places(text))
    except ValueError as error:
        return toml_problem(file, str(error))
    except RecursionError:
        return Problem(file.location(0, 0), "cannot be read: nested too deeply")


def toml_problem(file: SourceFile, message: str, start: int = 0, end: int | None = None) -> Problem:
    """The problem of a file of which the part from `start` to `end` is no TOML; `message` is tomllib's."""
    text = file.text[start:end]
    row = text.count("\n") + 1
    if match := re.search(_AT_LINE, message):
        row = int(match[1])
    message = re.sub(f"{_AT_LINE}|{_AT_END}", "", message)
    lines = text.split("\n")
    row = min(row, len(lines))
    begin = start + sum(len(line) + 1 for line in lines[: row - 1])
    message = "".join(character if character.isprintable() else " " for character in message)
    return Problem(
        file.location(begin, begin + len(lines[row - 1].rstrip())), f"cannot be read: it is not TOML here: {message}"
    )
