"""Time of loading schemas and of walking files along them: `python -m tools.bench.schemas [FOLDER …]`.

Loading is set against `json.loads` of the same bytes, a walk against parsing the same file. Without folders the
corpus that FTLINT_CORPUS names is walked, else the configuration files of `examples/`, which are short: what a walk
costs however long the file is counts three times there. Times are corrected for the machine's speed beside each.
"""

from __future__ import annotations

import gc
import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from ftlint.checks.schema.settings import survey
from ftlint.dialects.registry import DIALECTS, explain
from ftlint.knowledge.schemas import schema, schemas_folder
from ftlint.project.deepspeed_readers import DeepSpeedReaders
from ftlint.project.discovery import discover
from ftlint.project.launchers import LaunchFiles
from ftlint.project.settings import Settings, SettingsFinder
from ftlint.project.versions import VersionsFinder
from ftlint.project.view import Place, ProjectView
from ftlint.project.workspace import Workspace
from ftlint.run.versions import VersionView
from ftlint.syntax import parse
from ftlint.syntax.document import DataDocument
from tools.bench._machine import corrected, reference_ms

ROUNDS = 9
LOADING_LIMIT_MS = 30.0
WALK_LIMIT_MS = 0.4
SCRIPTS = ("transformers", "trl", "peft", "accelerate", "deepspeed")
"""What a check of a script may have to load."""


def main(folders: list[str]) -> int:
    """Prints the medians; 1 where one is over its limit."""
    return max(_loading(), _walking([Path(folder) for folder in folders]))


def _loading() -> int:
    print("loading                                  bytes        ms   x json.loads")
    worst = 0.0
    groups = {dialect.name: _needed(dialect.schemas) for dialect in DIALECTS if dialect.schemas} | {"scripts": SCRIPTS}
    for name, schemas in groups.items():
        texts = [(schemas_folder() / f"{each}.json").read_bytes() for each in schemas]
        speed = reference_ms()
        loading = corrected(_median(partial(_load, schemas)), speed)
        bare = corrected(_median(partial(_load_bare, texts)), speed)
        worst = max(worst, loading)
        print(f"{name:36} {sum(map(len, texts)):9} {1000 * loading:9.2f} {loading / bare:9.2f}   {', '.join(schemas)}")
    print(f"most: {1000 * worst:.1f} ms, limit {LOADING_LIMIT_MS:g} ms")
    return int(1000 * worst > LOADING_LIMIT_MS)


def _needed(names: tuple[str, ...]) -> tuple[str, ...]:
    """The schemas of a dialect, with those that they build on."""
    needed: dict[str, None] = {}
    for name in names:
        file, _, level = name.partition("#")
        found = schema(file).level(level) if level else schema(file).root
        needed.update(dict.fromkeys(each.schema.name for each in (found.family if found is not None else ())))
    return tuple(needed)


def _load(names: tuple[str, ...]) -> None:
    schema.cache_clear()
    for name in names:
        schema(name)


def _load_bare(texts: list[bytes]) -> None:
    for text in texts:
        json.loads(text)


def _walking(folders: list[Path]) -> int:
    folders = folders or [Path(os.environ.get("FTLINT_CORPUS") or Path(__file__).parents[2] / "examples")]
    costs = sorted(cost for folder in folders for cost in _costs(folder.resolve()))
    if not costs:
        print("no configuration file of a dialect with a schema")
        return 2
    per_100_lines = [1000 * seconds * 100 / lines for seconds, lines, _ in costs]
    ratios = [seconds / parsing for seconds, _, parsing in costs]
    for title, values, unit in (("walk of 100 lines", per_100_lines, "ms"), ("walk / parse", ratios, "x")):
        values = sorted(values)
        median, p95 = statistics.median(values), values[int(0.95 * (len(values) - 1))]
        print(f"{title:20} median {median:6.3f} {unit}, p95 {p95:6.3f}, {len(values)} files")
    print(f"limit {WALK_LIMIT_MS:g} ms")
    return int(statistics.median(per_100_lines) > WALK_LIMIT_MS)


def _costs(folder: Path) -> Iterator[tuple[float, int, float]]:
    """Of each file: seconds of the walk once its schema is loaded, number of lines, seconds of parsing."""
    workspace, settings = Workspace(folder), Settings(root=folder)
    versions = VersionsFinder(workspace).find(settings, folder)
    launch_files = LaunchFiles(folder, workspace)
    readers = DeepSpeedReaders(folder, settings, workspace)
    place = Place(folder, settings, workspace, _not_asked, lambda: launch_files, lambda: readers)
    view = ProjectView(place, VersionView(versions))
    for target in discover((folder,), workspace, SettingsFinder(workspace)).targets:
        document = workspace.document(target.path, target.format)
        if not isinstance(document, DataDocument) or (dialect := explain(document).dialect) is None:
            continue
        num_lines = document.source.text.count("\n")
        if not dialect.schemas or num_lines < 10:
            continue
        data = target.path.read_bytes()
        survey(document, view)  # loads the schema, reads the keys, and the launch files for the first that asks
        walk = _median(partial(survey, document, view))
        parsing = _median(partial(parse, target.path, data, target.format))
        speed = reference_ms()
        yield corrected(walk, speed), num_lines, corrected(parsing, speed)


def _not_asked(*_: object) -> Any:  # Any: what it stands for is never made
    raise AssertionError("the schema rules of a document ask for no trace")


def _median(work: Callable[[], object]) -> float:
    seconds = []
    gc.disable()
    for _ in range(ROUNDS):
        began = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - began)
    gc.enable()
    return statistics.median(seconds)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
