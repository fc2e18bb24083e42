"""Whether a model is sharded by FSDP when the script runs: what the script says, else what launches it."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from ftlint.findings import Related
from ftlint.record import record
from ftlint.run.fact import UNKNOWN, Fact, Truth, Unknown
from ftlint.run.key import Key
from ftlint.run.run import ParallelKind, Run
from ftlint.run.versions import VersionView
from ftlint.spans import Location
from ftlint.syntax.document import DataDocument
from ftlint.syntax.python import span_of
from ftlint.trace.sharding import Gathering, Sharder, Sharding, StateTaken, StateType, Written


class Launches(Protocol):
    """What these checks ask of the project."""

    def launches(self, path: Path) -> tuple[Run, ...]:
        """What each launch file, with Accelerate's files, says of the script at that path; at least one."""

    def keys_at(self, location: Location) -> tuple[DataDocument, Key] | None:
        """The document and the key there; None where no data file's setting stands."""


@record
class Shards:
    """A model that is sharded when it runs, by which version of FSDP (UNKNOWN: either), and where that is said."""

    by: Sharder
    version: int | Unknown
    location: Location
    phrase: str  # "fully_shard shards", after "a model that"


def shards_of(sharding: Sharding | None, launched: Run, versions: VersionView) -> Shards | None:
    """How a model is sharded; None where it is not, or where nobody says so."""
    if sharding is None:
        return None
    processes = launched.parallel.num_processes
    if processes.value == 1:
        return None  # one rank holds everything
    if sharding.by in (Sharder.FSDP1, Sharder.FSDP2):
        if sharding.said is not Truth.YES:
            return None
        version = 1 if sharding.by is Sharder.FSDP1 else 2
        return Shards(sharding.by, version, sharding.location, f"{sharding.by.value} shards")
    if sharding.said is Truth.YES:
        return Shards(
            sharding.by, _written_version(sharding, versions), sharding.location, f"the {sharding.by.value} shards"
        )
    kind = launched.parallel.kind
    if kind.value is not ParallelKind.FSDP or kind.location is None:
        return None
    launched_version = launched.parallel.fsdp_version
    number = launched_version.value if launched_version.said else 1
    return Shards(sharding.by, number, kind.location, f"the {sharding.by.value} shards")


def _written_version(sharding: Sharding, versions: VersionView) -> int | Unknown:
    if sharding.version is not None:
        return sharding.version
    if sharding.by is Sharder.ACCELERATOR:
        return 1  # accelerate 1.15 utils/dataclasses.py: FSDP_VERSION, else 1
    answer = versions.behaviour("trainer_default_fsdp_version").value
    return int(answer) if isinstance(answer, str) else UNKNOWN


def state_type_of(
    sharding: Sharding, gathering: Gathering | None, shards: Shards, launched: Run, versions: VersionView
) -> Fact[StateType]:
    """The state dict type under which a Trainer or an Accelerator saves."""
    if gathering is not None:
        return Fact(gathering.type)
    if sharding.state_type is not None:
        reads = sharding.by is Sharder.ACCELERATOR
        if not reads:
            answer = versions.behaviour("trainer_reads_fsdp_state_dict_type").value
            if not isinstance(answer, str):
                return Fact(UNKNOWN)
            reads = answer == "yes"
        if reads:
            return Fact(sharding.state_type)
    said = launched.saving.state_dict_type
    if said.said:
        return Fact(_same(said.value), said.origins)
    if sharding.said is Truth.YES and sharding.by is Sharder.TRAINER:
        answer = versions.behaviour("trainer_reads_fsdp_state_dict_type").value
        if answer == "yes":
            return Fact(StateType.FULL)
        if not isinstance(answer, str):
            return Fact(UNKNOWN)
    if shards.version == 1:
        return Fact(StateType.FULL)
    return Fact(UNKNOWN)


def _same(value: object) -> StateType | Unknown:
    """The run's word for a type in the trace's words: neither room knows the other's."""
    name = getattr(value, "name", "")
    return StateType.__members__.get(name, UNKNOWN)


def call_text(event: StateTaken | Written) -> str:
    """The function that is called, as the script writes it."""
    site = event.site if isinstance(event, Written) else event.state.site
    if site is None:
        return event.by if isinstance(event, Written) else event.state.taken_by
    return site.source.slice(span_of(site.call.func, site.source))


def launch_related(launched: Run) -> tuple[Related, ...]:
    """The line that says how many processes there are."""
    processes = launched.parallel.num_processes
    if not processes.known or processes.location is None:
        return ()
    return (Related(processes.location, f"launched with {processes.value} processes"),)
