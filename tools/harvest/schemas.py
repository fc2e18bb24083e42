"""Rebuilds `schemas/<framework>.json` from released packages, whose sources are read and never run.

Run as `python -m tools.harvest.schemas FOLDER [NAME…]`; archives that are not in the folder are downloaded into it.
Without names every framework is done anew. `--descriptions` in place of the folder harvests nothing and only lays the
sentences anew over the files as they are. The format is decision 008 (`docs/decisions/`). What sources do not say in a
readable way stands beside this file: `renames.json`, each row with its source, and `descriptions.json`, in our words.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from tools.harvest.describing import describe
from tools.harvest.frameworks import MODULES, Framework
from tools.harvest.histories import Snapshot, fold
from tools.harvest.packages import open_release

TARGET = Path(__file__).parents[2] / "schemas"
DESCRIPTIONS = Path(__file__).with_name("descriptions.json")
RENAMES = Path(__file__).with_name("renames.json")
DIALECT = "https://json-schema.org/draft/2020-12/schema"

Levels = dict[str, dict[str, Any]]


def framework(name: str) -> Framework:
    """The framework that is read by `tools/harvest/frameworks/<name>.py`."""
    found: Framework = import_module(f"tools.harvest.frameworks.{name}").FRAMEWORK
    return found


def build(name: str, folder: Path) -> str:
    """The text of one schema."""
    wanted = framework(name)
    versions = wanted.plan.versions()
    snapshots: list[Snapshot] = []
    for version in versions:
        print(f"{wanted.plan.package} {version}", file=sys.stderr)
        snapshots.append(wanted.snapshot(open_release(wanted.plan.package, version, folder)))
    levels: Levels = fold(versions, snapshots)
    merge_renames(levels, _object(RENAMES).get(name, {}))
    describe(name, levels, _object(DESCRIPTIONS), committed_levels)
    head: dict[str, object] = {"$schema": DIALECT, "title": wanted.title, "x-package": wanted.plan.package}
    head["x-releases"] = list(versions)
    if wanted.root is not None:
        head["$ref"] = f"#/$defs/{wanted.root}"
    return render(head, levels)


def merge_renames(levels: Levels, renames: Mapping[str, Any]) -> None:
    """Say of keys that are gone which key took their place. Raises KeyError for a row about a key that is not there."""
    for level, rows in renames.items():
        for key, row in rows.items():
            levels[level]["properties"][key]["x-renamed"] = row["by"]


def described_anew(name: str) -> str:
    """The text of one schema as it is committed, with the sentences as they are now."""
    head = _object(TARGET / f"{name}.json")
    levels: Levels = head.pop("$defs")
    describe(name, levels, _object(DESCRIPTIONS), committed_levels)
    return render(head, levels)


def committed_levels(name: str) -> Levels:
    """The levels of a schema as it is committed."""
    levels: Levels = _object(TARGET / f"{name}.json")["$defs"]
    return levels


def render(head: Mapping[str, object], levels: Levels) -> str:
    """JSON with one property on a line, so that what a release changed can be read in a diff."""
    return "\n".join(_lines(head, levels)) + "\n"


def _lines(head: Mapping[str, object], levels: Levels) -> Iterator[str]:
    yield "{"
    for keyword, value in head.items():
        yield f" {json.dumps(keyword)}: {_dumps(value)},"
    yield ' "$defs": {'
    for number, (name, level) in enumerate(levels.items(), 1):
        yield f"  {json.dumps(name)}: {{"
        for keyword, value in level.items():
            if keyword != "properties":
                yield f"   {json.dumps(keyword)}: {_dumps(value)},"
        yield '   "properties": {'
        properties = [f"    {json.dumps(key)}: {_dumps(shape)}" for key, shape in level["properties"].items()]
        yield from (line + "," for line in properties[:-1])
        yield from properties[-1:]
        yield "   }"
        yield "  }" if number == len(levels) else "  },"
    yield " }"
    yield "}"


def _dumps(value: object) -> str:
    # No NaN: it is Python's and no JSON.
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def _object(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content


def main() -> None:
    """Write the files anew."""
    if len(sys.argv) < 2:
        raise SystemExit("usage: python -m tools.harvest.schemas FOLDER|--descriptions [NAME…]")
    for name in sys.argv[2:] or MODULES:
        text = described_anew(name) if sys.argv[1] == "--descriptions" else build(name, Path(sys.argv[1]))
        (TARGET / f"{name}.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
