"""Which releases of the frameworks exist, and when they came out.

Nothing here asks today's date: what is admissible by default depends on our data alone, so that the same project gets
the same findings tomorrow.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from ftlint.knowledge.bundled import load_object
from ftlint.record import record

DEFAULT_WINDOW_MONTHS = 24
"""How far back releases are admissible where a project names no version."""


@record
class Release:
    """One final release of a package."""

    version: str
    date: str
    """Day of upload, YYYY-MM-DD, UTC."""
    is_withdrawn: bool
    """Withdrawn by its authors ("yanked"): installed only where it is named exactly."""


@lru_cache(maxsize=1)
def _releases() -> Mapping[str, tuple[Release, ...]]:
    return {package: _parse(rows) for package, rows in load_object("releases.json").items()}


def _parse(rows: object) -> tuple[Release, ...]:
    if not isinstance(rows, list):
        raise TypeError("releases.json: each package must map to a list")
    return tuple(Release(version, date, is_withdrawn=bool(rest)) for version, date, *rest in rows)


def packages() -> tuple[str, ...]:
    """The packages whose releases we know, sorted."""
    return tuple(_releases())


def releases(package: str) -> tuple[Release, ...]:
    """Every final release we know of, oldest version first; empty for a package we do not know.

    Source: upload dates of the Python package index, by `tools/harvest/releases.py`.
    """
    return _releases().get(package, ())


def newest_known(package: str) -> Release | None:
    """The release of the highest version; what is newer than this, our data has not seen."""
    known = [release for release in releases(package) if not release.is_withdrawn]
    return known[-1] if known else None


def newest_date() -> str:
    """Day of the youngest release in our data, over all packages."""
    return max(release.date for known in _releases().values() for release in known)


def admissible_default(package: str) -> tuple[Release, ...]:
    """Releases that a project may be using where it does not say: those of the 24 months before `newest_date`.

    Withdrawn ones are left out, as installers leave them out. A package without a release in that time has its
    newest one; empty for a package we do not know.
    """
    start = _months_before(newest_date(), DEFAULT_WINDOW_MONTHS)
    recent = tuple(release for release in releases(package) if release.date >= start and not release.is_withdrawn)
    newest = newest_known(package)
    return recent or ((newest,) if newest else ())


def _months_before(date: str, months: int) -> str:
    year, month, day = (int(part) for part in date.split("-"))
    months_since_zero = 12 * year + (month - 1) - months
    # A day that the month does not have (30 February) compares as well as any.
    return f"{months_since_zero // 12:04d}-{months_since_zero % 12 + 1:02d}-{day:02d}"
