"""What a notebook's own cells install: `%pip install`, `!pip install`, `%conda install`, `%%bash` and the like."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ftlint.project.version_sources.install_commands import INSTALLS, Install, answer_of_installs, installs
from ftlint.project.version_sources.source import Answer, SourceFile
from ftlint.project.workspace import Workspace
from ftlint.run.run import Input
from ftlint.syntax.document import ScriptDocument

_OTHER_CELL = re.compile(r"%%(?!bash\b|sh\b|script\b|!)")
_MOST_CHARACTERS = 100_000  # of one magic
_MOST_BYTES = 10**6  # of a requirements file that a cell installs


class NotebookCells:
    """The cells of one notebook as a source."""

    def __init__(self, notebook: ScriptDocument, workspace: Workspace) -> None:
        self._notebook = notebook
        self._file = SourceFile(notebook.path, "", workspace, _MOST_BYTES)
        self._commands: tuple[Install, ...] | None = None

    @property
    def inputs(self) -> tuple[Input, ...]:
        """The requirements files that cells install."""
        return tuple(self._file.inputs)

    def ask(self, package: str) -> Answer:
        """What the cells install."""
        if self._commands is None:
            self._commands = tuple(_commands(self._notebook))
        return answer_of_installs(self._commands, package, self._file, (self._notebook.path.parent,))


def _commands(notebook: ScriptDocument) -> Iterator[Install]:
    for cell in notebook.cells:
        for magic in cell.magics:
            if len(magic.text) > _MOST_CHARACTERS or not re.search(INSTALLS, magic.text):
                continue
            if not _OTHER_CELL.match(magic.text):
                sign = len(magic.text) - len(magic.text.lstrip("!%"))
                text = " " * sign + magic.text[sign:]
                yield from installs(cell.source, text, magic.span.start)
