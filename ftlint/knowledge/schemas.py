"""The frameworks' keys over their releases: `schemas/<name>.json`, read when first asked for and never unfolded.

The format is decision 008. A file of ours that is damaged is named by `damages`, and then knows no keys, so that
nothing is accused by it; what is damaged inside a file is as if it were not written.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import ftlint

if TYPE_CHECKING:
    from packaging.version import Version

Raw: TypeAlias = "Mapping[str, Any]"  # Any: JSON as it was read; every use looks at what it gets
NOTHING_SAID: Raw = {}
_HISTORY = ("x-since", "x-until", "x-absent", "x-was")
_REFERENCE = "#/$defs/"


class Schema:
    """One file: the levels of one package. `releases`: those that were read, oldest first."""

    __slots__ = ("_levels", "_levels_by_import", "_places", "_raw", "_versions", "name", "package", "releases", "title")

    def __init__(self, name: str, raw: Raw) -> None:
        self.name = name
        self.package = _text(raw.get("x-package")) or name
        self.title = _text(raw.get("title")) or name
        releases = raw.get("x-releases")
        self.releases: tuple[str, ...] = tuple(releases) if isinstance(releases, list) else ()
        self._raw = raw
        self._places = {release: place for place, release in enumerate(self.releases)}
        self._levels: dict[str, Level | None] = {}
        self._levels_by_import: Mapping[str, str] | None = None
        self._versions: tuple[Version, ...] | None = None

    @property
    def root(self) -> Level | None:
        """The level at the top of a document; None for packages that read no files."""
        return self.referenced(_text(self._raw.get("$ref")) or "")

    @property
    def level_names(self) -> tuple[str, ...]:
        """The names of all levels."""
        return tuple(_mapping(self._raw.get("$defs")))

    def level(self, name: str) -> Level | None:
        """The level of that name."""
        if name not in self._levels:
            raw = _mapping(self._raw.get("$defs")).get(name)
            self._levels[name] = Level(self, name, raw) if isinstance(raw, dict) else None
        return self._levels[name]

    def referenced(self, reference: str) -> Level | None:
        """The level that a `$ref` of this file names, `#/$defs/Zero` or `trl.json#/$defs/SFTConfig`."""
        file, _, name = reference.partition(_REFERENCE)
        if not name:
            return None
        return schema(file.removesuffix(".json")).level(name) if file else self.level(name)

    def level_by_import(self, dotted: str) -> Level | None:
        """The class or function that a script names so."""
        if self._levels_by_import is None:
            self._levels_by_import = {
                dotted: name
                for name, raw in _mapping(self._raw.get("$defs")).items()
                if isinstance(raw, dict) and isinstance(raw.get("x-imports"), list)
                for dotted in raw["x-imports"]
            }
        name = self._levels_by_import.get(dotted)
        return self.level(name) if name is not None else None

    def place_of(self, release: str) -> tuple[int, int]:
        """Between which of the releases that were read a release lies, twice the same where it is one of them.

        -1 below the oldest; above the newest it is `len(releases)`.
        """
        exact = self._places.get(release)
        if exact is not None:
            return exact, exact
        if self._versions is None:
            self._versions = tuple(map(version_of, self.releases))
        after = bisect_right(self._versions, version_of(release))
        return after - 1, after

    def index(self, release: object, otherwise: int) -> int:
        """The place of a release in `releases`."""
        return self._places.get(release, otherwise) if isinstance(release, str) else otherwise


class Level:
    """The keys that one section, class or function takes. `raw` is as decision 008 says."""

    __slots__ = ("_aliases", "_bases", "compiled", "name", "properties", "raw", "schema")

    def __init__(self, home: Schema, name: str, raw: Raw) -> None:
        self.schema = home
        self.name = name
        self.raw = raw
        self.properties: Raw = _mapping(raw.get("properties"))
        self.compiled: dict[str, object] = {}  # whatever a walker makes of a property, kept as long as the schema
        self._bases: tuple[Level, ...] | None = None
        self._aliases: dict[str, Raw] = {}

    @property
    def family(self) -> tuple[Level, ...]:
        """This level and those it builds on, in the order in which a key is looked up."""
        if self._bases is None:
            self._bases = tuple(_family(self, []))
        return self._bases

    def shape(self, key: str) -> Raw | None:
        """The key as it is in its newest release; another name of a key (`x-alias-of`) is as that one."""
        raw = self.properties.get(key)
        if raw is None:
            return None
        if not isinstance(raw, dict):
            return NOTHING_SAID
        aliased = raw.get("x-alias-of")
        if not isinstance(aliased, str):
            return raw
        if key not in self._aliases:
            own = {word: value for word, value in raw.items() if word != "x-alias-of"}
            self._aliases[key] = {**_mapping(self.properties.get(aliased)), **own}
        return self._aliases[key]

    @property
    def has_history(self) -> bool:
        """Whether the level itself is not the same in all releases."""
        return any(word in self.raw for word in _HISTORY)

    def shape_at(self, place: int) -> Raw | None:
        """The level's own keywords in the release at that place; None where there is no such level."""
        found = shape_at(self.schema, self.raw, place)
        return found if found is None or found is self.raw else {**self.raw, **found}

    def names(self) -> Iterator[str]:
        """Every key of the level and of those it builds on, in any release."""
        for level in self.family:
            yield from level.properties


def _family(level: Level, seen: list[Level]) -> list[Level]:
    if level in seen:
        return seen
    seen.append(level)
    for base in level.raw.get("allOf") or ():
        found = level.schema.referenced(_text(_mapping(base).get("$ref")) or "")
        if found is not None:
            _family(found, seen)
    return seen


def has_history(raw: Raw) -> bool:
    """Whether a property is not the same in all releases that were read."""
    return any(word in raw for word in _HISTORY)


def shape_at(home: Schema, raw: Raw, place: int) -> Raw | None:
    """A level or property as it was in the release at that place; None where it was not there."""
    last = len(home.releases)
    if place < home.index(raw.get("x-since"), -1) or place > home.index(raw.get("x-until"), last):
        return None
    for gap in raw.get("x-absent") or ():
        if isinstance(gap, list) and home.index(gap[0], last) <= place <= home.index(gap[-1], -1):
            return None
    for earlier in raw.get("x-was") or ():
        if isinstance(earlier, dict) and place <= home.index(earlier.get("until"), -1):
            return earlier
    return raw


@cache
def schema(name: str) -> Schema:
    """The schema of that name; one without keys where its file is missing or damaged."""
    path = schemas_folder() / f"{name}.json"
    try:
        raw: object = json.loads(path.read_bytes())
        if not isinstance(raw, dict) or not isinstance(raw.get("$defs"), dict):
            raise ValueError("it holds no levels (`$defs`)")
    except (OSError, ValueError, RecursionError) as error:
        cause = error.strerror if isinstance(error, OSError) else str(error)
        _DAMAGES[name] = f"{path}: cannot be used ({cause}): what {name} accepts is taken for unknown and not checked"
        raw = NOTHING_SAID
    return Schema(name, raw)


_DAMAGES: dict[str, str] = {}


def damages() -> tuple[str, ...]:
    """One line for each schema that had to be left out so far, with what was assumed instead."""
    return tuple(_DAMAGES.values())


def schemas_folder() -> Path:
    """Where the schemas are: inside the package in a wheel, beside it in a checkout."""
    package = Path(ftlint.__file__).parent
    bundled = package / "_data" / "schemas"
    return bundled if bundled.is_dir() else package.parent / "schemas"


@lru_cache(maxsize=4096)
def version_of(text: str) -> Version:
    """The version that a release's name is; raises `packaging.version.InvalidVersion`."""
    from packaging.version import Version  # most checks ask for no release

    return Version(text)


def _mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
