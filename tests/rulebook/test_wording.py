"""Findings in the page's words, and several variants as one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftlint.findings import Applicability, Edit, Finding, Fix, Match, Severity
from ftlint.rulebook.filling import FillingError, fill, placeholders
from ftlint.rulebook.page import FixTemplate, Rule
from ftlint.rulebook.wording import merge_variants, to_finding
from ftlint.spans import Location, Span

AT = Location(Path("train.py"), Span(3, 9))
EDIT = Edit(AT, "x")
RULE = Rule(
    code="DTY101",
    name="head-dtype",
    severity=Severity.ERROR,
    title="t",
    message="head is {head}, body {body.dtype}",
    path=Path("DTY101-head-dtype.md"),
    dialects=("script",),
    check="ftlint.checks.heads:dtype_mismatch",
    fixes=(
        FixTemplate("Cast to {body.dtype}", Applicability.SAFE, name="cast"),
        FixTemplate("Load in float32", Applicability.UNSAFE, name="load"),
        FixTemplate("Use autocast", Applicability.DISPLAY),
    ),
)


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{a} and {b.c}", "1 and 2"),
        ("{{a}} {x}", "{a} {x}"),
        ("{a.__class__}", "{a.__class__}"),
        ("", ""),
    ],
)
def test_filling(template: str, text: str) -> None:
    assert fill(template, {"a": "1", "b.c": "2"}) == text


def test_placeholders() -> None:
    assert placeholders("{a} {{b}} {c.d-e}") == ("a", "c.d-e")
    for bad in ("{", "}", "{a", "a}", "{a b}", "{}"):
        with pytest.raises(FillingError):
            placeholders(bad)


@given(st.text(alphabet="{}ab ."))
def test_filling_never_raises(template: str) -> None:
    fill(template, {"a": "{b}", "b": "x"})


def test_fixes_without_edits_are_dropped_unless_they_are_for_show() -> None:
    match = Match(AT, {"head": "float32", "body.dtype": "bfloat16"}, edits={"cast": (EDIT,)})
    finding = to_finding(RULE, match)
    assert finding.message == "head is float32, body bfloat16"
    assert finding.fixes == (
        Fix("Cast to bfloat16", Applicability.SAFE, (EDIT,)),
        Fix("Use autocast", Applicability.DISPLAY),
    )


def test_a_match_may_lower_the_severity_and_says_why() -> None:
    match = Match(AT, {"head": "a", "body.dtype": "b"}, severity=Severity.WARNING, reason="autocast may be on")
    assert to_finding(RULE, match).severity is Severity.WARNING
    assert to_finding(RULE, match).message == "head is a, body b (autocast may be on)"
    assert to_finding(replace(RULE, severity=Severity.INFO), match).severity is Severity.INFO
    with_place = replace(RULE, message="{head}: {reason}")
    assert to_finding(with_place, match).message == "a: autocast may be on"


FINDING = Finding("DS201", "n", Severity.ERROR, "m", AT)


def test_what_all_variants_have_is_as_it_is() -> None:
    assert merge_variants([("a", [FINDING, FINDING]), ("b", [FINDING])]) == (FINDING,)
    assert merge_variants([("", [FINDING])]) == (FINDING,)
    assert merge_variants([]) == ()


def test_what_some_have_is_a_warning_that_says_in_which() -> None:
    merged = merge_variants([("transformers < 5.0.0", [FINDING]), ("transformers >= 5.0.0", [])])
    assert merged == (replace(FINDING, severity=Severity.WARNING, message="m (with transformers < 5.0.0)"),)
    info = replace(FINDING, severity=Severity.INFO)
    merged = merge_variants([("a", [info]), ("b", [info]), ("b", [info]), ("c", [])])
    assert merged == (replace(info, message="m (with a or b)"),)


def test_other_places_and_other_edits_are_other_findings() -> None:
    elsewhere = replace(FINDING, location=Location(AT.path, AT.span, cell=2))
    with_fix = replace(FINDING, fixes=(Fix("t", Applicability.SAFE, (EDIT,)),))
    assert len(merge_variants([("a", [FINDING, elsewhere, with_fix])])) == 3


def test_variants_that_differ_in_their_edits_have_one_finding_without() -> None:
    edits = (EDIT, replace(EDIT, content="y"))
    one, other = (replace(FINDING, fixes=(Fix("t", Applicability.SAFE, (edit,)),)) for edit in edits)
    assert merge_variants([("a", [one]), ("b", [other])]) == (FINDING,)
    both = replace(FINDING, fixes=(*one.fixes, *other.fixes))
    assert merge_variants([("a", [one]), ("b", [both])]) == (one,)
    (some,) = merge_variants([("a", [one]), ("b", [other]), ("c", [])])
    assert some.message == "m (with a or b)"


def test_the_lowest_severity_counts() -> None:
    lowered = replace(FINDING, severity=Severity.INFO, message="other words")
    assert merge_variants([("a", [FINDING]), ("b", [lowered])]) == (replace(FINDING, severity=Severity.INFO),)
