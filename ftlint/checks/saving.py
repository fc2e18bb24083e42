"""Weights of a model under FSDP that are written without having been put together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ftlint.checks.doubts import doubt_of
from ftlint.checks.saving_fixes import edits_for
from ftlint.checks.sharded import Launches, Shards, call_text, launch_related, shards_of, state_type_of
from ftlint.findings import Match, Related, Severity
from ftlint.record import record
from ftlint.run.fact import UNKNOWN, Fact, Truth
from ftlint.run.run import Run
from ftlint.run.versions import VersionView
from ftlint.spans import Location
from ftlint.syntax.document import ScriptDocument
from ftlint.trace import Path, ScriptTrace
from ftlint.trace.sharding import Sharder, StateDict, StateTaken, StateType, Written

MAX_EDITED = 100
"""Findings of one script that come with edits: thousands are mended where the script is generated."""
HANGS = "rank 0 alone gathers, and waits until the collective times out"
PIECES = "what is written are the pieces of one rank, not the weights"
ROOT_PIECES = "what FSDP's outermost unit holds (embeddings, last norm, head) is written as flat pieces"
RAISES = "it raises (invalid python storage), and nothing is saved"
NO_WEIGHTS = "under {type} it writes nothing"
EMPTY_ADAPTER = "PEFT does not find the adapter under FSDP's names, and writes it without weights"
NO_PICKLE = "FSDP's class of it cannot be pickled"


@record
class Damage:
    """What one write does, and to what it is due: `place` is a setting elsewhere that decided it."""

    written: Written | StateTaken
    outcome: str
    shards: Shards
    hangs: bool = False
    place: Location | None = None
    is_editable: bool = True


def save_without_full_state(
    trace: ScriptTrace, document: ScriptDocument, project: Launches, versions: VersionView
) -> Iterator[Match]:
    """Every write of a sharded model's pieces, and every gather that only rank 0 takes part in.

    Among the paths that reach a write: all of them damage it, or it is a warning. Silent where the launch has one
    process, or where how the model is sharded cannot be seen.
    """
    if not trace.complete:
        return
    judges = [_Judge(launched, versions) for launched in project.launches(document.path)]
    num_edited = 0
    for story in trace.stories:
        reached: dict[Location, list[tuple[_Judge, Damage | None]]] = {}
        for judge in judges:
            for path in story.paths:
                for place, damage in judge.path(path):
                    reached.setdefault(place, []).append((judge, damage))
        for place, judged in reached.items():
            found = next(((judge, damage) for judge, damage in judged if damage is not None), None)
            if found is not None:
                num_edited += 1
                if num_edited > MAX_EDITED:
                    found = found[0], replace(found[1], is_editable=False)
                yield _match(
                    place,
                    found[1],
                    doubt_of((judge.launched, damage is not None) for judge, damage in judged),
                    document,
                    project,
                    found[0].launched,
                )


class _Judge:
    """Judges the writes of one script under one launch."""

    def __init__(self, launched: Run, versions: VersionView) -> None:
        self.launched = launched
        self._versions = versions

    def path(self, path: Path) -> Iterator[tuple[Location, Damage | None]]:
        """Each place on a path where weights are written, with what is wrong there; a lonely gather stands last."""
        written = [event for event in path.events if isinstance(event, Written)]
        for write in written:
            damage = self._written(write)
            # What never returns is the gather: that call has to move.
            moved = damage is not None and damage.hangs and write.state is not None
            yield write.state.location if moved and write.state else write.location, damage
        done = {event.state.location for event in written if event.state is not None}
        for event in path.events:
            if isinstance(event, StateTaken) and event.location not in done:
                shards = self._shards(event.state)
                if shards is not None and self._hangs(event.state, shards):
                    yield event.location, Damage(event, HANGS, shards, hangs=True)

    def _shards(self, of: StateDict | Written) -> Shards | None:
        return shards_of(of.sharding, self.launched, self._versions)

    def _written(self, event: Written) -> Damage | None:
        if event.state is not None:
            return self._state_written(event, event.state)
        shards = self._shards(event)
        if shards is None:
            return None
        if event.by in ("save_model", "push_to_hub") and _is_the_trainers(event):
            return self._by_trainer(event, shards)
        if event.gathering is not None and event.gathering.type in (StateType.FULL, UNKNOWN) and shards.version != 2:
            return None  # put together in some way around the write
        if event.rank_in_path:
            return None
        if shards.version == 1:
            return self._inner_written(event, shards)
        if shards.version == 2:
            if event.by in ("torch.save", "accelerator.save"):
                return Damage(event, NO_PICKLE, shards)
            return Damage(event, PIECES if event.in_safetensors is Truth.NO else RAISES, shards)
        return None

    def _inner_written(self, event: Written, shards: Shards) -> Damage | None:
        """What FullyShardedDataParallel hands on to the module inside, which knows nothing of the outermost unit."""
        if event.by not in ("save_pretrained", "push_to_hub"):
            return Damage(event, PIECES, shards)
        if event.is_adapted:
            return self._adapter_written(event, shards)
        return Damage(event, ROOT_PIECES, shards)

    def _adapter_written(self, event: Written, shards: Shards) -> Damage | None:
        """PEFT keeps of a state dict what belongs to the adapter, where layers are gathered by themselves."""
        sharding = event.sharding
        if sharding is None or (sharding.by is Sharder.FSDP1 and sharding.has_inner_units is Truth.NO):
            return Damage(event, PIECES, shards)
        lost = self._versions.behaviour("peft_adapter_inside_fsdp1").value == "lost"
        return Damage(event, EMPTY_ADAPTER, shards, is_editable=False) if lost else None

    def _state_written(self, event: Written, state: StateDict) -> Damage | None:
        shards = self._shards(state)
        if shards is None or shards.version is UNKNOWN:
            return None
        if self._hangs(state, shards):
            return Damage(event, HANGS, shards, hangs=True)
        if self._kind(state, shards) in (StateType.SHARDED, StateType.LOCAL) and not event.rank_in_path:
            raises = event.in_safetensors is Truth.YES and shards.version == 2 and not state.is_plain
            return Damage(event, RAISES if raises else PIECES, shards)
        has_units = event.sharding is not None and event.sharding.has_inner_units is Truth.YES
        if event.by == "save_pretrained" and event.is_adapted and shards.version == 1 and has_units:
            return self._adapter_written(event, shards)
        return None

    def _kind(self, state: StateDict, shards: Shards) -> StateType | None:
        """What a state dict holds; None where it cannot be seen."""
        gathering = state.gathering
        if state.taken_by == "state_dict":
            if shards.version == 2:
                return None if gathering is not None and gathering.summoned else StateType.SHARDED
            if gathering is None:
                return StateType.FULL  # torch's default for FullyShardedDataParallel
        assert gathering is not None
        return gathering.type if isinstance(gathering.type, StateType) else None

    def _hangs(self, state: StateDict, shards: Shards) -> bool:
        return state.guard is not None and self._kind(state, shards) is StateType.FULL

    def _by_trainer(self, event: Written, shards: Shards) -> Damage | None:
        assert event.sharding is not None
        kind: Fact[StateType] = state_type_of(event.sharding, event.gathering, shards, self.launched, self._versions)
        if kind.value in (StateType.SHARDED, StateType.LOCAL):
            assert isinstance(kind.value, StateType)
            place = event.sharding.state_type_location if kind.location is None else kind.location
            return Damage(event, NO_WEIGHTS.format(type=kind.value.value), shards, place=place)
        if kind.value is StateType.FULL and event.guard is not None:
            return Damage(event, HANGS, shards, hangs=True)
        return None


def _is_the_trainers(event: Written) -> bool:
    return event.sharding is not None and event.sharding.by is Sharder.TRAINER and event.model is None


def _match(
    place: Location, damage: Damage, reason: str, document: ScriptDocument, project: Launches, launched: Run
) -> Match:
    event = damage.written
    edits, trainer_call = edits_for(damage, document, project)
    values = {
        "call": call_text(event),
        "sharding": damage.shards.phrase,
        "outcome": damage.outcome,
        "trainer_call": trainer_call,
    }
    return Match(
        at=place,
        values=values,
        related=tuple(_related(place, damage, launched)),
        edits=edits,
        severity=Severity.WARNING if reason else None,
        reason=reason,
    )


def _related(place: Location, damage: Damage, launched: Run) -> Iterator[Related]:
    yield Related(damage.shards.location, "this shards the model")
    state = damage.written.state
    if state is not None and state.location != place and not _inside(state.location, place):
        yield Related(state.location, "the state dict is taken here")
    elif damage.written.location != place and not _inside(place, damage.written.location):
        yield Related(damage.written.location, "what it gathers is written here")
    guard = state.guard if state is not None else getattr(damage.written, "guard", None)
    if damage.hangs and guard is not None:
        yield Related(guard.location, "only rank 0 gets past this")
    if damage.place is not None:
        yield Related(damage.place, "this sets the type")
    yield from launch_related(launched)


def _inside(inner: Location, outer: Location) -> bool:
    same = (inner.path, inner.cell) == (outer.path, outer.cell)
    return same and outer.span.start <= inner.span.start and inner.span.end <= outer.span.end
