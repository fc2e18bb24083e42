"""Each reader takes values as the library it stands for does; what is not certain is no verdict."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ftlint.checks.schema.fitting import is_placeholder, judge
from ftlint.checks.schema.numbers_as_text import with_dot_and_sign
from ftlint.checks.schema.spelling import distance, meant
from ftlint.checks.schema.verdicts import Trouble
from ftlint.knowledge.schemas import Level, Schema
from ftlint.run.fact import Fact
from ftlint.run.key import Key, Section
from ftlint.spans import Location, Span

LEVEL = Level(Schema("made-up", {}), "Config", {})
PLACE = Location(Path("x.yaml"), Span(0, 1))


def verdict(shape: dict[str, Any], value: Any, reader: str, raw: str | None = None) -> tuple[Trouble, bool] | None:
    """What the reader says of the value: the trouble, and whether it raises."""
    key = Key("x", ("key",), Fact(value), str(value) if raw is None else raw, PLACE, PLACE, PLACE)
    found = judge(LEVEL, shape, key, reader)
    return (found.trouble, found.raises) if found is not None else None


INTEGER, NUMBER, FLAG, TEXT = ({"type": name} for name in ("integer", "number", "boolean", "string"))
WORDS = {"type": "string", "enum": ["no", "steps"]}


KERNEL = {"anyOf": [{"enum": ["eager", None]}, {"type": "string", "pattern": "/"}], "x-checked": [{"kind": "enum"}]}
AUTO = {"enum": ["auto", True, False]}
FROM_ONE = {"type": ["integer", "null"], "minimum": 1}
INTERVAL = {"anyOf": [{"type": "string", "pattern": "^auto$"}, {"type": "integer"}]}
STATES = {"enum": ["FULL_STATE_DICT"]}


@pytest.mark.parametrize(
    ("shape", "value", "expected"),
    [
        (KERNEL, "owner/kernel", None),
        (KERNEL, "flash", Trouble.VALUE),
        (AUTO, 0, None),
        (AUTO, "on", None),
        (AUTO, 2, Trouble.TYPE),
        (FROM_ONE, None, None),
        (FROM_ONE, False, Trouble.VALUE),
        (FROM_ONE, "0", Trouble.VALUE),
        (FROM_ONE, "1", None),
        (STATES, "FULL_STATE_DIC", Trouble.VALUE),
        (STATES, "full_state_dict", Trouble.LETTER_CASE),
        (STATES, "MY_STATE", None),
        (INTERVAL, 2, None),
        (INTERVAL, "auto", None),
        (INTERVAL, "2", Trouble.TYPE),
    ],
)
def test_pydantic_knows_words_limits_and_patterns(shape: dict[str, Any], value: Any, expected: Trouble | None) -> None:
    found = verdict(shape, value, "pydantic")
    assert found == (None if expected is None else (expected, True))


STEPS = {
    "type": ["integer", "null"],
    "x-checked": [{"kind": "instance", "of": ["int"]}, {"kind": "range"}],
    "exclusiveMinimum": 0,
}


@pytest.mark.parametrize("reader", ["argparse", "argparse-defaults"])
@pytest.mark.parametrize(
    ("value", "expected"),
    [("8", None), (8, None), ("0", Trouble.VALUE), ("8.5", Trouble.TYPE), (8.5, Trouble.TYPE), ("few", Trouble.TYPE)],
)
def test_what_argparse_converts_is_asked_about_as_the_number_it_becomes(
    reader: str, value: Any, expected: Trouble | None
) -> None:
    found = verdict(STEPS, value, reader)
    assert found == (None if expected is None else (expected, True))


def test_what_nobody_converts_is_asked_about_as_it_stands() -> None:
    assert verdict(STEPS, "8", "unchecked") == (Trouble.TYPE, True)


@pytest.mark.parametrize(
    ("shape", "value", "expected"),
    [
        (INTEGER, "8", None),
        (INTEGER, "8.0", None),
        (INTEGER, "8.5", True),
        (INTEGER, "5e8", True),
        (INTEGER, 5e8, None),
        (INTEGER, 1.5, True),
        (INTEGER, True, None),
        (INTEGER, None, True),
        (NUMBER, "2e-5", None),
        (NUMBER, "fast", True),
        (FLAG, "yes", None),
        (FLAG, "maybe", True),
        (FLAG, 1, None),
        (FLAG, 2, True),
        (TEXT, 3, True),
        (TEXT, "x", None),
        ({"type": ["integer", "null"]}, None, None),
    ],
)
def test_pydantic_converts_what_is_surely_meant(shape: dict[str, Any], value: Any, expected: bool | None) -> None:
    """Each row was put to pydantic 2.14.3, with a field of that type and no validators."""
    found = verdict(shape, value, "pydantic")
    assert found == (None if expected is None else (Trouble.TYPE, True))


@pytest.mark.parametrize(
    ("shape", "value", "expected"),
    [
        (NUMBER, "0.1", (Trouble.NUMBER_AS_TEXT, False)),
        ({**NUMBER, "x-checked": [{"kind": "number"}]}, "0.1", (Trouble.NUMBER_AS_TEXT, True)),
        ({**NUMBER, "x-checked": [{"kind": "converted"}]}, "0.1", None),
        ({**NUMBER, "x-checked": [{"kind": "converted"}]}, "fast", (Trouble.TYPE, True)),
        ({**NUMBER, "x-checked": [{"kind": "nothing"}]}, "fast", None),
        ({**INTEGER, "x-checked": [{"kind": "instance", "of": ["int"]}]}, 1.5, (Trouble.TYPE, True)),
        ({**INTEGER, "x-checked": [{"kind": "instance", "of": ["int"]}]}, Section.SEQUENCE, (Trouble.TYPE, True)),
        ({**NUMBER, "x-checked": [{"kind": "number", "if": {"a": 1}}]}, "0.1", (Trouble.NUMBER_AS_TEXT, False)),
        ({**INTEGER, "x-checked": [{"kind": "range", "minimum": 1}]}, 0, (Trouble.VALUE, True)),
        ({**INTEGER, "x-checked": [{"kind": "range", "minimum": 1}]}, 1, None),
        (INTEGER, 1.5, None),
        (INTEGER, None, None),
        (TEXT, 3, None),
        (FLAG, "false", (Trouble.TYPE, False)),
        ({"enum": [None, 8, 4], "x-checked": [{"kind": "enum"}]}, "8", (Trouble.TYPE, True)),
        ({"enum": [None, 8, 4]}, "8", None),
        ({"enum": ["auto", None]}, "autox", (Trouble.VALUE, False)),
        (WORDS, "epochs", None),
        (WORDS, "stepz", (Trouble.VALUE, False)),
        ({**WORDS, "x-checked": [{"kind": "enum"}]}, "epochs", (Trouble.VALUE, True)),
        ({**WORDS, "x-checked": [{"kind": "enum"}]}, "Steps", (Trouble.LETTER_CASE, True)),
        ({**WORDS, "x-checked": [{"kind": "enum", "fold": True}]}, "Steps", None),
        ({**WORDS, "x-checked": [{"kind": "enum"}]}, False, (Trouble.VALUE, True)),
        ({**WORDS, "x-checked": [{"kind": "enum"}]}, Section.SEQUENCE, (Trouble.TYPE, True)),
        (WORDS, Section.SEQUENCE, None),
        ({"enum": ["in_words"], "x-checked": [{"kind": "enum"}]}, "IN_WORDS", (Trouble.LETTER_CASE, True)),
        ({"enum": ["in_words"], "x-checked": [{"kind": "enum"}]}, "MY_WORDS", None),
        ({**WORDS, "x-checked": [{"kind": "enum", "fold": True}]}, False, (Trouble.VALUE, True)),
        ({**WORDS, "x-checked": [{"kind": "enum", "fold": True}]}, Section.MAPPING, (Trouble.TYPE, True)),
        ({**WORDS, "default": None, "x-checked": [{"kind": "enum", "fold": True}]}, None, None),
        ({"type": "object", "x-checked": [{"kind": "type"}]}, Section.MAPPING, None),
        ({"type": "object", "x-checked": [{"kind": "type"}]}, None, (Trouble.TYPE, True)),
        ({"type": "object", "x-checked": [{"kind": "type"}]}, "auto", (Trouble.TYPE, True)),
        ({"type": ["object", "null"], "x-checked": [{"kind": "type"}]}, None, None),
        ({"x-python": ["Callable"], "type": "null"}, "x", None),
        ({}, "anything", None),
    ],
)
def test_a_dataclass_keeps_what_nobody_looks_at(shape: dict[str, Any], value: Any, expected: object) -> None:
    assert verdict(shape, value, "unchecked") == expected


def test_argparse_converts_texts_and_keeps_the_rest() -> None:
    assert verdict(NUMBER, "2e-5", "argparse-defaults") is None
    assert verdict(INTEGER, "2e3", "argparse-defaults") == (Trouble.TYPE, True)
    assert verdict(INTEGER, 2.5, "argparse-defaults") is None


MAPPING = {"type": ["object", "null"]}
NUMBERS = {"type": ["array", "null"], "items": {"type": "number"}}
TEXTS = {"type": ["array", "null"], "items": {"type": "string"}}


@pytest.mark.parametrize(
    ("shape", "value", "is_refused"),
    [
        (MAPPING, "auto", True),
        (MAPPING, "null", False),
        (MAPPING, 3, False),
        ({"type": ["object", "string", "null"]}, "auto", False),
        (NUMBERS, "auto", True),
        (NUMBERS, "0.5", False),
        (NUMBERS, Section.SEQUENCE, False),
        (TEXTS, "auto", False),
        ({"type": ["string", "boolean", "null"]}, "auto", False),
        ({**NUMBER, "x-checked": [{"kind": "number"}]}, Section.SEQUENCE, True),
    ],
)
def test_argparse_calls_the_type_of_the_argument(shape: dict[str, Any], value: Any, is_refused: bool) -> None:
    """Rows were put to trl 1.16's parser: `dict("auto")`, and `float` of a list's item."""
    found = verdict(shape, value, "argparse-defaults")
    assert found == ((Trouble.TYPE, True) if is_refused else None)


@pytest.mark.parametrize("reader", ["unchecked", "argparse-defaults"])
def test_a_truth_value_is_compared_as_a_number(reader: str) -> None:
    shape = {**INTEGER, "x-checked": [{"kind": "range", "exclusiveMinimum": 0}]}
    assert verdict(shape, False, reader) == (Trouble.VALUE, True)
    assert verdict(shape, True, reader) is None


def test_no_number_is_made_of_a_truth_value_in_the_environment() -> None:
    shape = {**NUMBER, "x-checked": [{"kind": "converted", "by": "float"}]}
    assert verdict(shape, False, "environment") == (Trouble.TYPE, True)
    assert verdict(shape, 1, "environment") is None


def test_what_travels_through_the_environment_may_be_text() -> None:
    assert verdict(FLAG, "no", "environment") is None
    assert verdict(FLAG, "perhaps", "environment") == (Trouble.TYPE, False)


@pytest.mark.parametrize(
    ("shape", "value", "is_refused"),
    [
        (FLAG, "no", False),
        (FLAG, True, False),
        (FLAG, 1, False),
        (FLAG, "auto", True),
        (FLAG, 0.5, True),
        (FLAG, Section.SEQUENCE, True),
        ({**FLAG, "default": "false"}, None, True),
        ({**FLAG, "default": None}, None, False),
        (INTEGER, "2", False),
        (INTEGER, 2, False),
        (INTEGER, "auto", True),
        (INTEGER, 0.5, True),
        (INTEGER, True, True),
    ],
)
def test_what_a_plugin_takes_out_of_the_environment(shape: dict[str, Any], value: Any, is_refused: bool) -> None:
    """Each row was put to accelerate 1.15: `str_to_bool(str(value).lower())` and `int(str(value))`."""
    found = verdict({**shape, "x-checked": [{"kind": "converted"}]}, value, "environment")
    assert found == ((Trouble.TYPE, True) if is_refused else None)


@pytest.mark.parametrize(
    ("value", "expected"),
    [("0.5", None), ("1.0", Trouble.VALUE), (False, Trouble.VALUE), (True, Trouble.VALUE), (0.5, None)],
)
def test_limits_hold_for_what_pydantic_converts(value: Any, expected: Trouble | None) -> None:
    found = verdict({"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}, value, "pydantic")
    assert (found[0] if found is not None else None) == expected


def test_words_in_capitals_are_no_placeholders_where_all_of_them_are() -> None:
    shape = {"type": "string", "enum": ["NO", "MULTI_GPU"], "x-checked": [{"kind": "enum"}]}
    assert verdict(shape, "MULTI_GP", "unchecked") == (Trouble.VALUE, True)
    assert verdict({**WORDS, "x-checked": [{"kind": "enum"}]}, "MY_STRATEGY", "unchecked") is None


@pytest.mark.parametrize("text", ["${SIZE}", "{{ size }}", "<your size>", "$SIZE", "BATCH_SIZE", "", "..."])
def test_placeholders_are_unknown(text: str) -> None:
    assert is_placeholder(text)
    assert verdict(INTEGER, text, "pydantic") is None


@pytest.mark.parametrize(
    ("text", "written"),
    [("2e-5", "2.0e-5"), ("1e3", "1.0e+3"), ("1.5E-3", "1.5e-3"), (".5e-3", "0.5e-3"), ("12", None)],
)
def test_a_number_in_the_form_that_every_loader_reads(text: str, written: str | None) -> None:
    assert with_dot_and_sign(text) == written
    assert written is None or float(written) == float(text)


def test_slips_of_the_pen() -> None:
    known = ("gradient_accumulation_steps", "learning_rate", "stage", "bf16", "fp16")
    assert meant("gradient_acumulation_step", known) == "gradient_accumulation_steps"
    assert meant("learningRate", known) == "learning_rate"
    assert meant("stgae", known) == "stage"
    assert meant("bf1", known) is None
    assert meant("notes", known) is None
    assert distance("stage", "stgae", 2) == 1
    assert distance("abcdef", "uvwxyz", 2) == 3
