"""The rulebook as `ftlint rule --all --output-format json` gives it to other programs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ftlint.rulebook.examples import Example, ExampleKind
from ftlint.rulebook.page import Rule


def rules_json(rules: Iterable[Rule]) -> list[dict[str, Any]]:
    """Section 4 of the contracts: one object per rule. Any: JSON."""
    return [_rule_json(rule) for rule in rules]


def _rule_json(rule: Rule) -> dict[str, Any]:
    examples = rule.examples
    return {
        "code": rule.code,
        "name": rule.name,
        "severity": rule.severity.value,
        "area": rule.area,
        "versions": dict(rule.versions),
        "doc": rule.doc,
        "url": rule.url,
        "examples": {
            kind.value: [_example_json(each) for each in examples if each.kind is kind] for kind in ExampleKind
        },
        "fixes": [{"title": fix.title, "applicability": fix.applicability.value} for fix in rule.fixes],
        "sources": list(rule.sources),
    }


def _example_json(example: Example) -> dict[str, Any]:
    return {"files": dict(example.files), "settings": dict(example.settings)}
