"""Runs as `ftlint show --output-format json` prints them: the same that a person is shown, for a program."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from ftlint.report.facts import value_text
from ftlint.report.json import place_object
from ftlint.report.places import Places
from ftlint.report.visible import replaced
from ftlint.run.run import Run
from ftlint.run.versions import Admissible
from ftlint.spans import Origin


def render_runs(runs: Iterable[tuple[Run, str, Mapping[str, Admissible]]], places: Places) -> str:
    """A JSON list with one object per run and variant; `label` says which variant. Pure ASCII.

    Facts have the text of their value, null where it is unknown; only what is said is listed.
    """
    return json.dumps([_run(run, label, versions, places) for run, label, versions in runs], indent=2) + "\n"


def _run(run: Run, label: str, versions: Mapping[str, Admissible], places: Places) -> dict[str, Any]:
    return {
        "name": replaced(run.name),
        "label": replaced(label),
        "root": place_object(run.root, places) if run.root is not None else None,
        "facts": {
            name: {
                "value": replaced(value_text(name, fact.value)) if fact.known else None,
                "origins": [_origin(origin, places) for origin in fact.origins],
            }
            for name, fact in run.facts()
            if fact.said or fact.known
        },
        "versions": {
            package: {
                "releases": list(admissible.releases),
                "beyond_knowledge": admissible.beyond_knowledge,
                "origins": [_origin(origin, places) for origin in admissible.origins],
            }
            for package, admissible in versions.items()
        },
        "inputs": [
            {
                "filename": places.filename(item.path),
                "found": item.found,
                "named_in": place_object(item.referrer, places) if item.referrer is not None else None,
            }
            for item in run.inputs
        ],
    }


def _origin(origin: Origin, places: Places) -> dict[str, Any]:
    return {
        "how": origin.how.value,
        "note": replaced(origin.note),
        "place": place_object(origin.location, places) if origin.location is not None else None,
    }
