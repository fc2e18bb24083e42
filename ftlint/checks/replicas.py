"""Models that are replicated inside one process, and trained."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path as FilePath
from typing import Protocol

from ftlint.findings import Match, Related
from ftlint.run.run import Run
from ftlint.spans import Location
from ftlint.trace import Path, ScriptTrace
from ftlint.trace.events import Trained, Wrapped
from ftlint.trace.placement_events import (
    Differentiated,
    GpusChosen,
    Ran,
    Replicated,
    Subject,
    Unwrapped,
)


class Project(Protocol):
    """What this check asks of the project."""

    def node(self) -> Run:
        """The hardware that the settings name."""

    def launches(self, path: FilePath) -> tuple[Run, ...]:
        """What each launch file says of the script at that path; at least one."""


def trained_data_parallel(trace: ScriptTrace, project: Project) -> Iterator[Match]:
    """`nn.DataParallel` around a model that is then trained.

    Silent for inference, for one named device, and where there is one GPU: the module itself is run there.
    """
    seen: set[Location] = set()
    for story in trace.stories:
        for path in story.paths:
            for event, used_at in _trained(path):
                if event.location not in seen and not _has_one_gpu(project, event.location.path):
                    seen.add(event.location)
                    main = "the first GPU" if event.gathers_on is None else f"GPU {event.gathers_on}"
                    yield Match(
                        at=event.location,
                        values={"main": main},
                        related=(Related(used_at, "what is trained in it"),),
                    )


def _has_one_gpu(project: Project, path: FilePath) -> bool:
    if project.node().parallel.gpus_per_node.value == 1:
        return True
    return all(launched.parallel.num_visible_gpus.value == 1 for launched in project.launches(path))


def _trained(path: Path) -> Iterator[tuple[Replicated, Location]]:
    """Replicated models that were run with gradients before some `backward()`, or that a Trainer trains."""
    waiting: dict[Subject, Replicated] = {}
    running: dict[Subject, Location] = {}
    wrapped: dict[Location, Subject] = {}
    has_one_gpu = False
    for event in path.events:
        if isinstance(event, GpusChosen):
            has_one_gpu = event.num_gpus < 2
        elif isinstance(event, Replicated) and (event.device_ids is None or len(event.device_ids) > 1):
            if not has_one_gpu:
                waiting[event.subject] = event
        elif isinstance(event, Unwrapped):
            # Under which of its names the model runs from here on is not followed.
            if event.subject not in running:
                waiting.pop(event.subject, None)
        elif isinstance(event, Ran) and not event.without_gradients:
            if event.subject in waiting:
                running.setdefault(event.subject, event.location)
        elif isinstance(event, Wrapped):
            wrapped[event.location] = event.module_id
        elif isinstance(event, Trained):
            subject = wrapped.get(event.made_at)
            if subject in waiting:
                yield waiting.pop(subject), event.location
        elif isinstance(event, Differentiated):
            for subject, location in running.items():
                if subject in waiting:
                    yield waiting.pop(subject), location
