"""The launch files of a project: shell scripts whose commands name the file that a run begins in."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from ftlint.dialects.launchers import SUFFIXES, Command, lower
from ftlint.errors import InputError
from ftlint.project.workspace import Workspace, absolute
from ftlint.run.fact import UNKNOWN, Fact
from ftlint.run.run import Input, ParallelFacts, Run
from ftlint.syntax.document import Source

MAX_FOLDERS = 200
MAX_FILES = 300
MAX_FILE_BYTES = 200_000


class LaunchFiles:
    """The shell files below one project root, read once and only when a run asks. One per project and check."""

    def __init__(self, root: Path, workspace: Workspace) -> None:
        self._root = root
        self._workspace = workspace
        self._sources: tuple[Source, ...] | None = None

    def run_of(self, path: Path) -> Run:
        """What the launch files that name that file say; where they disagree the number is unknown."""
        if self._sources is None:
            self._sources = tuple(self._read())
        found = [(source, run) for source in self._sources if (run := self._launched(path, source)) is not None]
        parallel = ParallelFacts(
            num_nodes=_agreed([run.parallel.num_nodes for _, run in found]),
            gpus_per_node=_agreed([run.parallel.gpus_per_node for _, run in found]),
        )
        return Run(parallel=parallel, inputs=tuple(Input(source.path, True) for source, _ in found))

    def _launched(self, path: Path, source: Source) -> Run | None:
        """What one shell file says of that very file; unknown numbers where it may mean another of the same name."""
        folders = (self._root, source.path.parent)  # where people stand when they launch

        def leads_to(command: Command) -> bool:
            return any(path in [absolute(folder / word) for folder in folders] for word in command.paths(path.name))

        def may_lead_to(command: Command) -> bool:
            """After `cd`, or behind a variable, a path may start anywhere."""
            words = command.paths(path.name)
            return any(not any(self._workspace.is_file(absolute(f / word)) for f in folders) for word in words)

        surely = lower(source, leads_to)
        if surely is not None:
            return surely
        perhaps = lower(source, may_lead_to)
        if perhaps is None:
            return None
        said = perhaps.parallel
        return Run(parallel=ParallelFacts(num_nodes=_unseen(said.num_nodes), gpus_per_node=_unseen(said.gpus_per_node)))

    def _read(self) -> Iterator[Source]:
        for number, path in enumerate(self._paths()):
            if number >= MAX_FILES:
                return
            try:
                data = self._workspace.read(path)
            except InputError:
                continue
            if len(data) <= MAX_FILE_BYTES:
                yield Source(path, data.decode("utf-8", "replace"))

    def _paths(self) -> Iterator[Path]:
        for number, (folder, folders, names) in enumerate(os.walk(self._root)):
            if number >= MAX_FOLDERS:
                return
            folders[:] = sorted(name for name in folders if not name.startswith(".") and name != "node_modules")
            for name in sorted(names):
                if name.endswith(SUFFIXES):
                    yield Path(folder, name)


def _unseen(fact: Fact[int]) -> Fact[int]:
    return Fact(UNKNOWN, fact.origins)


def _agreed(facts: list[Fact[int]]) -> Fact[int]:
    """The fact that all launch files which say anything agree on."""
    said = [fact for fact in facts if fact.said]
    origins = tuple(dict.fromkeys(origin for fact in said for origin in fact.origins))
    values = {fact.value for fact in said}
    return Fact(values.pop() if len(values) == 1 else UNKNOWN, origins)
