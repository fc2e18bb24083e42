"""Findings as JSON, in the shape of `schemas/output.json`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from ftlint.findings import Edit, Finding, Related
from ftlint.report.places import Places
from ftlint.report.visible import replaced
from ftlint.spans import Location


def render_json(findings: Sequence[Finding], places: Places) -> str:
    """A JSON list with one object per finding, also when there is none. Pure ASCII, so that any stream takes it."""
    shown = [_finding(finding, places) for finding in findings]
    return json.dumps(shown, indent=2) + "\n"


def _finding(finding: Finding, places: Places) -> dict[str, Any]:
    return {
        "code": finding.code,
        "name": finding.name,
        "severity": finding.severity.value,
        "message": replaced(finding.message),
        **place_object(finding.location, places),
        "related": [_related(related, places) for related in finding.related],
        "fixes": [
            {
                "title": replaced(fix.title),
                "applicability": fix.applicability.value,
                "edits": [_edit(edit, places) for edit in fix.edits],
            }
            for fix in finding.fixes
        ],
        "url": finding.url,
    }


def _related(related: Related, places: Places) -> dict[str, Any]:
    return {**place_object(related.location, places), "message": replaced(related.message)}


def _edit(edit: Edit, places: Places) -> dict[str, Any]:
    return {**place_object(edit.location, places), "content": replaced(edit.content)}


def place_object(location: Location, places: Places) -> dict[str, Any]:
    """A location in the keys that all our JSON uses."""
    place = places.place(location)
    return {
        "filename": place.filename,
        "cell": place.cell,
        "location": {"row": place.start.row, "column": place.start.column},
        "end_location": {"row": place.end.row, "column": place.end.column},
    }
