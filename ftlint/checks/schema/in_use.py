"""What a level accepts in the releases that a project may use, all of them at once.

Every key is answered over the whole admissible set and not per variant: sixteen variants would soon be used up.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache

from ftlint.knowledge.required import compatible
from ftlint.knowledge.schemas import Level, Raw, Schema, has_history, shape_at
from ftlint.record import record
from ftlint.run.versions import VersionView, describe
from ftlint.spans import How, Origin

ABSENT = "absent"


class Window:
    """The admissible releases of one package, laid on those that were read. Equal only to itself: a key of caches.

    `at`: by a place in the schema's releases, the admissible ones that are known to be as that one. `between`: those
    between two that were read, with the places of both. `unread`: older than any that was read. `is_beyond`: some may
    be newer than all. `is_guess`: nobody said which are in use.
    """

    __slots__ = ("at", "between", "is_beyond", "is_guess", "package", "releases", "unread")

    def __init__(self, home: Schema, releases: tuple[str, ...], is_beyond: bool, is_guess: bool) -> None:
        at: dict[int, tuple[str, ...]] = {}
        between: list[tuple[int, int, str]] = []
        unread: list[str] = []
        last = len(home.releases) - 1
        for release in releases:
            low, high = home.place_of(release)
            if low < 0:
                unread.append(release)
            elif high > last:
                at[last] = (*at.get(last, ()), release)
                is_beyond = True
            elif low == high:
                at[low] = (*at.get(low, ()), release)
            else:
                between.append((low, high, release))
        self.package = home.package
        self.releases = releases
        self.at = dict(sorted(at.items()))
        self.between = tuple(between)
        self.unread = tuple(unread)
        self.is_beyond = is_beyond
        self.is_guess = is_guess

    @property
    def spans(self) -> list[tuple[int, int, tuple[str, ...]]]:
        """Admissible releases, oldest first, with the places of those read before and after: of one read the same."""
        read = [(place, place, releases) for place, releases in self.at.items()]
        return sorted([*read, *((low, high, (release,)) for low, high, release in self.between)])

    @property
    def places(self) -> list[int]:
        """The places of the admissible releases; one between two that were read counts as the older one."""
        return [low for low, _, _ in self.spans]


@record
class Offer:
    """One shape of a key, and the releases of the package in which it has it."""

    level: Level
    shape: Raw
    releases: tuple[str, ...]


@record
class Availability:
    """A key over the admissible releases: as what it is there, and where it is not (`absent`, of `absent_package`).

    `unread`: whether there are releases of which we cannot tell, because they were not read or lack the level itself.
    `in_newest`: whether the newest of all has it.
    """

    offers: tuple[Offer, ...]
    absent: tuple[str, ...]
    absent_package: str
    unread: bool
    in_newest: bool

    @property
    def is_settled(self) -> bool:
        """Whether there is nothing to say of the key itself: every release has it, and none wants to be rid of it."""
        return self.always and not any(
            "x-deprecated" in each.shape or "deprecated" in each.shape for each in self.offers
        )

    @property
    def always(self) -> bool:
        """Whether every admissible release has the key."""
        return bool(self.offers) and not self.absent and not self.unread

    @property
    def never(self) -> bool:
        """Whether no admissible release has it."""
        return bool(self.absent) and not self.offers and not self.unread


class SchemasInUse:
    """The schemas under the releases of one file; asks for releases only where a key's history matters."""

    def __init__(self, versions: VersionView, owners: Iterable[Schema] = ()) -> None:
        """`owners`: whose files are read; where nothing else is said, what they can be installed with is in use."""
        self._versions = versions
        self._owners = tuple(dict.fromkeys(owners))
        self._windows: dict[str, Window] = {}
        self._of_families: dict[Level, tuple[Window, ...]] = {}

    def window(self, home: Schema) -> Window:
        """The admissible releases of that schema's package."""
        found = self._windows.get(home.name)
        if found is None:
            admissible = self._versions.admissible.get(home.package)
            if admissible is None:
                found = _window(home, (), False, False)
            else:
                releases = admissible.of_all_variants
                is_guess = any(origin.how is How.DEFAULT for origin in admissible.origins) or _names_no_version(
                    admissible.origins
                )
                found = _window(
                    home,
                    self._compatible(home, releases) if is_guess else releases,
                    admissible.beyond_knowledge,
                    is_guess,
                )
            self._windows[home.name] = found
        return found

    def _compatible(self, home: Schema, releases: tuple[str, ...]) -> tuple[str, ...]:
        for owner in self._owners:
            admissible = self._versions.admissible.get(owner.package)
            if owner is not home and admissible is not None:
                releases = compatible(home.package, releases, owner.package, admissible.of_all_variants)
        return releases

    def availability(self, level: Level, key: str) -> Availability:
        """That key of that level, what it builds on included."""
        return looked_up(level.family, self.windows(level), key)

    def windows(self, level: Level) -> tuple[Window, ...]:
        """The admissible releases of the level's package, and of those that it builds on, in its family's order."""
        windows = self._of_families.get(level)
        if windows is None:
            windows = self._of_families[level] = tuple(self.window(each.schema) for each in level.family)
        return windows

    def own(self, level: Level, key: str) -> Availability:
        """That key of the level itself, without what it builds on."""
        return _own(level, key, self.window(level.schema))

    def keyword(self, level: Level, word: str) -> Mapping[str, tuple[str, ...]]:
        """What that keyword of a level (`x-unknown`) says, with the admissible releases in which it does.

        ABSENT stands for those in which there is no such level.
        """
        window = self.window(level.schema)
        said: dict[str, list[str]] = {}
        for place, releases in _groups(window):
            raw = level.shape_at(place)
            said.setdefault(ABSENT if raw is None else str(raw.get(word, "")), []).extend(releases)
        if not said:
            return {str(level.raw.get(word, "")): ()}
        return {value: _in_order(releases, window) for value, releases in said.items()}

    def caveat(self, *homes: Schema) -> str:
        """Why nothing said about these schemas can be more than advice; empty where it can."""
        beyond = [home.package for home in homes if self.window(home).is_beyond]
        return f"{beyond[0]} may be newer than ftlint's data" if beyond else ""


def _names_no_version(origins: tuple[Origin, ...]) -> bool:
    """Whether all that was found asks for the package without a version, which says no more than asking for none."""
    found = [origin for origin in origins if origin.how is How.DETECTED]
    return len(found) == len(origins) > 0 and not any(re.search(r"\d", origin.note) for origin in found)


@lru_cache(maxsize=65536)
def looked_up(family: tuple[Level, ...], windows: tuple[Window, ...], key: str) -> Availability:
    """That key of the first level of a family, in the releases of its windows."""
    return _looked_up(family, windows, key, is_base=False)


def _looked_up(family: tuple[Level, ...], windows: tuple[Window, ...], key: str, *, is_base: bool) -> Availability:
    level, rest = family[0], family[1:]
    own = _own(level, key, windows[0], is_base=is_base)
    if not rest or (own.offers and not own.absent):
        return own
    below = _looked_up(rest, windows[1:], key, is_base=True)
    if not below.offers:
        return own if own.offers or not below.unread else below
    # Where the level itself has it no longer, or not yet, it is as what it builds on has it.
    absent, package = (own.absent, own.absent_package) if own.offers else (below.absent, below.absent_package)
    return Availability(
        (*own.offers, *below.offers),
        absent if below.absent else (),
        package,
        own.unread or below.unread,
        own.in_newest or below.in_newest,
    )


def _groups(window: Window) -> Iterator[tuple[int, tuple[str, ...]]]:
    """The places with their releases; one between two that were read counts as the older one."""
    for low, _, releases in window.spans:
        yield low, releases


def _own(level: Level, key: str, window: Window, *, is_base: bool = False) -> Availability:
    """What the level itself says of a key, without those it builds on.

    A base that is not there yet gives no keys to what builds on it later; of a level that is not there nothing is said.
    """
    raw = level.shape(key)
    if raw is not None and not has_history(raw) and not level.has_history:
        return Availability((Offer(level, raw, window.releases),), (), window.package, bool(window.unread), True)
    shapes: dict[int, tuple[Raw, list[str]]] = {}
    absent: list[str] = []
    unread = bool(window.unread) or not window.releases
    newest = None
    for low, high, releases in window.spans:
        if level.shape_at(low) is None or level.shape_at(high) is None:
            if is_base and low == high:
                absent += releases
            else:
                unread = True
            continue
        below, above = (shape_at(level.schema, raw, place) if raw is not None else None for place in (low, high))
        newest = above
        if below is not above:
            unread = True
        elif below is None:
            absent += releases
        else:
            shapes.setdefault(id(below), (below, []))[1].extend(releases)
    offers = tuple(Offer(level, shape, _in_order(releases, window)) for shape, releases in shapes.values())
    return Availability(offers, _in_order(absent, window), window.package, unread, newest is not None)


def _in_order(releases: list[str], window: Window) -> tuple[str, ...]:
    return tuple(sorted(releases, key=window.releases.index))


@lru_cache(maxsize=1024)
def _window(home: Schema, releases: tuple[str, ...], is_beyond: bool, is_guess: bool) -> Window:
    return Window(home, releases, is_beyond, is_guess)


def said(package: str, releases: tuple[str, ...]) -> str:
    """`trl 0.16.0 to 0.19.1`."""
    return f"{package} {describe(releases)}" if releases else package
