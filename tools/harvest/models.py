"""Rebuilds `ftlint/knowledge/data/models.json` from `models_source.json` beside this file.

Each group in the source says what its models share: `config` (the keys of config.json that determine the architecture),
`dtype` (of the checkpoint's weights) and `positions` (max_position_embeddings), the latter two only where they are
certain; `sources` says who agrees on the numbers, and is honest about what was only recalled. An id may be an object
that overrides `dtype` or `positions` with its own value or null, or adds `quantization`. Run as
`python -m tools.harvest.models`; needs nothing but the repository.
"""

from __future__ import annotations

import json
from pathlib import Path

SOURCE = Path(__file__).with_name("models_source.json")
TARGET = Path(__file__).parents[2] / "ftlint" / "knowledge" / "data" / "models.json"


def build(groups: list[dict[str, object]]) -> str:
    """The text of models.json: every distinct architecture once, then one row per model id, sorted."""
    architectures: list[str] = []
    rows: dict[str, list[object]] = {}
    for group in groups:
        config = json.dumps(group["config"])
        if config not in architectures:
            architectures.append(config)
        ids = group["ids"]
        assert isinstance(ids, list)
        for entry in ids:
            model = entry if isinstance(entry, dict) else {"id": entry}
            name = model["id"]
            if name in rows:
                raise ValueError(f"models_source.json: {name} is listed twice")
            quantization = model.get("quantization")
            # What a 4-bit mirror stores is not what it computes in: its dtype is not a fact about the weights.
            dtype = None if quantization == "bnb-4bit" else model.get("dtype", group.get("dtype"))
            positions = model.get("positions", group.get("positions"))
            rows[name] = [architectures.index(config), dtype, positions, quantization]
    models = [f"{json.dumps(name)}: {json.dumps(rows[name])}" for name in sorted(rows)]
    return '{"architectures": [\n' + ",\n".join(architectures) + '\n],\n"models": {\n' + ",\n".join(models) + "\n}}\n"


def main() -> None:
    """Write the file anew."""
    TARGET.write_text(build(json.loads(SOURCE.read_text(encoding="utf-8"))), encoding="utf-8")


if __name__ == "__main__":
    main()
