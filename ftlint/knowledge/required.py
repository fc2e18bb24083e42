"""Which releases of other packages a framework asks for, where it lets only some in.

Read from the metadata of released wheels; LLaMA-Factory alone has upper bounds that matter to us.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from ftlint.knowledge.bundled import load_object


def compatible(package: str, releases: tuple[str, ...], owner: str, owner_releases: Iterable[str]) -> tuple[str, ...]:
    """Those releases of a package that some of the owner's releases can be installed with.

    All of them where that is not known of one of the owner's releases, or where none would be left.
    """
    rows = _rows().get(owner)
    asked = [rows.get(release, {}).get(package) for release in owner_releases] if rows else []
    written = [each for each in asked if isinstance(each, str)]
    if not asked or len(written) < len(asked):
        return releases
    from packaging.specifiers import SpecifierSet  # only files of such a framework come here

    ranges = [SpecifierSet(each) for each in dict.fromkeys(written)]
    kept = tuple(release for release in releases if any(release in each for each in ranges))
    return kept or releases


@lru_cache(maxsize=1)
def _rows() -> dict[str, dict[str, dict[str, Any]]]:
    return {owner: rows for owner, rows in load_object("required_releases.json").items() if isinstance(rows, dict)}
