"""Complaints and their places: validators' paths, names and values in sentences."""

from __future__ import annotations

from pathlib import Path

import pytest

from ftlint.asking.placing import placed
from ftlint.asking.protocol import Answer, Complaint, answer_from_json, rejection
from ftlint.dialects.keys import read_keys
from ftlint.spans import Location, Span
from ftlint.syntax import parse_text
from ftlint.syntax.document import DataDocument, Format

TEXT = """\
learning_rate: 2e-5
distributed_type: FSDPP
zero_optimization:
  stage: 7
  offload_param:
    device: gpu
stage: sft
"""


def places(answer: Answer) -> list[str]:
    document = parse_text(Path("c.yaml"), TEXT, Format.YAML)
    assert isinstance(document, DataDocument)
    keys = read_keys("llamafactory", document, lambda scalar: scalar.text)
    nowhere = Location(Path("c.yaml"), Span(0, 0))
    return [TEXT[at.span.start : at.span.end] for at, _ in placed(answer, keys, nowhere)]


@pytest.mark.parametrize(
    ("path", "place"),
    [
        (("zero_optimization", "stage"), "stage: 7"),
        (("stage", "enum"), "stage: sft"),
        (("offload_param", "DeepSpeedZeroOffloadParamConfig", "device"), "device: gpu"),
        (("zero_optimization",), "zero_optimization"),
        (("function-before", "learning_rate"), "learning_rate: 2e-5"),
        (("nothing", "of", "ours"), ""),
    ],
)
def test_a_validators_path(path: tuple[str, ...], place: str) -> None:
    assert places(Answer("ValidationError", "", (Complaint(path, "wrong"),))) == [place]


@pytest.mark.parametrize(
    ("message", "place"),
    [
        ("`learning_rate` must be a float", "learning_rate: 2e-5"),
        ("'FSDPP' is not a valid DistributedType", "distributed_type: FSDPP"),
        ("zero_optimization.stage is 7", "zero_optimization"),
        ("stage must be one of 0, 1, 2, 3 and not 7", "stage: 7"),
        ("something went wrong", ""),
    ],
)
def test_a_sentence(message: str, place: str) -> None:
    assert places(Answer("ValueError", message)) == [place]


def test_several_complaints_are_several_places() -> None:
    complaints = (Complaint(("zero_optimization", "stage"), "a"), Complaint(("learning_rate",), "b"))
    assert places(Answer("ValidationError", "", complaints)) == ["stage: 7", "learning_rate: 2e-5"]


def test_answers_travel_as_json() -> None:
    answer = Answer("ValueError", "no", (Complaint(("a", "1"), "b"),))
    assert answer_from_json(answer.as_json()) == answer
    assert not answer.is_accepted
    assert Answer().is_accepted
    assert rejection(KeyError("stage")) == Answer("KeyError", "'stage'")
    assert len(rejection(ValueError("x" * 5000)).message) == 600
