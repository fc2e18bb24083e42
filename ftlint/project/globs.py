"""Which paths a pattern of the settings means: `*` stays inside one folder, `**` does not, as in .gitignore."""

from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import Path


def glob_matches(pattern: str, path: Path, folder: Path) -> bool:
    """Whether the pattern, written for `folder`, means that file or a folder it lies in.

    A pattern without a slash means a name anywhere below; with one, a path from `folder` on.
    """
    if not path.is_relative_to(folder):
        return False
    parts = pattern.removeprefix("./").strip("/").split("/")
    if "/" not in pattern.rstrip("/"):
        parts = ["**", *parts]
    # The places in `parts` that the names so far can have reached; a walk over them cannot take exponential time.
    reached = _passing_stars(parts, {0})
    if len(parts) in reached:
        return True  # nothing but stars
    for name in path.relative_to(folder).parts:
        stepped = {
            place if parts[place] == "**" else place + 1
            for place in reached
            if parts[place] == "**" or fnmatchcase(name, parts[place])
        }
        reached = _passing_stars(parts, stepped)
        if len(parts) in reached:
            return True
    return False


def _passing_stars(parts: list[str], places: set[int]) -> set[int]:
    """Those places and all that are reached from them through `**` that stand for nothing."""
    reached: set[int] = set()
    for place in sorted(places):
        reached.add(place)
        while place < len(parts) and parts[place] == "**":
            place += 1
            reached.add(place)
    return reached
