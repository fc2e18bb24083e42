"""What says which releases are in use and could not be read: one finding each, with what is assumed instead."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from ftlint.findings import Match, Severity
from ftlint.project.versions import VersionsInUse, problems_of
from ftlint.run.versions import Admissible, describe
from ftlint.spans import How

UNREAD_VERSION = "CFG121"


def unread_versions(asked: Iterable[VersionsInUse]) -> Iterator[Match]:
    """One match per thing that could not be read; what may be right, and only we cannot tell, is advice."""
    for problem, assumed in problems_of(asked).items():
        severity = Severity.INFO if problem.is_unseen else None
        values = {"cause": problem.cause, "assumed": _assumed(assumed)}
        yield Match(at=problem.location, values=values, severity=severity)


def _assumed(assumed: Mapping[str, Admissible]) -> str:
    return "; ".join(f"{package} {_releases(found)}" for package, found in sorted(assumed.items()))


def _releases(found: Admissible) -> str:
    if not found.releases:
        return "of no release, so nothing is said about it"
    places = {origin.location.path.name: None for origin in found.origins if origin.location is not None}
    if any(origin.how is How.DEFAULT for origin in found.origins):
        return f"{describe(found.releases)}, every release of 24 months"
    return f"{describe(found.releases)} ({', '.join(places)})" if places else describe(found.releases)
