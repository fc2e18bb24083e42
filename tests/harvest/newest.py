"""What a schema says of the newest release that was read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

SCHEMAS = Path(__file__).parents[2] / "schemas"


class Newest:
    """The levels and keys that have no end."""

    def __init__(self, name: str) -> None:
        content = json.loads((SCHEMAS / f"{name}.json").read_text(encoding="utf-8"))
        self.release: str = content["x-releases"][-1]
        self.levels: dict[str, dict[str, Any]] = {
            level: {**body, "properties": {k: s for k, s in body["properties"].items() if "x-until" not in s}}
            for level, body in content["$defs"].items()
            if "x-until" not in body
        }

    def keys(self, level: str, *, refused: bool = False) -> set[str]:
        """The keys of a level that are accepted; with `refused` also those that are known only to be refused."""
        properties = self.levels[level]["properties"]
        return {key for key, shape in properties.items() if refused or not _is_refused(shape)}


def _is_refused(shape: dict[str, Any]) -> bool:
    return shape.get("x-deprecated", {}).get("effect") == "error" and not shape.keys() & {"type", "$ref", "default"}
