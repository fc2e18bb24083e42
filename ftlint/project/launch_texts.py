"""The texts of a project in which people launch things: shell files, and what notebooks hand to a shell."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from ftlint.errors import InputError
from ftlint.project.workspace import Workspace
from ftlint.syntax.document import ScriptCell, ScriptDocument, Source

SUFFIXES = (".sh", ".bash", ".slurm", ".sbatch", ".sub")
MAX_FOLDERS = 200
MAX_FILES = 300
MAX_FILE_BYTES = 200_000
MAX_NOTEBOOKS = 30
MAX_NOTEBOOK_BYTES = 2_000_000

# Texts, which `re` compiles when a notebook is met: most folders hold none.
_LAUNCHES = rb"torchrun|accelerate|deepspeed|llamafactory-cli|torch\.distributed|[!\n\"](?:python3?|trl|axolotl) "
_SHELL_CELL = r"\s*%%(?:(?:bash|sh|script[ \t]+(?:bash|sh))\b|!)[^\r\n]*"
_BEFORE_COMMAND = r"!{1,2}|%(?:sx|system)\b"


def launch_texts(root: Path, workspace: Workspace) -> Iterator[Source]:
    """Shell files whole, notebooks cell by cell, in the order of their paths; no more than the limits above."""
    num_files = num_notebooks = 0
    for path in _paths(root):
        is_notebook = path.suffix == ".ipynb"
        num_files, num_notebooks = num_files + (not is_notebook), num_notebooks + is_notebook
        if num_files > MAX_FILES or num_notebooks > MAX_NOTEBOOKS:
            continue
        try:
            data = workspace.read(path)
            if not is_notebook and len(data) <= MAX_FILE_BYTES:
                yield Source(path, data.decode("utf-8", "replace"))
            elif is_notebook and len(data) <= MAX_NOTEBOOK_BYTES and re.search(_LAUNCHES, data):
                document = workspace.document(path)
                yield from shell_of(document) if isinstance(document, ScriptDocument) else ()
        except InputError:
            continue


def shell_of(document: ScriptDocument) -> Iterator[Source]:
    """What the cells of a notebook hand to a shell; all else is blank, so that places stay those of the cells."""
    for cell in document.cells:
        text = _shell_of_cell(cell)
        if text.strip():
            yield Source(cell.source.path, text, cell.source.cell)


def _shell_of_cell(cell: ScriptCell) -> str:
    text = cell.source.text
    if re.match(_SHELL_CELL, text):
        return text  # its first line is a command of nobody's
    pieces: list[str] = []
    done = 0
    for magic in cell.magics:
        written = text[magic.span.start : magic.span.end]
        command = re.match(_BEFORE_COMMAND, written)
        if command is not None:
            pieces += [_blank(text[done : magic.span.start] + command[0]), written[command.end() :]]
            done = magic.span.end
    return "".join([*pieces, _blank(text[done:])])


def _blank(text: str) -> str:
    return re.sub(r"[^\n]", " ", text)


def _paths(root: Path) -> Iterator[Path]:
    for number, (folder, folders, names) in enumerate(os.walk(root)):
        if number >= MAX_FOLDERS:
            return
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name != "node_modules")
        for name in sorted(names):
            if name.endswith((*SUFFIXES, ".ipynb")):
                yield Path(folder, name)
