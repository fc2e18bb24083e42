from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from ftlint.findings import Applicability, Edit, Finding, Fix, Severity
from ftlint.report.json import render_json
from ftlint.report.places import Places
from tests.report.conftest import Locate
from tests.report.test_terminal import offload_finding

SCHEMA: Any = json.loads((Path(__file__).parents[2] / "schemas" / "output.json").read_text())


def validate(shown: object) -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.Draft202012Validator(SCHEMA).validate(shown)


def test_the_shape(places: Places, locate: Locate) -> None:
    shown = json.loads(render_json([offload_finding(locate)], places))
    validate(shown)
    assert shown == [
        {
            "code": "DS201",
            "name": "offload-param-below-stage-3",
            "severity": "warning",
            "message": "offload_param has no effect at ZeRO stage 2",
            "filename": "ds.json",
            "cell": None,
            "location": {"row": 4, "column": 5},
            "end_location": {"row": 4, "column": 39},
            "related": [
                {
                    "filename": "ds.json",
                    "cell": None,
                    "location": {"row": 3, "column": 5},
                    "end_location": {"row": 3, "column": 15},
                    "message": "stage is 2",
                },
                {
                    "filename": "train.yaml",
                    "cell": None,
                    "location": {"row": 2, "column": 12},
                    "end_location": {"row": 2, "column": 19},
                    "message": "read by this run",
                },
            ],
            "fixes": [
                {
                    "title": "Use ZeRO stage 3",
                    "applicability": "unsafe",
                    "edits": [
                        {
                            "filename": "ds.json",
                            "cell": None,
                            "location": {"row": 3, "column": 14},
                            "end_location": {"row": 3, "column": 15},
                            "content": "3",
                        }
                    ],
                },
                {
                    "title": "Remove offload_param",
                    "applicability": "safe",
                    "edits": [
                        {
                            "filename": "ds.json",
                            "cell": None,
                            "location": {"row": 4, "column": 5},
                            "end_location": {"row": 4, "column": 39},
                            "content": "",
                        }
                    ],
                },
                {"title": "Ask for more nodes", "applicability": "display", "edits": []},
            ],
            "url": "https://example.org/DS201",
        }
    ]


def test_no_findings_are_an_empty_list(places: Places) -> None:
    assert json.loads(render_json([], places)) == []


def test_cells_and_text_that_no_encoding_takes(places: Places, locate: Locate) -> None:
    where = locate("head.ipynb", "torch.nn.Linear(8, 2)", cell=2)
    fix = Fix("dtype", Applicability.SAFE, (Edit(where, "é\udcff"),))
    text = render_json([Finding("DTY101", "x", Severity.ERROR, "日本 \udcff \x1b", where, fixes=(fix,))], places)
    assert text.isascii()
    (shown,) = json.loads(text)
    validate([shown])
    assert shown["message"] == "日本 \ufffd \x1b"
    assert (shown["cell"], shown["location"]) == (2, {"row": 2, "column": 17})
    assert shown["fixes"][0]["edits"][0]["cell"] == 2
    assert shown["fixes"][0]["edits"][0]["content"] == "é\ufffd"


def test_the_schema_refuses_what_the_contract_does_not_have() -> None:
    with pytest.raises(jsonschema.ValidationError):
        validate([{"code": "DS201"}])
    with pytest.raises(jsonschema.ValidationError):
        validate({})
