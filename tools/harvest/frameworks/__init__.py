"""One module per framework: which releases of it are read, and what one release says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ftlint.record import record
from tools.harvest.histories import Snapshot
from tools.harvest.packages import Plan, Source

MODULES = tuple(sorted(path.stem for path in Path(__file__).parent.glob("[!_]*.py")))
"""The modules in this folder, each with its FRAMEWORK; the schema of each has the module's name."""


@record
class Framework:
    """What becomes one file in `schemas/`. `root`: the level at the top of a document, for formats that are files."""

    title: str
    plan: Plan
    snapshot: Callable[[Source], Snapshot]
    root: str | None = None
