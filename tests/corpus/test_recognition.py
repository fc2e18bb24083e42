"""How many real files are taken for what they are; skipped where FTLINT_CORPUS names no folder."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ftlint.dialects.registry import explain
from ftlint.syntax import format_of, parse
from ftlint.syntax.document import DataDocument
from tests.corpus.corpus import corpus_folder

TABLE = json.loads(Path(__file__).with_name("recognition.json").read_text("utf-8"))


@pytest.fixture(scope="module")
def taken_for() -> dict[str, tuple[str, str | None]]:
    """File name -> (its kind by the corpus' index, the dialect we see)."""
    folder = corpus_folder()
    found = {}
    for row in json.loads((folder / "index.json").read_text("utf-8")):
        path = folder / row["file"]
        format = format_of(path)
        assert format is not None
        document = parse(path, path.read_bytes(), format)
        assert isinstance(document, DataDocument)
        dialect = explain(document).dialect
        found[row["file"]] = (row["kind"], dialect.name if dialect else None)
    return found


def test_at_least_95_percent_as_indexed(taken_for: dict[str, tuple[str, str | None]]) -> None:
    right = sum(_as_indexed(kind, dialect) for kind, dialect in taken_for.values())
    print(f"recognised as indexed: {right} of {len(taken_for)} ({right / len(taken_for):.1%})")
    assert right / len(taken_for) >= 0.95


def test_every_difference_is_explained(taken_for: dict[str, tuple[str, str | None]]) -> None:
    different = {file for file, (kind, dialect) in taken_for.items() if not _as_indexed(kind, dialect)}
    assert different == set(TABLE["differences"])


def _as_indexed(kind: str, dialect: str | None) -> bool:
    allowed = TABLE["kinds"].get(kind)
    return dialect in allowed if allowed else dialect is None
