"""What the answers of several sources come to: the releases that may be in use, and what could not be read.

The reasoning is docs/decisions/009.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ftlint.knowledge.releases import admissible_default, releases
from ftlint.project.specifiers import (
    Claim,
    allows_one_of,
    claim_of_address,
    claim_of_specifier,
    exact_release,
    in_order,
    same_release,
)
from ftlint.project.version_sources.source import Answer, Demand, Group, Problem
from ftlint.record import record
from ftlint.run.versions import Admissible
from ftlint.spans import How, Origin

# A project's own manifest names a branch, and the lock beside it says which commit that was.
_MANIFESTS = frozenset(("pyproject.toml", "Pipfile"))


@record
class Judged:
    """The releases that some sources allow, None where they say nothing about releases; and their problems."""

    admissible: Admissible | None
    mentions: tuple[Demand, ...]
    problems: tuple[Problem, ...]


@record
class _Sourced:
    """A claim and the demands it comes from; `specifier` is their range, and None where there is none."""

    claim: Claim
    demands: tuple[Demand, ...]
    specifier: str | None
    is_exact: bool = False


def judge(answers: Iterable[Answer], package: str) -> Judged:
    """Whatever one of the sources allows; but where one is exact, ranges that contain its release add nothing."""
    answers = tuple(answers)
    groups = tuple(group for answer in answers for group in answer.groups)
    mentions = tuple(dict.fromkeys(demand for group in groups for demand in group.demands))
    problems = [problem for answer in answers for problem in answer.problems]
    found = [sourced for group in groups for sourced in _claims(group, package)]
    locked = [release for sourced in found if sourced.is_exact for release in sourced.claim.releases]
    if locked:
        found = [sourced for sourced in found if sourced.is_exact or not _adds_nothing(sourced, locked)]
    problems += [problem for sourced in found for problem in _doubts(sourced, package)]
    admissible = _united(found) if found else None
    return Judged(admissible, mentions, tuple(dict.fromkeys(problems)))


def default(package: str, mentions: Iterable[Demand]) -> Admissible:
    """What holds where no version is written, with the places that name the package all the same."""
    note = f"no version of {package} found: every release of the last 24 months in our data"
    origins = tuple(dict.fromkeys(_origin(demand) for demand in mentions))
    return Admissible(window(package), (*origins, Origin(How.DEFAULT, None, note)))


def known(package: str) -> tuple[str, ...]:
    """The releases that a range can mean: not those that were withdrawn."""
    return tuple(release.version for release in releases(package) if not release.is_withdrawn)


def window(package: str) -> tuple[str, ...]:
    """The releases of the last 24 months."""
    return tuple(release.version for release in admissible_default(package))


def _united(found: Iterable[_Sourced]) -> Admissible:
    found = tuple(found)
    allowed = {release for sourced in found for release in sourced.claim.releases}
    demands = dict.fromkeys(demand for sourced in found for demand in sourced.demands)
    is_beyond = any(sourced.claim.is_beyond for sourced in found)
    return Admissible(in_order(allowed), tuple(_origin(demand) for demand in demands), is_beyond)


def _claims(group: Group, package: str) -> Iterator[_Sourced]:
    """What demands that hold together allow. Those with a marker are alternatives, on top of those without."""
    if group.beside:
        with_project = tuple(_claims(Group((*group.beside, *group.demands)), package))
        if any(sourced.claim.releases for sourced in with_project):
            yield from with_project
            return
    always = tuple(demand for demand in group.demands if demand.specifier and not demand.is_conditional)
    sometimes = tuple(demand for demand in group.demands if demand.specifier and demand.is_conditional)
    alternatives = [(*always, demand) for demand in sometimes] or ([always] if always else [])
    for together in alternatives:
        specifier = ",".join(demand.specifier for demand in together)
        claim = claim_of_specifier(specifier, known(package))
        if claim is not None:
            yield _Sourced(claim, together, specifier, group.is_exact)
    for demand in group.demands:
        if demand.address is not None:
            yield _Sourced(claim_of_address(demand.address, known(package), window(package)), (demand,), None)
        elif demand.is_upgrade and not demand.specifier:
            yield _Sourced(Claim(window(package)), (demand,), None)


def _adds_nothing(sourced: _Sourced, locked: Iterable[str]) -> bool:
    """Whether a claim only says more loosely what is locked."""
    if sourced.specifier is not None:
        return allows_one_of(sourced.specifier, locked)
    return all(demand.address is not None and demand.location.path.name in _MANIFESTS for demand in sourced.demands)


def _doubts(sourced: _Sourced, package: str) -> Iterator[Problem]:
    """A range without releases, and an exact version of which we know nothing although we know newer ones."""
    if sourced.specifier is None or sourced.claim.is_beyond or not releases(package):
        return
    place = sourced.demands[-1].location
    if not sourced.claim.releases:
        yield Problem(place, f'no release of {package} that ftlint knows satisfies "{sourced.specifier}"')
        return
    version = exact_release(sourced.specifier)
    if version is not None and not any(same_release(release.version, version) for release in releases(package)):
        yield Problem(place, f"{version} is no release of {package} that ftlint knows", is_unseen=True)


def _origin(demand: Demand) -> Origin:
    return Origin(How.DETECTED, demand.location, demand.text)
