"""The parts that need no framework: what is made, how it is written, how it is counted."""

from __future__ import annotations

import ast
import json
import random
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest
import yaml

from tests.referees import values
from tests.referees.comparing import Found, Measured, Outcome, shortfalls, tallies, traps
from tests.referees.describing import Key, of_dataclass
from tests.referees.mutating import KINDS, Base, Case, Mutator, render, written_bases
from tests.referees.protocol import Verdict, pattern, rejection
from tests.referees.rendering import Again, Verbatim, as_json, as_yaml, closing_lines, with_comment, with_trailing_comma
from tests.referees.reporting import report, summary
from tests.referees.roster import BY_NAME, REFEREES, Referee

KEYS = (
    Key("", ("stage",), ("int",), (0, 1, 2, 3), 0),
    Key("", ("rate",), ("float",), (), 0.1),
    Key("", ("zero_optimization",), ("dict",)),
    Key("", ("zero_optimization", "device"), ("str",), ("cpu", "nvme"), "cpu"),
    Key("", ("zero_optimization", "pin_memory"), ("bool", "null"), (), False),
)
BASE = Base("", {"stage": 3, "zero_optimization": {"device": "cpu"}})


def mutator(referee: Referee, seed: int = 1) -> Mutator:
    return Mutator(referee, KEYS, [BASE], seed)


@pytest.mark.parametrize("name", ["deepspeed", "llamafactory"])
def test_the_same_seed_makes_the_same_cases_of_every_kind(name: str) -> None:
    referee = BY_NAME[name]
    first = list(mutator(referee).cases(280))
    assert first == list(mutator(referee).cases(280))
    assert first != list(mutator(referee, 2).cases(280))
    assert {case.kind for case in first} == set(KINDS) - (set() if referee.form == "json" else {"comment"})


def test_each_kind_is_what_it_says() -> None:
    names = {key.path[-1] for key in KEYS}
    for case in mutator(BY_NAME["deepspeed"]).cases(700):
        tree, last = None, case.key.split(".")[-1]
        if case.kind != "comment":
            tree = json.loads(case.text)
        match case.kind:
            case "typo":
                assert case.detail not in names
                assert f'"{case.detail}"' in case.text
            case "duplicate":
                assert case.text.count(f'"{last}":') > 1
            case "comment":
                with pytest.raises(json.JSONDecodeError):
                    json.loads(case.text)
            case "auto":
                assert '"auto"' in case.text
            case "valid" | "cross-field":
                assert names >= set(all_keys(tree))


def all_keys(tree: Any) -> list[str]:
    if not isinstance(tree, dict):
        return []
    return [*tree, *(name for each in tree.values() for name in all_keys(each))]


@pytest.mark.parametrize("referee", REFEREES, ids=lambda referee: referee.name)
def test_written_configs_are_rendered_as_they_are_read(referee: Referee) -> None:
    for base in written_bases(referee):
        text = render(referee, base.root, base.tree)
        if referee.form == "call":
            call = ast.parse(text).body[-1]
            assert isinstance(call, ast.Assign)
            assert isinstance(call.value, ast.Call)
            assert {each.arg: ast.literal_eval(each.value) for each in call.value.keywords} == base.tree
        else:
            assert (json.loads if referee.form == "json" else yaml.safe_load)(text) == base.tree


def test_yaml_is_read_back() -> None:
    tree = {
        "a": "no",
        "b": 1e-05,
        "c": [1, 2],
        "d": {"e": None, "f": []},
        "g": [{"h": "x y", "i": 1}, {"h": "~"}],
        "j": {},
    }
    assert yaml.safe_load(as_yaml(tree)) == tree
    assert yaml.safe_load(as_yaml({"rate": Verbatim("2e-5")})) == {"rate": "2e-5"}


def test_a_key_can_stand_twice() -> None:
    text = as_json({"a": 1, Again("a"): 2})
    assert text.count('"a"') == 2
    assert as_yaml({"a": 1, Again("a"): 2}) == "a: 1\na: 2\n"


def test_comments_and_commas_are_all_that_changes() -> None:
    text = as_json({"a": {"b": 1}, "c": 2})
    assert with_comment(text, 1).replace("  // note", "") == text
    (inner, outer) = closing_lines(text)
    assert with_trailing_comma(text, inner).splitlines()[inner - 1].endswith("1,")
    assert with_trailing_comma(text, outer).splitlines()[outer - 1].endswith("2,")


def test_values_are_right_and_wrong_as_declared() -> None:
    choice = random.Random(1)
    for _ in range(200):
        assert values.right(KEYS[0], choice) in (0, 1, 2, 3)
        assert values.outside(KEYS[0], choice) not in (0, 1, 2, 3)
        assert values.outside(KEYS[3], choice) not in ("cpu", "nvme")
        assert not isinstance(values.wrong_kind(KEYS[1], choice), float)
        assert values.misspelt("stage", frozenset({"stages"}), choice) not in ("stage", "stages")


def test_declarations_are_understood() -> None:
    @dataclass
    class Inner:
        depth: int = 1

    @dataclass
    class Settings:
        name: str
        mode: Literal["fast", "slow"] | None = None
        rate: float = field(default=0.5, metadata={"choices": [0.5, 1.0]})
        many: list[str] | None = None

    Settings.__annotations__ = {
        "name": str,
        "mode": Literal["fast", "slow"] | None,
        "rate": float,
        "many": list[str] | None,
    }
    name, mode, rate, many = of_dataclass(Settings, "Settings")
    assert name.required
    assert (mode.choices, mode.kinds) == (("fast", "slow"), ("str", "null"))
    assert rate.choices == (0.5, 1.0)
    assert many.kinds == ("list", "null")
    assert Key.from_json(json.loads(json.dumps(mode.as_json()))) == mode


def test_equal_complaints_about_other_values_are_one_reason() -> None:
    assert pattern("Got 'a' and 3, not [1, 2]") == pattern("Got 'bc' and 41, not [7]")
    assert pattern("keyword argument repeated: a (line 3)") == pattern("keyword argument repeated: b (line 4)")
    verdict = rejection(ValueError("x" * 2000))
    assert not verdict.accepted
    assert verdict.exception == "ValueError"
    assert len(verdict.message) < 1000


def test_what_is_counted() -> None:
    def outcome(accepted: bool, severity: str | None, machine: str = "") -> Outcome:
        found = () if severity is None else (Found("CFG101", severity, 1, "m"),)
        return Outcome(Case("typo", "", "a", "", ""), Verdict(accepted), found, machine)

    outcomes = (
        *[outcome(False, "error")] * 96,
        *[outcome(False, "warning")] * 4,
        *[outcome(True, None)] * 99,
        outcome(True, "error"),
        outcome(False, None, "no GPU"),
    )
    measured = Measured(BY_NAME["axolotl"], {}, outcomes, 1.0, 1.0, 5)
    kind, everything = tallies(measured)
    assert (kind.rejected, kind.rejected_seen, kind.accepted, kind.accused, kind.machine) == (100, 96, 100, 1, 1)
    assert everything.seen_share == 0.96
    assert len(shortfalls(measured)) == 2
    assert "| 100 | 96.0% | 100 | 1.00% |" in summary([measured])
    assert "no error: 4" in report(measured)


@pytest.mark.parametrize(
    ("num_missed", "num_configs", "falls_short"),
    [(1, 500, False), (2, 500, True), (1, 5000, True), (0, 5000, False)],
)
def test_one_missed_of_few_counts_in_the_full_run_only(num_missed: int, num_configs: int, falls_short: bool) -> None:
    error = Found("CFG102", "error", 1, "wrong")

    def outcome(kind: str, is_seen: bool) -> Outcome:
        return Outcome(Case(kind, "", "a", "", "a: 1\n"), Verdict(False, "ValueError", "a.py:1"), (error,) * is_seen)

    few = [outcome("type", number >= num_missed) for number in range(5)]
    rest = [outcome("typo", True)] * (num_configs - len(few))
    found = shortfalls(Measured(BY_NAME["trl"], {}, (*few, *rest), 1.0, 1.0, 5))
    assert bool(found) is falls_short
    assert all(sentence.startswith("type: ") for sentence in found)


def test_every_trap_names_a_test_that_shows_it() -> None:
    for code, trap in traps().items():
        path, _, name = trap["test"].partition("::")
        assert trap["why"], code
        assert f"def {name}(" in Path(path).read_text("utf-8"), code
