"""The published schema of front matter and our own validation agree, on every page and on pages with one mistake."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from ftlint.dialects.registry import BY_NAME
from ftlint.errors import PageError
from ftlint.rulebook import validation
from ftlint.rulebook.check_functions import check_function
from ftlint.rulebook.front_matter import FrontMatter, parse_front_matter
from ftlint.rulebook.loading import bundled_rules_folder, load_pages
from ftlint.rulebook.page import AREAS, Rule
from ftlint.rulebook.reading import read_page

SCHEMA = json.loads((Path(__file__).parents[2] / "schemas" / "rule_page.json").read_text(encoding="utf-8"))
VALIDATOR = Draft202012Validator(SCHEMA)
RULES = load_pages(bundled_rules_folder())


def test_the_schema_is_a_schema() -> None:
    Draft202012Validator.check_schema(SCHEMA)


def test_every_dialect_of_documents_can_be_named() -> None:
    assert set(BY_NAME) == set(validation.DATA_DIALECTS)


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_bundled_page(rule: Rule) -> None:
    front = parse_front_matter(read_page(rule.path).front_matter, rule.path)
    VALIDATOR.validate(dict(front.values))
    assert rule.area in AREAS
    assert rule.sources, "no rule without the page that proves it"
    assert len(rule.message) <= 160
    kinds = {example.kind.value for example in rule.examples}
    assert rule.builtin or kinds == {"bad", "good"}, "a rule's page shows it speaking and silent"
    for example in rule.examples:
        if example.kind.value == "bad":
            assert rule.code in {mark.code for mark in example.marks}
    if rule.check is not None:
        check_function(rule)


WHEN: dict[str, Any] = {
    "code": "DS201",
    "name": "a-name",
    "severity": "warning",
    "dialect": "deepspeed",
    "versions": {"deepspeed": ">=0.9"},
    "when": "a.b == 1",
    "at": "a.b",
    "message": "says {a.b}",
    "fixes": [
        {"title": "t", "applicability": "safe", "set": {"a.b": 2}},
        {"title": "t", "applicability": "safe", "delete": "a.b"},
        {"title": "t", "applicability": "unsafe", "delete": ["a.b", "c"], "rename": {"a.d": "e"}},
        {"title": "t", "applicability": "display"},
    ],
    "log": ["x"],
    "sources": ["y"],
    "url": "https://example.org/x",
}
CHECK: dict[str, Any] = {
    "code": "DTY101",
    "name": "a-name",
    "severity": "error",
    "dialect": "script",
    "check": "ftlint.checks.heads:dtype_mismatch",
    "message": "says {anything}",
    "fixes": [
        {"title": "t", "applicability": "safe", "name": "cast"},
        {"title": "t", "applicability": "display"},
    ],
}
BUILTIN: dict[str, Any] = {
    "code": "CFG001",
    "name": "a-name",
    "severity": "error",
    "builtin": True,
    "message": "says {anything}",
    "fixes": [{"title": "t", "applicability": "safe", "name": "remove"}],
}
VALUES: tuple[Any, ...] = (
    None, True, False, 0, 3, 1.5, "", " ", "x", "X", "a b", "a..b", "a.b", [], [""], ["x"], [3], {}, {"x": "y"},
    {"": 1}, {"a b": "c"}, "run", "script", "any", "trl", ["trl"], ["trl", "trl"], ["trl", "run"], ["nope"],
    "info", "DS1", "ABC123", "https://x", "os:system", "ftlint.checks.a.b:c", [{"title": "t"}],
    [{"title": "t", "applicability": "display"}], [{"title": "", "applicability": "display"}],
    [{"title": "t", "applicability": "safe"}], [{"title": "t", "applicability": "safe", "name": "n"}],
    [{"title": "t", "applicability": "safe", "name": "N"}], [{"title": "t", "applicability": "safe", "set": {}}],
    [{"title": "t", "applicability": "safe", "set": {"a": None}}],
    [{"title": "t", "applicability": "safe", "set": {"a b": 1}}],
    [{"title": "t", "applicability": "safe", "delete": []}], [{"title": "t", "applicability": "safe", "delete": 3}],
    [{"title": "t", "applicability": "safe", "rename": {"a": "b.c"}}], [{"title": "t", "applicability": "nope"}],
    [{"title": "t", "applicability": "safe", "rename": {"a": "b"}, "extra": 1}],
)  # fmt: skip


def _mutations(front: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    yield "as it is", front
    for key in (*validation.STRUCTURE, "unknown"):
        without = copy.deepcopy(front)
        if without.pop(key, None) is not None:
            yield f"without {key}", without
        for value in VALUES:
            yield f"{key}: {value!r}", {**copy.deepcopy(front), key: value}


def _structural_checks(front: FrontMatter) -> None:
    checks: tuple[Callable[[FrontMatter], None], ...] = (
        validation._check_keys,
        validation._check_finder,
        validation._check_fixes,
    )
    for check in checks:
        check(front)


@pytest.mark.parametrize("front", [WHEN, CHECK, BUILTIN], ids=["when", "check", "builtin"])
def test_schema_and_validation_agree(front: dict[str, Any]) -> None:
    num_accepted = 0
    for what, mutated in _mutations(front):
        complaint = None
        try:
            _structural_checks(FrontMatter(Path("x.md"), mutated, {}))
        except PageError as error:
            complaint = str(error)
        by_schema = [error.message for error in VALIDATOR.iter_errors(mutated)]
        assert bool(complaint) == bool(by_schema), f"{what}: we say {complaint}, the schema says {by_schema}"
        num_accepted += complaint is None
    assert num_accepted > 20  # or the test would hold for two validators that refuse everything
