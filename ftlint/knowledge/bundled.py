"""Reads the JSON files that are shipped under `ftlint/knowledge/data/`."""

from __future__ import annotations

import json
from pathlib import Path

DATA_FOLDER = Path(__file__).with_name("data")


def load_object(name: str) -> dict[str, object]:
    """The JSON object in the bundled file `name`. Callers cache what they make of it, not this."""
    content: object = json.loads((DATA_FOLDER / name).read_text(encoding="utf-8"))
    if not isinstance(content, dict):
        raise TypeError(f"bundled data file {name} must hold a JSON object")
    return content
