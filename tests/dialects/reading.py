"""Short ways for tests to get from a text to keys and lowered facts."""

from __future__ import annotations

from pathlib import Path

from ftlint.dialects.dialect import PartialRun
from ftlint.dialects.keys import read_keys
from ftlint.dialects.registry import BY_NAME
from ftlint.run.key import KeySet
from ftlint.run.versions import Admissible, VersionView
from ftlint.syntax import parse_text
from ftlint.syntax.document import DataDocument, Format


def document(text: str, format: Format) -> DataDocument:
    """A parsed data document."""
    parsed = parse_text(Path(f"/project/file.{format.value}"), text, format)
    assert isinstance(parsed, DataDocument)
    return parsed


def keys(dialect: str, text: str, format: Format, versions: VersionView) -> KeySet:
    """The keys as that dialect reads them."""
    return read_keys(dialect, document(text, format), lambda scalar: BY_NAME[dialect].scalar(scalar, versions))


def lowered(dialect: str, text: str, format: Format, **releases: str) -> PartialRun:
    """What that dialect makes of a text, with one release of each package."""
    versions = VersionView({package: Admissible((release,), ()) for package, release in releases.items()})
    lower = BY_NAME[dialect].lower
    assert lower is not None
    return lower(keys(dialect, text, format, versions), versions)
