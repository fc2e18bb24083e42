"""Runs that share a file and disagree: a finding that is only some runs' fault must not accuse the shared file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from ftlint.findings import Finding, Fix, Related
from ftlint.record import record
from ftlint.run.run import Input, Run
from ftlint.spans import Location


@record
class RunFindings:
    """What was found about one run."""

    run: Run
    root: Path
    findings: tuple[Finding, ...]


def settle(outcomes: Sequence[RunFindings]) -> Iterator[Finding]:
    """The findings of all runs. One that only some of the runs sharing its file have moves to their own roots.

    There it stands at the line that refers to the shared file, and no fix edits the shared file.
    """
    for outcome in outcomes:
        for finding in outcome.findings:
            if finding.location.path == outcome.root or _agreed(finding, outcomes):
                yield finding
            else:
                yield _moved(finding, outcome)


def _agreed(finding: Finding, outcomes: Sequence[RunFindings]) -> bool:
    """Whether every run that reads the finding's file has that finding."""
    return all(
        any(_same(finding, other) for other in outcome.findings)
        for outcome in outcomes
        if _referrer(outcome.run, finding.location.path) is not None
    )


def _same(one: Finding, other: Finding) -> bool:
    return one.code == other.code and one.location == other.location


def _referrer(run: Run, path: Path) -> Input | None:
    return next((item for item in run.inputs if item.found and item.path == path), None)


def _moved(finding: Finding, outcome: RunFindings) -> Finding:
    shared = finding.location.path
    reference = _referrer(outcome.run, shared)
    place: Location | None = reference.referrer if reference is not None else None
    if place is None or place.path != outcome.root:
        return finding
    related = (Related(finding.location, "decided here, in a file that other runs use as well"), *finding.related)
    kept = tuple(item for item in related if item.location != place)
    return replace(finding, location=place, related=kept, fixes=tuple(_without(finding.fixes, shared)))


def _without(fixes: Sequence[Fix], shared: Path) -> Iterator[Fix]:
    return (fix for fix in fixes if all(edit.location.path != shared for edit in fix.edits))
