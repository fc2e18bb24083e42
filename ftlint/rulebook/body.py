"""Reads a page's body: its title, its prose, and the examples under `## Bad`, `## Good` and `## Fixed`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from ftlint.errors import PageError
from ftlint.record import record
from ftlint.rulebook.examples import SETTINGS_FILE, Example, ExampleKind, Mark, parse_toml

_FENCE = re.compile(r"(?P<ticks>`{3,}|~{3,})(?P<tag>[^`]*)")
_EXAMPLE_HEADING = re.compile(r"## (?P<kind>Bad|Good|Fixed)\b[ :,–-]*(?P<rest>.*)")
_TITLE = re.compile(r"# +(?P<title>.*\S)")
_MARK = re.compile(r"[ \t]*<- (?P<codes>[A-Z]{2,8}[0-9]{3}(?:, *[A-Z]{2,8}[0-9]{3})*)[ \t]*$")
_WORD = re.compile(r"[a-z0-9]+")
_PERCENT_LINE = re.compile(r"# %%")


@record
class _Heading:
    row: int
    text: str


@record
class _Fence:
    row: int
    filename: str
    lines: tuple[str, ...]


@dataclass(slots=True)
class _Section:
    """One example while its fences are collected; `kind` is Bad, Good or Fixed."""

    row: int
    kind: str
    name: str
    files: dict[str, str] = field(default_factory=dict)
    marks: set[Mark] = field(default_factory=set)


def title_of(body: str) -> str | None:
    """The text of the first line if that is a `# ` heading."""
    found = _TITLE.fullmatch(body.split("\n", 1)[0])
    return found["title"] if found else None


def prose_of(body: str) -> str:
    """The body between its title and its first example."""
    lines = body.split("\n")
    end = next((part.row - 1 for part in _parts(body, Path(), 1) if _starts_example(part)), len(lines))
    start = 0 if title_of(body) is None else 1
    return "\n".join(lines[start:end]).strip() + "\n"


def parse_examples(code: str, body: str, path: Path, first_row: int) -> tuple[Example, ...]:
    """The examples of a page whose body begins at `first_row` of the file at `path`, or a PageError."""
    examples: list[Example] = []
    for section in _sections(body, path, first_row):
        if not section.files:
            raise PageError(f"{path}:{section.row}: the example has no fence with a file name (```json ds_config.json)")
        if section.kind == "Fixed":
            _repair(examples, section, path)
            continue
        if section.kind == "Good" and section.marks:
            raise PageError(f"{path}:{section.row}: a Good example has no findings, so it cannot have marks")
        kind = ExampleKind(section.kind.lower())
        number = 1 + sum(example.kind is kind for example in examples)
        name = "-".join([kind.value, str(number), *_WORD.findall(section.name.lower())])
        examples.append(Example(code, name, kind, section.files, frozenset(section.marks)))
    return tuple(examples)


def _repair(examples: list[Example], section: _Section, path: Path) -> None:
    """Give the Bad example before a Fixed one its repaired files; those that Fixed leaves out stay as they are."""
    if not examples or examples[-1].kind is not ExampleKind.BAD or examples[-1].repaired is not None:
        raise PageError(f"{path}:{section.row}: `## Fixed` stands directly after its `## Bad`")
    unknown = set(section.files) - set(examples[-1].files)
    if unknown:
        raise PageError(f"{path}:{section.row}: `## Fixed` has {sorted(unknown)[0]!r}, which its Bad does not have")
    examples[-1] = replace(examples[-1], repaired={**examples[-1].files, **section.files})


def _sections(body: str, path: Path, first_row: int) -> Iterator[_Section]:
    section: _Section | None = None
    for part in _parts(body, path, first_row):
        if isinstance(part, _Heading):
            if section is not None:
                yield section
            found = _EXAMPLE_HEADING.fullmatch(part.text)
            section = _Section(part.row, found["kind"], found["rest"].strip()) if found else None
        elif section is not None and part.filename:
            _add_file(section, part, path)
    if section is not None:
        yield section


def _starts_example(part: _Heading | _Fence) -> bool:
    return isinstance(part, _Heading) and _EXAMPLE_HEADING.fullmatch(part.text) is not None


def _parts(body: str, path: Path, first_row: int) -> Iterator[_Heading | _Fence]:
    """The headings of the first two levels and the fences of the text, in order."""
    lines = iter(enumerate(body.split("\n"), start=first_row))
    for row, line in lines:
        opening = _FENCE.match(line)
        if opening is None:
            if line.startswith(("# ", "## ")):
                yield _Heading(row, line.rstrip())
            continue
        content = []
        for _, inner in lines:
            if inner.startswith(opening["ticks"]) and not inner.strip().strip(opening["ticks"][0]):
                break
            content.append(inner)
        else:
            raise PageError(f"{path}:{row}: the fence is not closed by {opening['ticks']!r}")
        _, _, filename = opening["tag"].strip().partition(" ")
        yield _Fence(row, filename.strip(), tuple(content))


def _add_file(section: _Section, fence: _Fence, path: Path) -> None:
    """Read one named fence into the example: cut its marks off, note them, turn percent cells into a notebook."""
    name = fence.filename
    place = f"{path}:{fence.row}"
    # Written by tests and by `ftlint rule`'s readers: it must stay below the example's folder.
    if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts or "\\" in name or ":" in name:
        raise PageError(f"{place}: {name!r} is not the name of a file in the example's folder")
    if name in section.files:
        raise PageError(f"{place}: the example has {name!r} twice")
    lines = []
    for index, line in enumerate(fence.lines):
        found = _MARK.search(line)
        if found:
            cell, row = _cell_and_row(fence.lines, index) if name.endswith(".ipynb") else (None, index + 1)
            section.marks.update(Mark(code.strip(), name, cell, row) for code in found["codes"].split(","))
            line = line[: found.start()]
        lines.append(line)
    text = "".join(f"{line}\n" for line in lines)
    if name == SETTINGS_FILE:
        try:
            parse_toml(text)
        except ValueError as error:
            raise PageError(f"{place}: {name} is not TOML: {error}") from None
    section.files[name] = _notebook(text) if name.endswith(".ipynb") else text


def _notebook(text: str) -> str:
    from ftlint.syntax.notebook import percent_to_notebook

    return percent_to_notebook(text)


def _cell_and_row(lines: tuple[str, ...], index: int) -> tuple[int, int]:
    """Where line `index` of a percent-format script stands in the notebook made of it."""
    starts = [number for number, line in enumerate(lines) if _PERCENT_LINE.match(line)]
    head = lines[: starts[0]] if starts else lines
    if any(line.strip() for line in head):
        starts.insert(0, -1)  # text before the first marker is a cell without a marker line
    cell = sum(start <= index for start in starts)
    return cell, index - starts[cell - 1]
