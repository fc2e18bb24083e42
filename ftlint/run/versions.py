"""The releases a project may run with, and a view of them that notices which differences mattered.

A variant begins with every admissible release. Whoever needs to know how a release behaves asks the view; where the
admissible releases disagree the view answers UNKNOWN and remembers the question, and the engine asks again with each
side of the disagreement. So only differences that some datum used multiply the variants.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import TypeVar

from ftlint.record import record
from ftlint.run.fact import UNKNOWN, Fact, Truth, Unknown
from ftlint.spans import How, Origin

T = TypeVar("T")


@record
class Admissible:
    """The releases of one package that may be in use, oldest first, and where that is read.

    `beyond_knowledge`: the project may use a release newer than our data. `undivided`: where these are the releases of
    one variant, those of all variants.
    """

    releases: tuple[str, ...]
    origins: tuple[Origin, ...]
    beyond_knowledge: bool = False
    undivided: tuple[str, ...] = ()

    @property
    def of_all_variants(self) -> tuple[str, ...]:
        """The releases the project may use, whatever this variant was narrowed to."""
        return self.undivided or self.releases


class VersionView:
    """What one variant knows of releases. Owned by one evaluation; `undecided` is what it would have to be split by.

    `asked`: the packages whose releases mattered to it.
    """

    __slots__ = ("admissible", "asked", "read_beyond_knowledge", "undecided")

    def __init__(self, admissible: Mapping[str, Admissible]) -> None:
        self.admissible = admissible
        self.asked: dict[str, None] = {}
        self.undecided: list[tuple[str, tuple[tuple[str, ...], ...]]] = []
        self.read_beyond_knowledge = False

    def behaviour(self, name: str) -> Fact[str]:
        """How the releases of this variant behave in the named respect (see knowledge/data/behaviours.json).

        UNKNOWN where they differ (the question is then remembered) or where we know of no release at all.
        """
        from ftlint.knowledge.behaviours import behaviour

        known = behaviour(name)
        releases = self.admissible.get(known.package)
        if releases is None or not releases.releases:
            return Fact(UNKNOWN)
        value = self.agreed(known.package, known.value_for)
        if isinstance(value, Unknown):
            return Fact(UNKNOWN, releases.origins)
        note = f"{known.package} {describe(releases.releases)}"
        return Fact(value, (Origin(How.DEFAULT, None, note), *releases.origins))

    def possible(self, name: str) -> tuple[str, ...]:
        """Every answer that the releases of this variant give in the named respect; empty where we know of none.

        Unlike `behaviour` it is not remembered as a question: for doubts that widen an interval and split no variant.
        """
        from ftlint.knowledge.behaviours import behaviour

        known = behaviour(name)
        releases = self.admissible.get(known.package)
        if releases is None:
            return ()
        return tuple(dict.fromkeys(known.value_for(release) for release in releases.releases))

    def agreed(self, package: str, answer: Callable[[str], T]) -> T | Unknown:
        """What `answer` says of every release of this variant.

        UNKNOWN where they differ (the question is then remembered) or where we know of no release at all.
        """
        self.asked[package] = None
        releases = self.admissible.get(package)
        if releases is None or not releases.releases:
            return UNKNOWN
        classes: dict[T, list[str]] = {}
        for release in releases.releases:
            classes.setdefault(answer(release), []).append(release)
        if len(classes) > 1:
            self.undecided.append((package, tuple(tuple(members) for members in classes.values())))
            return UNKNOWN
        self.read_beyond_knowledge |= releases.beyond_knowledge
        (value,) = classes
        return value

    def window(self, package: str, specifier: str, *, remember: bool = True) -> Truth:
        """Whether the releases of this variant lie in the window that `specifier` opens, `>=4.46,<5`.

        UNKNOWN where some do and some do not (the question is then remembered, unless `remember` says that its
        answer may turn out not to matter) or where we know of no release at all.
        """
        self.asked[package] = None
        releases = self.admissible.get(package)
        if releases is None or not releases.releases:
            return Truth.UNKNOWN
        inside = tuple(release for release in releases.releases if _contains(specifier, release))
        if inside and len(inside) < len(releases.releases):
            outside = tuple(release for release in releases.releases if release not in inside)
            if remember:
                self.undecided.append((package, (outside, inside)))
            return Truth.UNKNOWN
        # What is newer than our data may lie on the other side of the window's end.
        self.read_beyond_knowledge |= releases.beyond_knowledge and _contains(specifier, _FAR_FUTURE) != bool(inside)
        return Truth.of(bool(inside))


_FAR_FUTURE = "99999"


@lru_cache(maxsize=4096)
def _contains(specifier: str, release: str) -> bool:
    from packaging.specifiers import SpecifierSet  # only rules with a window need it

    return SpecifierSet(specifier).contains(release, prereleases=True)


def describe(releases: tuple[str, ...]) -> str:
    """`4.46.1`, or `4.30.0 to 4.57.6`."""
    return releases[0] if len(releases) == 1 else f"{releases[0]} to {releases[-1]}"
