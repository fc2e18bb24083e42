"""Locations become what people count by: a file's name, rows and columns from 1, and the line itself."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from ftlint.errors import InputError
from ftlint.project.workspace import Workspace
from ftlint.record import record
from ftlint.report.visible import replaced
from ftlint.spans import Location
from ftlint.syntax.document import Document
from ftlint.syntax.positions import LineIndex, Position


@record
class Place:
    """A location as reports show it. `cell` as in Location; rows of a notebook count inside the cell."""

    filename: str
    cell: int | None
    start: Position
    end: Position

    def __str__(self) -> str:
        cell = f"cell {self.cell}:" if self.cell is not None else ""
        return f"{self.filename}:{cell}{self.start.row}:{self.start.column}"


class Places:
    """The texts of one check, by file and cell. Mutable: it owns what it has looked up."""

    def __init__(self, workspace: Workspace, documents: Iterable[Document] = (), *, folder: Path | None = None) -> None:
        """`documents`: as they were checked, for a file may have changed since; what else is pointed at is read.

        `folder`: what filenames are relative to, by default the working directory.
        """
        self._workspace = workspace
        self._folder = os.path.abspath(folder or os.getcwd())
        self._documents: dict[Path, Document | None] = {document.path: document for document in documents}
        self._lines: dict[tuple[Path, int | None], LineIndex] = {}
        self._names: dict[Path, str] = {}

    def place(self, location: Location) -> Place:
        """Where `location` is, in rows and columns."""
        lines = self.lines(location)
        start, end = location.span.start, max(location.span.start, location.span.end)
        return Place(self.filename(location.path), location.cell, lines.position(start), lines.position(end))

    def lines(self, location: Location) -> LineIndex:
        """The lines of the text that `location` is a part of; of an empty text where it can no longer be read."""
        where = (location.path, location.cell)
        if where not in self._lines:
            self._lines[where] = LineIndex(self._text(location.path, location.cell))
        return self._lines[where]

    def filename(self, path: Path) -> str:
        """`path` relative to the folder where it lies below it, else absolute; bytes that are not UTF-8 replaced."""
        if path not in self._names:
            self._names[path] = replaced(_relative(path, self._folder))
        return self._names[path]

    def _text(self, path: Path, cell: int | None) -> str:
        try:
            if path not in self._documents:
                self._documents[path] = self._workspace.document(path)
            document = self._documents[path]
            for source in document.sources if document is not None else ():
                if source.cell == cell:
                    return source.text
            # Settings, requirement files, and a notebook as a whole.
            return self._workspace.text_by_mark(path) if cell is None else ""
        except InputError:
            return ""


def _relative(path: Path, folder: str) -> str:
    # normpath would take `link/..` for the folder of the link, so only paths without `..` are compared as text.
    absolute = os.path.join(folder, path)
    if ".." not in path.parts and (below := _below(os.path.normpath(absolute), folder)):
        return below
    real = os.path.join(os.path.realpath(os.path.dirname(absolute)), os.path.basename(absolute))
    return _below(real, os.path.realpath(folder)) or Path(os.path.abspath(absolute)).as_posix()


def _below(path: str, folder: str) -> str | None:
    if path == folder:
        return "."
    prefix = folder if folder.endswith(os.sep) else folder + os.sep
    return path[len(prefix) :].replace(os.sep, "/") if path.startswith(prefix) else None
