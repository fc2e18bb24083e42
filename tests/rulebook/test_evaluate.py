"""One rule on one variant: whom it concerns, where it points, what it says and which edits it has."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from ftlint.errors import PageError
from ftlint.findings import Applicability, Match, Related, Severity
from ftlint.rulebook import check_functions
from ftlint.rulebook.check_functions import check_function
from ftlint.rulebook.environments import KeyEnvironment
from ftlint.rulebook.evaluate import evaluate
from ftlint.rulebook.inputs import Inputs
from ftlint.rulebook.loading import load_pages
from ftlint.rulebook.page import FixTemplate, Rule
from ftlint.rulebook.repairs import edits_for, nested
from ftlint.rulebook.wording import to_finding
from ftlint.run.fact import UNKNOWN, Fact, KeyValue, Truth, Unknown, default, written
from ftlint.run.key import KeySet, Section
from ftlint.run.run import ParallelFacts, ParallelKind, Run
from ftlint.run.versions import Admissible, VersionView
from ftlint.spans import How, Location, Origin, Span
from ftlint.syntax import parse_text
from ftlint.syntax.document import DataDocument, Format
from ftlint.syntax.editing import apply_to_text
from tests.rulebook.builders import FILE, key_set, write_page

WRITTEN: dict[str, KeyValue | Section | Unknown] = {
    "zero_optimization": Section.MAPPING,
    "zero_optimization.stage": 2,
    "zero_optimization.offload_param": Section.MAPPING,
    "zero_optimization.offload_param.device": "cpu",
}


AT = Location(FILE, Span(0, 1))


@pytest.fixture
def rule(tmp_path: Path) -> Rule:
    write_page(tmp_path)
    (rule,) = load_pages(tmp_path)
    return rule


def inputs(keys: KeySet, **more: object) -> Inputs:
    return Inputs({name: partial(_itself, value) for name, value in {"keys": keys, **more}.items()})


def _itself(value: object) -> object:
    return value


def matches(rule: Rule, keys: KeySet, **more: object) -> list[Match]:
    return list(evaluate(rule, inputs(keys, **more)))


def test_it_points_at_the_section_and_names_the_others(rule: Rule) -> None:
    (match,) = matches(rule, key_set(WRITTEN))
    assert match.at == Location(FILE, Span(200, 210))  # the name of offload_param, not the whole block
    assert match.related == (
        Related(Location(FILE, Span(100, 150)), "`zero_optimization.stage` is 2 here"),
        Related(Location(FILE, Span(300, 350)), "`zero_optimization.offload_param.device` is cpu here"),
    )
    finding = to_finding(rule, match)
    assert finding.message == "offload_param has no effect at ZeRO stage 2"
    assert (finding.code, finding.name, finding.severity) == ("DS201", rule.name, Severity.WARNING)
    assert finding.fixes == ()  # no document, so no edits, so nothing to offer


@pytest.mark.parametrize(
    "changes",
    [
        {"zero_optimization.stage": 3},
        {"zero_optimization.stage": "2"},
        {"zero_optimization.stage": UNKNOWN},
        {"zero_optimization.offload_param.device": "none"},
    ],
)
def test_it_is_silent(rule: Rule, changes: dict[str, Any]) -> None:
    assert matches(rule, key_set({**WRITTEN, **changes})) == []


def test_only_its_dialect_concerns_it(rule: Rule) -> None:
    assert matches(rule, key_set(WRITTEN, dialect="axolotl")) == []
    assert list(evaluate(rule, Inputs({}))) == []
    assert matches(replace(rule, dialects=("axolotl", "trl")), key_set(WRITTEN, dialect="trl"))


def test_a_default_takes_part_without_a_place(rule: Rule) -> None:
    without_stage = {name: value for name, value in WRITTEN.items() if name != "zero_optimization.stage"}
    assert matches(rule, key_set(without_stage)) == []
    (match,) = matches(rule, key_set(without_stage, {"zero_optimization.stage": 0}))
    assert to_finding(rule, match).message.endswith("stage 0")
    assert len(match.related) == 1
    assert matches(rule, key_set(without_stage, {"zero_optimization.stage": 0}, complete=False)) == []


def test_without_at_the_first_written_fact_is_the_place(rule: Rule) -> None:
    (match,) = matches(replace(rule, at=None), key_set(WRITTEN))
    assert match.at == Location(FILE, Span(100, 150))


def test_what_is_missing_is_reported_at_the_section_around_it(rule: Rule) -> None:
    missing = replace(rule, at=None, when="not written(zero_optimization.stage)", message="x {zero_optimization.stage}")
    (match,) = matches(missing, key_set({"zero_optimization": Section.MAPPING}))
    assert match.at == Location(FILE, Span(0, 10))
    (match,) = matches(missing, key_set({"other": 1}))
    assert match.at == Location(FILE, Span(0, 10))
    assert to_finding(missing, match).message == "x unknown"
    assert matches(missing, key_set({})) == []


def test_nothing_is_known_below_a_value_that_is_no_section() -> None:
    keys = KeyEnvironment(key_set({"zero": UNKNOWN, "text": "auto", "none": None}, {"zero.stage": 0, "none.x": 1}))
    assert keys.fact("zero.stage").value is UNKNOWN
    assert keys.written("zero.stage") is Truth.UNKNOWN
    assert keys.written("text.x.y") is Truth.UNKNOWN
    assert keys.fact("none.x").value is UNKNOWN
    assert keys.written("other.x") is Truth.NO


def test_a_sequence_is_worth_its_items() -> None:
    written_keys: dict[str, KeyValue | Section | Unknown] = {
        "a": Section.SEQUENCE,
        "a.0": "x",
        "a.1": Section.MAPPING,
        "a.1.b": 1,
        "a.2": True,
    }
    keys = KeyEnvironment(key_set(written_keys))
    assert keys.fact("a").value == ("x", UNKNOWN, True)
    assert keys.shown("a") == "unknown"
    assert keys.shown("a.2") == "True"  # as written


# Runs.


def test_a_rule_on_run_facts(rule: Rule) -> None:
    stage, kind = Location(Path("ds.json"), Span(5, 9)), Location(Path("train.py"), Span(1, 2))
    run = Run(
        root=Location(Path("train.py"), Span(0, 4)),
        parallel=ParallelFacts(kind=written(ParallelKind.ZERO, kind), zero_stage=written(3, stage)),
    )
    on_run = replace(
        rule,
        dialects=("run",),
        when='parallel.kind == "zero" and parallel.zero_stage == 3 and not written(parallel.num_nodes)',
        at="parallel.zero_stage",
        message="{parallel.kind} {parallel.zero_stage}",
    )
    with_default = replace(run, parallel=replace(run.parallel, num_nodes=default(1, "one")))
    (match,) = evaluate(on_run, Inputs({"run": lambda: with_default}))
    assert match.at == stage
    assert match.related == (Related(kind, "`parallel.kind` is zero here"),)
    assert to_finding(on_run, match).message == "zero 3"
    assert list(evaluate(on_run, Inputs({"run": lambda: run}))) == []  # nobody said: unknown
    derived = Fact(2, (Origin(How.DERIVED, stage),))
    assert (
        list(evaluate(on_run, Inputs({"run": lambda: replace(run, parallel=ParallelFacts(num_nodes=derived))}))) == []
    )


def test_a_run_rule_without_any_written_fact_stands_at_the_runs_root(rule: Rule) -> None:
    root = Location(Path("train.py"), Span(0, 4))
    run = Run(root=root, parallel=ParallelFacts(zero_stage=default(0, "off")))
    on_run = replace(rule, dialects=("run",), when="parallel.zero_stage == 0", at=None, message="m", fixes=())
    (match,) = evaluate(on_run, Inputs({"run": lambda: run}))
    assert match.at == root


def test_facts_from_one_line_are_one_related_line(rule: Rule) -> None:
    line = Location(Path("train.sh"), Span(0, 40))
    run = Run(
        parallel=ParallelFacts(gpus_per_node=written(8, line), num_nodes=written(2, line), zero_stage=written(3, AT))
    )
    condition = "parallel.zero_stage == 3 and parallel.gpus_per_node > 1 and parallel.num_nodes > 1"
    on_run = replace(rule, dialects=("run",), when=condition, at=None, message="m", fixes=())
    (match,) = evaluate(on_run, Inputs({"run": lambda: run}))
    assert match.related == (Related(line, "`parallel.gpus_per_node` is 8 here"),)


# Versions.


def view(*releases: str, beyond: bool = False) -> VersionView:
    return VersionView({"deepspeed": Admissible(releases, (), beyond)})


def test_the_window_decides_and_a_split_is_asked_for_only_where_it_matters(rule: Rule) -> None:
    windowed = replace(rule, versions={"deepspeed": ">=0.9"})
    assert matches(windowed, key_set(WRITTEN), versions=view("0.9.0", "0.16.3"))
    assert matches(windowed, key_set(WRITTEN), versions=view("0.8.1")) == []
    assert matches(windowed, key_set(WRITTEN)) == []  # no versions at all: unknown
    split = view("0.8.1", "0.9.0", "0.9.1")
    assert matches(windowed, key_set({**WRITTEN, "zero_optimization.stage": 3}), versions=split) == []
    assert split.undecided == []
    assert matches(windowed, key_set(WRITTEN), versions=split) == []
    assert split.undecided == [("deepspeed", (("0.8.1",), ("0.9.0", "0.9.1")))]


def test_windows_and_what_is_newer_than_our_data() -> None:
    open_end, closed_end = view("0.16.3", beyond=True), view("0.16.3", beyond=True)
    assert open_end.window("deepspeed", ">=0.9") is Truth.YES
    assert not open_end.read_beyond_knowledge
    assert closed_end.window("deepspeed", "<0.17") is Truth.YES
    assert closed_end.read_beyond_knowledge
    assert view("0.17.0rc1").window("deepspeed", ">=0.16") is Truth.YES
    assert view().window("deepspeed", ">=0.9") is Truth.UNKNOWN
    assert view("0.16.3").window("torch", ">=2") is Truth.UNKNOWN


# Edits.

JSON = """{
  "zero_optimization": {
    "stage": 2,
    "offload_param": {"device": "cpu"}
  }
}
"""


def json_document(text: str = JSON) -> DataDocument:
    document = parse_text(FILE, text, Format.JSON)
    assert isinstance(document, DataDocument)
    return document


def test_fixes_edit_the_document(rule: Rule) -> None:
    (match,) = matches(rule, key_set(WRITTEN), document=json_document())
    first, second = to_finding(rule, match).fixes
    assert (first.title, first.applicability) == ("Use ZeRO stage 3", Applicability.UNSAFE)
    edited = [
        apply_to_text(JSON, [(edit.location.span, edit.content) for edit in fix.edits]) for fix in (first, second)
    ]
    assert edited[0] == JSON.replace("2", "3")
    assert "offload_param" not in edited[1]
    assert json_document(edited[1]).strict


def test_settings_below_a_missing_section_make_it_once() -> None:
    keys = key_set({"a": Section.MAPPING})
    assert nested({"a.b": 1, "a.c.d": 2, "a.c.e.f": 3, "x.y": 4, "z": 5}, keys) == {
        ("a", "b"): 1,
        ("a", "c"): {"d": 2, "e": {"f": 3}},
        ("x",): {"y": 4},
        ("z",): 5,
    }


def fix(**what: Any) -> FixTemplate:
    return FixTemplate("title", Applicability.SAFE, **what)


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        (fix(rename={"zero_optimization.stage": "level"}), JSON.replace('"stage"', '"level"')),
        (fix(rename={"zero_optimization.stage": "offload_param"}), None),
        (fix(rename={"nothing": "x"}), None),
        (fix(set={"zero_optimization.stage": 2}), None),
        (fix(set={"zero_optimization.stage": 3}, rename={"zero_optimization.offload_param": "offload_optimizer"}),
         JSON.replace("2", "3").replace("offload_param", "offload_optimizer")),
        (fix(delete=("nothing",)), None),
    ],
)  # fmt: skip
def test_edits(template: FixTemplate, expected: str | None) -> None:
    edits = edits_for(template, key_set(WRITTEN), json_document())
    if expected is None:
        assert edits == ()
    else:
        assert apply_to_text(JSON, [(edit.location.span, edit.content) for edit in edits]) == expected


def test_two_new_keys_in_one_mapping() -> None:
    edits = edits_for(fix(set={"x": 1, "y": {"z": True}}), key_set(WRITTEN), json_document())
    text = apply_to_text(JSON, [(edit.location.span, edit.content) for edit in edits])
    assert json.loads(text) == {**json.loads(JSON), "x": 1, "y": {"z": True}}


def test_no_edits_in_another_file() -> None:
    other = parse_text(Path("other.json"), JSON, Format.JSON)
    assert isinstance(other, DataDocument)
    assert edits_for(fix(set={"zero_optimization.stage": 3}), key_set(WRITTEN), other) == ()


# Checks.


@pytest.fixture
def checks(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    module = ModuleType("ftlint.checks.testing_only")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    check_functions._find.cache_clear()
    return module


def define(module: ModuleType, source: str) -> None:
    exec(source, module.__dict__)


def by_check(rule: Rule, name: str, **changes: Any) -> Rule:
    return replace(rule, when=None, at=None, check=f"ftlint.checks.testing_only:{name}", **changes)


def test_a_check_gets_what_it_declares_once(rule: Rule, checks: ModuleType) -> None:
    seen: list[object] = []

    def look(keys: KeySet, project: str) -> Iterator[Match]:
        seen.append((keys, project))
        yield Match(at=AT, values={"zero_optimization.stage": "nine"})

    look.__module__ = checks.__name__
    vars(checks)["look"] = look
    calls = []

    def project() -> str:
        calls.append("computed")
        return "the project"

    outer = Inputs({"project": project, "estimate": lambda: 1 / 0})
    for _ in range(2):
        both = outer.extended({"keys": lambda: key_set(WRITTEN)})
        (match,) = evaluate(by_check(rule, "look"), both)
        assert to_finding(by_check(rule, "look"), match).message.endswith("stage nine")
    assert calls == ["computed"]
    assert len(seen) == 2
    # Without a project the check has nothing to look at.
    assert matches(by_check(rule, "look"), key_set(WRITTEN)) == []


def test_checks_that_cannot_be_called_are_named(rule: Rule, checks: ModuleType) -> None:
    define(
        checks, "def dtype_mismatch(keys): return ()\ndef greedy(keys, password): return ()\nfrom os.path import join\n"
    )
    check_function(by_check(rule, "dtype_mismatch"))
    for name, message in (
        ("dtype_mismatc", "did you mean 'dtype_mismatch'?"),
        ("greedy", "declares 'password'"),
        ("join", "has no function 'join'"),
    ):
        with pytest.raises(PageError) as caught:
            check_function(by_check(rule, name))
        assert message in str(caught.value)
        assert str(rule.path) in str(caught.value)
    with pytest.raises(PageError, match=r"no module ftlint\.checks\.nowhere"):
        check_function(replace(rule, check="ftlint.checks.nowhere:x"))
    with pytest.raises(PageError, match="is not below"):
        check_function(replace(rule, check="os:system"))


def test_inputs_refuse_what_no_check_could_ask_for() -> None:
    with pytest.raises(ValueError, match="no check can declare"):
        Inputs({"kesy": lambda: 1})
    with pytest.raises(TypeError, match="must be a KeySet, not int"):
        list(
            evaluate(Rule("X101", "x", Severity.INFO, "", "", Path(), ("trl",), when="a"), Inputs({"keys": lambda: 1}))
        )
