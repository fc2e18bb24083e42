"""An example of a page: a small project, with a mark where each finding must stand."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import NamedTuple

from ftlint.record import record

SETTINGS_FILE = "ftlint.toml"


class ExampleKind(Enum):
    """Whether the rule must speak or be silent."""

    BAD = "bad"
    GOOD = "good"


class Mark(NamedTuple):
    """A finding that must be there; in a notebook, `row` counts inside cell number `cell` (from 1, all cells)."""

    code: str
    filename: str
    cell: int | None
    row: int


@record
class Example:
    """One project of a page. `files` maps relative names to texts without marks, `ftlint.toml` included.

    `repaired` holds all files after all fixes, where the page says it.
    """

    code: str
    name: str
    kind: ExampleKind
    files: Mapping[str, str]
    marks: frozenset[Mark]
    repaired: Mapping[str, str] | None = None

    def __str__(self) -> str:
        return f"{self.code}-{self.name}"

    @property
    def settings(self) -> Mapping[str, object]:
        """What the example's `ftlint.toml` says; empty without one."""
        return parse_toml(self.files[SETTINGS_FILE]) if SETTINGS_FILE in self.files else {}

    def write_to(self, folder: Path) -> Path:
        """Write the files below `folder`, byte for byte, and answer it."""
        for name, text in self.files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text.encode())
        return folder

    def texts_in(self, folder: Path) -> dict[str, str]:
        """The present texts below `folder` of the files this example has; what a fix left is compared with this."""
        return {name: (folder / name).read_bytes().decode() for name in self.files if os.path.lexists(folder / name)}


def parse_toml(text: str) -> Mapping[str, object]:
    """The content of a TOML text; raises ValueError."""
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    content: dict[str, object] = tomllib.loads(text)
    return content
