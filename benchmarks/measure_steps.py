"""Measures the steps of a list of run specs, each in a process of its own; see README.md in this folder."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ftlint.knowledge.models import catalogued_config
from ftlint.watching.watch import MOMENTS

TIMEOUT_SECONDS = 900


def complete(spec: dict[str, Any]) -> dict[str, Any]:
    """The spec with its model's configuration in it, so that a result can be read without our catalogue.

    Raises SystemExit for a model that the catalogue does not have.
    """
    model = spec["model"]
    if "config" in model:
        return spec
    config = catalogued_config(model["id"])
    if config is None:
        raise SystemExit(f"{spec['name']}: {model['id']} is not in the catalogue: give model.config")
    return {**spec, "model": {**model, "config": dict(config)}}


def measure(spec: dict[str, Any]) -> dict[str, Any]:
    """One result: the spec, what was recorded, and how the process ended."""
    with tempfile.TemporaryDirectory(prefix="ftlint-measure-") as name:
        folder = Path(name)
        spec_file, record = folder / "spec.json", folder / "memory.jsonl"
        spec_file.write_text(json.dumps(spec), encoding="utf-8")
        command = (sys.executable, "-m", "benchmarks.one_step", str(spec_file), str(record))
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=False)
            status, errors = done.returncode, done.stderr
        except subprocess.TimeoutExpired:
            status, errors = None, ""
        written = record.read_text(encoding="utf-8").splitlines() if record.is_file() else []
    return {"name": spec["name"], "spec": spec, **outcome(status, errors), **peaks(map(json.loads, written))}


def outcome(status: int | None, errors: str) -> dict[str, object]:
    """`ended`: `finished`, `out of memory`, `killed`, `timeout` or `failed`; with the last line of a failure."""
    if status == 0:
        return {"ended": "finished"}
    if status is None:
        return {"ended": "timeout"}
    if "OutOfMemoryError" in errors or "CUDA out of memory" in errors:
        return {"ended": "out of memory"}
    if status == -9:
        return {"ended": "killed"}  # by the kernel, where host RAM is at its end
    lines = [line for line in errors.splitlines() if line.strip()]
    return {"ended": "failed", "error": lines[-1] if lines else f"exit status {status}"}


def peaks(lines: Iterable[dict[str, Any]]) -> dict[str, object]:
    """Versions and GPU, and of each moment the largest figures over all steps, in bytes."""
    packages: dict[str, str] = {}
    gpu: dict[str, object] | None = None
    moments: dict[str, dict[str, int]] = {}
    for line in lines:
        packages = line.get("packages", packages)
        if "moment" not in line:
            continue
        found = {"resident": line["host"]["resident"], "pinned": line["host"]["pinned"] or 0}
        if line["gpu"] is not None:
            gpu = {"name": line["gpu"]["name"], "total": line["gpu"]["total"]}
            found |= {"allocated": line["gpu"]["peak_allocated"], "reserved": line["gpu"]["peak_reserved"]}
        known = moments.setdefault(line["moment"], {})
        for key, num_bytes in found.items():
            known[key] = max(known.get(key, 0), num_bytes)
    ordered = {moment: moments[moment] for moment in MOMENTS if moment in moments}
    return {"packages": packages, "gpu": gpu, "moments": ordered}


def main() -> None:
    """Measure every spec of the file, and append each result as soon as it is there."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("specs", type=Path)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--only", metavar="WORD", default="", help="only specs whose name has this word")
    arguments = parser.parse_args()
    specs = [complete(spec) for spec in json.loads(arguments.specs.read_text(encoding="utf-8"))]
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    with arguments.output.open("a", encoding="utf-8") as results:
        for spec in specs:
            if arguments.only not in spec["name"]:
                continue
            result = measure(spec)
            results.write(json.dumps(result) + "\n")
            results.flush()
            print(f"{spec['name']}: {result['ended']} {result.get('error', '')}", flush=True)


if __name__ == "__main__":
    main()
