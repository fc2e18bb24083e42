"""One project under one choice of framework releases: its documents' keys, and the runs that begin in them.

A run is put together from the file a person launches, the files it refers to, the node in the settings, and the
numbers of the model.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ftlint.dialects.dialect import Dialect, PartialRun, Reference
from ftlint.dialects.keys import read_keys
from ftlint.dialects.registry import BY_NAME, explain
from ftlint.errors import InputError
from ftlint.project.launched import merge_launch, with_own_sharding
from ftlint.project.settings import Settings
from ftlint.project.workspace import Workspace, shown
from ftlint.record import record
from ftlint.run.fact import UNKNOWN, Fact, default
from ftlint.run.key import Key, KeySet
from ftlint.run.run import HardwareFacts, Input, ModelFacts, ParallelFacts, ParallelKind, Run, merge
from ftlint.run.versions import VersionView
from ftlint.spans import Location
from ftlint.syntax.document import DataDocument, Format, Scalar, ScriptDocument
from ftlint.syntax.scalars import ScalarValue

if TYPE_CHECKING:
    from ftlint.dialects.launch_commands import Launch
    from ftlint.knowledge.architectures import Architecture
    from ftlint.project.deepspeed_readers import DeepSpeedReaders
    from ftlint.project.launchers import LaunchFiles
    from ftlint.project.overrides import Overrides
    from ftlint.project.trl_commands import Reading
    from ftlint.trace import ScriptTrace


MAX_LAUNCHES = 16
"""Launch files of one script that are told apart, as many as there may be variants."""


@record
class Place:
    """What a project's files share in every variant: where it lies, what its settings say, who reads its files."""

    root: Path
    settings: Settings
    workspace: Workspace
    trace: Callable[[ScriptDocument], ScriptTrace]
    launch_files: Callable[[], LaunchFiles]
    deepspeed_readers: Callable[[], DeepSpeedReaders]


class ProjectView:
    """What checks may ask of the project around a run. One per variant; it remembers the keys it has read."""

    def __init__(self, place: Place, versions: VersionView) -> None:
        self._place = place
        self.versions = versions
        self._dialects: dict[Path, Dialect | None] = {}
        self._keys: dict[tuple[Path, str], KeySet] = {}
        self._launched: dict[Path, Run] = {}
        self._readings: dict[Path, Reading | None] = {}
        self._overrides: dict[Path, Overrides] = {}

    def dialect_of(self, document: DataDocument) -> Dialect | None:
        """The dialect of a document by the settings or by its content."""
        if document.path not in self._dialects:
            named = self._place.settings.dialect_of(document.path)
            self._dialects[document.path] = explain(document, named).dialect
        return self._dialects[document.path]

    def dialect_name(self, document: DataDocument) -> str | None:
        """The name of a document's dialect."""
        dialect = self.dialect_of(document)
        return dialect.name if dialect is not None else None

    def deepspeed_readers(self, path: Path) -> frozenset[str]:
        """The programs that may read that DeepSpeed file: `transformers`, `accelerate`, `deepspeed`."""
        return self._place.deepspeed_readers().of(path)

    def trl_commands(self, path: Path) -> Reading | None:
        """The commands of TRL's that read that file, where nothing else does."""
        from ftlint.project.trl_commands import commands_reading  # only TRL's files ask

        if path not in self._readings:
            place = self._place
            self._readings[path] = commands_reading(path, place.root, place.launch_files(), place.workspace)
        return self._readings[path]

    def overrides_of(self, path: Path) -> Overrides:
        """What command lines set beside that file."""
        from ftlint.project.overrides import overrides_of  # only files that are merged with a command line ask

        if path not in self._overrides:
            self._overrides[path] = overrides_of(path, self._place.launch_files())
        return self._overrides[path]

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

    def data_document(self, path: Path) -> DataDocument | None:
        """The data document of that path, the model's config.json for one; None where there is none we can read."""
        return self._document(path)

    def architecture_of(self, model_id: str, referrer: Path) -> Architecture | None:
        """The numbers of the model that a file calls so; None where we do not know them."""
        from ftlint.project.models import resolve_model

        named = ModelFacts(id=default(model_id, "as the script says"))
        found, _ = resolve_model(named, self._folders(referrer), self._place.workspace)
        return found.or_default(None)

    def run_of_document(self, document: DataDocument) -> Run | None:
        """The run that begins in a data document, if one does."""
        dialect = self.dialect_of(document)
        if dialect is None or dialect.lower is None:
            return None
        keys = self.keys_of(document, dialect)
        if dialect.has_flags_for_keys:
            from ftlint.project.overrides import without_overridden

            keys = without_overridden(keys, self.overrides_of(document.path))
        partial = self._recipe(document.path, keys) if dialect.name == "trl" else dialect.lower(keys, self.versions)
        return self._assemble(partial, document.path, self.launched(document.path)) if partial.starts_run else None

    def _recipe(self, path: Path, keys: KeySet) -> PartialRun:
        """What a TRL recipe says to the command that reads it, or by its keys alone where none is seen to."""
        from ftlint.dialects import trl
        from ftlint.project.trl_commands import launches_reading

        reading = launches_reading(path, self._place.launch_files())
        if reading is None:
            return trl.lower(keys, self.versions)
        if len(reading.commands) != 1:
            return PartialRun(Run())
        (command,) = reading.commands
        partial = trl.lower_command(keys, self.versions, command, reading.overruled)
        launcher = self.launched(path).parallel.launcher
        if not reading.has_scripts or launcher.known:
            return partial
        # What starts the script was not read, nor what it says of sharding.
        unseen = Run(parallel=ParallelFacts(kind=Fact(UNKNOWN, launcher.origins)))
        return dataclasses.replace(partial, facts=merge(unseen, partial.facts))

    def trace_of(self, document: ScriptDocument) -> ScriptTrace:
        """What a script does; the same in every variant."""
        return self._place.trace(document)

    def others_reading(self, path: Path, name: str) -> bool:
        """Whether another file of the project may read that name of a script's first level."""
        from ftlint.project.importers import may_be_read  # only what would be a finding asks

        return may_be_read(path, name, self._place.root, self._place.workspace)

    def others_importing(self, path: Path) -> bool:
        """Whether another file of the project may import that script."""
        from ftlint.project.importers import may_be_imported

        return may_be_imported(path, self._place.root, self._place.workspace)

    def helpers_saying(self, path: Path, imported: frozenset[str], words: frozenset[str]) -> bool:
        """Whether a file of the project that the script imports from mentions one of the words."""
        from ftlint.project.importers import helpers_may_say

        return helpers_may_say(path, imported, words, self._place.root, self._place.workspace)

    def configurations_saying(self, words: frozenset[str]) -> bool:
        """Whether a configuration or shell file of the project mentions one of the words."""
        from ftlint.project.importers import configurations_may_say

        return configurations_may_say(words, self._place.root, self._place.workspace)

    def is_launched_by(self, path: Path, launcher: str) -> bool:
        """Whether a launch file of the project mentions both the script and that launcher."""
        texts = (text.source.text for text in self._place.launch_files().texts)
        return any(path.stem in text and launcher in text for text in texts)

    def runs_of_script(self, document: ScriptDocument) -> tuple[Run, ...]:
        """The runs that begin in a script, and those whose launch commands are all there is to read of them."""
        runs = (*self._runs_of_python(document), *self._runs_of_commands(document))
        return tuple(
            dataclasses.replace(run, name=f"{run.name}:{number}") if len(runs) > 1 else run
            for number, run in enumerate(runs, start=1)
        )

    def _runs_of_python(self, document: ScriptDocument) -> Iterator[Run]:
        from ftlint.dialects.scripts import lower_script

        if document.format is Format.SHELL:
            return
        trace = self.trace_of(document)
        for partial in lower_script(trace, document, self.versions):
            yield self._assemble(with_own_sharding(partial, trace), document.path, self.launched(document.path))

    def _runs_of_commands(self, document: ScriptDocument) -> Iterator[Run]:
        if document.format is Format.PYTHON:
            return
        from ftlint.project.launch_runs import runs_in_commands

        place = self._place
        gpus_of_node = place.settings.hardware.gpus_per_node
        for partial in runs_in_commands(document, place.root, place.workspace, gpus_of_node, self.versions):
            if partial.starts_run:
                yield self._assemble(partial, document.path, Run())

    def launched(self, path: Path) -> Run:
        """What the project's launch commands say of a file, and the configuration files they name; nothing else."""
        if path not in self._launched:
            from ftlint.project.launchers import agreed  # only runs look for their launchers

            self._launched[path] = agreed(self._launches(path))
        return self._launched[path]

    def launches(self, path: Path) -> tuple[Run, ...]:
        """What each of the project's launch files says of a file; without one, one launch of which nothing is said."""
        return self._launches(path)[:MAX_LAUNCHES] or (Run(),)

    def _launches(self, path: Path) -> tuple[Run, ...]:
        hardware = self._place.settings.hardware
        return self._place.launch_files().runs_of(path, self._lower_accelerate, hardware.gpus_per_node)

    def _lower_accelerate(self, launch: Launch, referrer: Path) -> Run:
        """What a command says, over the file behind its `--config_file`."""
        if launch.flags is None:
            return Run(parallel=launch.parallel)
        from ftlint.dialects import accelerate

        said = Run(parallel=launch.parallel)
        keys, place = launch.flags, referrer
        if isinstance(launch.config_file.value, str):
            document, said = self._find(launch.config_file.value, launch.config_file, referrer, said)
            if document is not None:
                in_file = self.keys_of(document, accelerate.DIALECT)
                keys = dataclasses.replace(in_file, keys={**in_file.keys, **launch.flags.keys})
                place = document.path
        partial = accelerate.lower(keys, self.versions)
        run = merge(said, partial.facts)
        for reference in partial.references:
            run = merge(run, self._referenced(reference, place))
        return run

    def _find(self, text: str, fact: Fact[str], referrer: Path, unseen: Run) -> tuple[DataDocument | None, Run]:
        """The document that a file names, and `unseen` with the places that were asked for it."""
        from ftlint.project.references import resolve_reference

        found = resolve_reference(text, referrer, self._place.root, self._place.workspace)
        inputs = tuple(Input(place, place == found.path, fact.location) for place in found.looked_at)
        document = self._document(found.path) if found.path is not None else None
        is_read = document is not None and bool(document.roots)
        return document if is_read else None, dataclasses.replace(unseen, inputs=inputs)

    def _document(self, path: Path) -> DataDocument | None:
        try:
            document = self._place.workspace.document(path)
        except InputError:
            return None
        return document if isinstance(document, DataDocument) else None

    def _assemble(self, partial: PartialRun, path: Path, launched: Run) -> Run:
        run = dataclasses.replace(partial.facts, name=shown(path), inputs=(Input(path, True),))
        for reference in partial.references:
            run = merge(run, self._referenced(reference, path))
        return self.completed(run, path, launched)

    def completed(self, run: Run, path: Path, launched: Run) -> Run:
        """A run that begins in that file, laid on the node in the settings, with a launch and its architecture."""
        from ftlint.project.models import resolve_model  # brings all architectures; only what starts a run has a model

        run = merge_launch(merge(self.node(), run), launched)
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
        document, unseen = self._find(reference.fact.value, reference.fact, referrer, unseen)
        dialect = BY_NAME[reference.dialect]
        if document is None or dialect.lower is None:
            return unseen
        facts = dialect.lower(self.keys_of(document, dialect), self.versions).facts
        return dataclasses.replace(facts, inputs=unseen.inputs)

    def node(self) -> Run:
        """The hardware that the settings name."""
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
