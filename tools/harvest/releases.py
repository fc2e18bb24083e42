"""Rebuilds `ftlint/knowledge/data/releases.json` from the package index that pip is configured to use.

The date of a release is the day its first file was uploaded (UTC). Pre-releases and development releases are left out;
withdrawn ("yanked") releases stay and are marked. Run as `python -m tools.harvest.releases`; needs pip and the network,
and differs from one day to the next as packages are released.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from packaging.version import Version

from tools.harvest.index import Index

TARGET = Path(__file__).parents[2] / "ftlint" / "knowledge" / "data" / "releases.json"

PACKAGES = (
    "accelerate",
    "axolotl",
    "bitsandbytes",
    "deepspeed",
    "hydra-core",
    "llama-cookbook",
    "llama-recipes",
    "llamafactory",
    "omegaconf",
    "peft",
    "torch",
    "torchtune",
    "transformers",
    "trl",
)


def release_rows(index: dict[str, Any]) -> list[list[object]]:
    """[version, date, withdrawn?] for every final release, oldest version first, from the index's JSON answer."""
    rows: list[tuple[Version, list[object]]] = []
    for text, files in index["releases"].items():
        version = Version(text)
        if not files or version.is_prerelease:
            continue
        date = min(file["upload_time"] for file in files)[:10]
        row: list[object] = [text, date]
        if all(file["yanked"] for file in files):
            row.append("withdrawn")
        rows.append((version, row))
    return [row for _, row in sorted(rows, key=lambda pair: pair[0])]


def main() -> None:
    """Write the file anew."""
    index = Index()
    lines = []
    for package in PACKAGES:
        rows = ",\n  ".join(json.dumps(row) for row in release_rows(index.describe(package)))
        lines.append(f"{json.dumps(package)}: [\n  {rows}\n]")
    TARGET.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
