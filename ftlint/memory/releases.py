"""Which side of a release the admissible ones are on, where a doubt widens an interval and splits no variant."""

from __future__ import annotations

from collections.abc import Sequence

from ftlint.run.fact import Truth
from ftlint.run.versions import VersionView


def since(versions: VersionView | None, package: str, release: tuple[int, int]) -> Truth:
    """Whether every admissible release is at least this one; UNKNOWN where some are and some are not.

    Deliberately not a question to the view: a doubt of a few percent widens the interval, it does not split variants.
    """
    admissible = versions.admissible.get(package) if versions is not None else None
    if admissible is None or not admissible.releases:
        return Truth.UNKNOWN
    answers = {_major_minor(name) >= release for name in admissible.releases}
    return Truth.UNKNOWN if len(answers) > 1 else Truth.of(answers.pop())


def spans_of(
    versions: VersionView | None, package: str, bounds: Sequence[tuple[int, int]]
) -> tuple[tuple[int, int], ...]:
    """Of these releases, newest first, those from which on some admissible release is, up to the one before it.

    All of them where nothing is known.
    """
    admissible = versions.admissible.get(package) if versions is not None else None
    if admissible is None or not admissible.releases:
        return tuple(bounds)
    found = {next((bound for bound in bounds if _major_minor(name) >= bound), None) for name in admissible.releases}
    return tuple(bound for bound in bounds if bound in found)


def _major_minor(release: str) -> tuple[int, int]:
    numbers = [int(part) if part.isdigit() else 0 for part in release.split(".")[:2]]
    return (numbers[0], numbers[1] if len(numbers) > 1 else 0)
