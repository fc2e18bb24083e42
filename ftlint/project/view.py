"""One project under one choice of framework releases: its documents' keys, and the runs that begin in them.

A run is put together from the file a person launches, the files it refers to, the node in the settings, and the
numbers of the model.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from ftlint.dialects.dialect import Dialect, PartialRun, Reference
from ftlint.dialects.keys import read_keys
from ftlint.dialects.registry import BY_NAME, explain
from ftlint.errors import InputError
from ftlint.project.settings import Settings
from ftlint.project.workspace import Workspace, shown
from ftlint.record import record
from ftlint.run.fact import UNKNOWN, Fact, default
from ftlint.run.key import Key, KeySet
from ftlint.run.run import HardwareFacts, Input, ParallelFacts, ParallelKind, Run, merge
from ftlint.run.versions import VersionView
from ftlint.spans import Location
from ftlint.syntax.document import DataDocument, Scalar, ScriptDocument
from ftlint.syntax.scalars import ScalarValue

if TYPE_CHECKING:
    from ftlint.project.launchers import LaunchFiles
    from ftlint.trace import ScriptTrace


@record
class Place:
    """What a project's files share in every variant: where it lies, what its settings say, who reads its files."""

    root: Path
    settings: Settings
    workspace: Workspace
    trace: Callable[[ScriptDocument], ScriptTrace]
    launch_files: Callable[[], LaunchFiles]


class ProjectView:
    """What checks may ask of the project around a run. One per variant; it remembers the keys it has read."""

    def __init__(self, place: Place, versions: VersionView) -> None:
        self._place = place
        self.versions = versions
        self._keys: dict[tuple[Path, str], KeySet] = {}

    def dialect_of(self, document: DataDocument) -> Dialect | None:
        """The dialect of a document by the settings or by its content."""
        return explain(document, self._place.settings.dialect_of(document.path)).dialect

    def keys_of(self, document: DataDocument, dialect: Dialect) -> KeySet:
        """The keys of a document as that dialect's loader reads them in this variant."""
        known = self._keys.get((document.path, dialect.name))
        if known is None:
            root = dialect.root(document.roots[0]) if dialect.root and document.roots else None

            def meaning(scalar: Scalar) -> ScalarValue:
                return dialect.scalar(scalar, self.versions)

            known = read_keys(dialect.name, document, meaning, root)
            self._keys[document.path, dialect.name] = known
        return known

    def keys_at(self, location: Location) -> tuple[DataDocument, Key] | None:
        """The setting written at that place, and the document it is in."""
        document = self._document(location.path)
        if document is None:
            return None
        for (path, _), keys in self._keys.items():
            key = keys.at(location) if path == location.path else None
            if key is not None:
                return document, key
        return None

    def run_of_document(self, document: DataDocument) -> Run | None:
        """The run that begins in a data document, if one does."""
        dialect = self.dialect_of(document)
        if dialect is None or dialect.lower is None:
            return None
        keys = self.keys_of(document, dialect)
        partial = dialect.lower(keys, self.versions)
        return self._assemble(partial, document.path) if partial.starts_run else None

    def trace_of(self, document: ScriptDocument) -> ScriptTrace:
        """What a script does; the same in every variant."""
        return self._place.trace(document)

    def others_reading(self, path: Path, name: str) -> bool:
        """Whether another file of the project may read that name of a script's first level."""
        from ftlint.project.importers import may_be_read  # only what would be a finding asks

        return may_be_read(path, name, self._place.root, self._place.workspace)

    def runs_of_script(self, document: ScriptDocument) -> tuple[Run, ...]:
        """The runs that begin in a script."""
        from ftlint.dialects.scripts import lower_script

        partials = lower_script(self.trace_of(document), document, self.versions)
        runs = tuple(self._assemble(partial, document.path) for partial in partials)
        return tuple(
            dataclasses.replace(run, name=f"{run.name}:{number}") if len(runs) > 1 else run
            for number, run in enumerate(runs, start=1)
        )

    def _document(self, path: Path) -> DataDocument | None:
        try:
            document = self._place.workspace.document(path)
        except InputError:
            return None
        return document if isinstance(document, DataDocument) else None

    def _assemble(self, partial: PartialRun, path: Path) -> Run:
        from ftlint.project.models import resolve_model  # brings all architectures; only what starts a run has a model

        run = dataclasses.replace(partial.facts, name=shown(path), inputs=(Input(path, True),))
        for reference in partial.references:
            run = merge(run, self._referenced(reference, path))
        run = merge(merge(self._node(), run), self._place.launch_files().run_of(path))
        architecture, inputs = resolve_model(run.model, self._folders(path), self._place.workspace)
        return dataclasses.replace(
            run,
            model=dataclasses.replace(run.model, architecture=architecture),
            parallel=_with_zero_init(run.parallel),
            inputs=(*run.inputs, *inputs),
        )

    def _folders(self, path: Path) -> tuple[Path, ...]:
        return tuple(dict.fromkeys((self._place.root, path.parent)))

    def _referenced(self, reference: Reference, referrer: Path) -> Run:
        """What the file behind a reference adds; where it cannot be read, that the run's parallelism is unknown."""
        unseen = Run(parallel=ParallelFacts(kind=Fact(UNKNOWN, reference.fact.origins)))
        if not isinstance(reference.fact.value, str):
            return unseen
        from ftlint.project.references import resolve_reference

        found = resolve_reference(reference.fact.value, referrer, self._place.root, self._place.workspace)
        inputs = tuple(Input(place, place == found.path, reference.fact.location) for place in found.looked_at)
        unseen = dataclasses.replace(unseen, inputs=inputs)
        document = self._document(found.path) if found.path is not None else None
        dialect = BY_NAME[reference.dialect]
        if document is None or dialect.lower is None or not document.roots:
            return unseen
        return dataclasses.replace(dialect.lower(self.keys_of(document, dialect), self.versions).facts, inputs=inputs)

    def _node(self) -> Run:
        hardware = self._place.settings.hardware
        return Run(
            hardware=HardwareFacts(gpu=hardware.gpu, host_ram_bytes=hardware.host_ram_bytes),
            parallel=ParallelFacts(gpus_per_node=hardware.gpus_per_node, num_nodes=hardware.num_nodes),
        )


def _with_zero_init(parallel: ParallelFacts) -> ParallelFacts:
    """Under ZeRO-3 transformers partitions the weights while it loads them, unless something said otherwise."""
    if parallel.zero_init.said or parallel.kind.value is not ParallelKind.ZERO or parallel.zero_stage.value != 3:
        return parallel
    return dataclasses.replace(
        parallel, zero_init=default(True, "transformers loads under zero.Init when it knows of ZeRO-3")
    )
