"""What the pages of Axolotl call refused is refused, and what they call good is accepted, by Axolotl itself."""

from __future__ import annotations

import pytest

from ftlint.findings import Severity
from ftlint.rulebook.book import load_rulebook
from tests.referees.asking import Judge
from tests.referees.comparing import Machine
from tests.referees.roster import BY_NAME
from tests.referees.test_agreement import available

REFEREE = BY_NAME["axolotl"]
pytestmark = pytest.mark.referee


def test_examples_are_refused_and_accepted() -> None:
    rules = [rule for rule in load_rulebook() if rule.code.startswith("AX") and rule.severity is Severity.ERROR]
    assert len(rules) > 80
    machine, wrong = Machine(REFEREE), []
    with Judge(available(REFEREE)) as judge:
        for rule in rules:
            for example in rule.examples:
                verdict = judge.judge("", example.files["config.yaml"])
                is_good = verdict.accepted or bool(machine.why(verdict))
                if is_good is (example.kind.value == "bad"):
                    wrong.append((rule.code, example.name, verdict.message))
    assert not wrong
