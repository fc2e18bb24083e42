"""One release asked about the examples, and what contradicts the pages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ftlint.findings import Severity
from tests.referees.asking import Judge
from tests.referees.comparing import Machine, traps
from tests.referees.protocol import Verdict, pattern
from tests.referees.roster import Referee
from tools.by_release.examples import Question, admits


@dataclass(frozen=True)
class Asked:
    """One release with its verdicts; `failure` says why it could not be asked. `versions`: of all packages there."""

    release: str
    versions: Mapping[str, str]
    verdicts: tuple[tuple[Question, Verdict], ...] = ()
    failure: str = ""


@dataclass(frozen=True)
class Contradiction:
    """What a release says that its page does not: `kind` is "Bad accepted", "Good rejected" or "window too narrow"."""

    kind: str
    question: Question
    release: str
    reason: str = ""


def ask(referee: Referee, package: str, release: str, home: Path, questions: Sequence[Question]) -> Asked:
    """The verdicts of that release's own reader on all of the questions."""
    with Judge(referee, home) as judge:
        try:
            versions = {**judge.versions(), package: release}
            imported = Path(judge.homes().get(package, ""))
            if not imported.is_relative_to(home):
                return Asked(release, versions, failure=f"{package} was imported from {imported.parent}")
            verdicts = judge.judge_all((each.root, each.text) for each in questions)
            answers = tuple(zip(questions, verdicts, strict=True))
            return Asked(release, versions, answers, failure=_of_its_own(answers))
        except RuntimeError as ended:
            lines = str(ended).strip().splitlines()
            return Asked(release, {package: release}, failure=lines[-1] if lines else "it ended without a word")


def _of_its_own(answers: Sequence[tuple[Question, Verdict]]) -> str:
    """Why nothing was learned: it refuses all it is given, for one reason, beside what is installed."""
    verdicts = [verdict for _, verdict in answers]
    goods = [verdict for question, verdict in answers if not question.is_bad]
    is_one = len({_way(each) for each in goods}) == 1 and len(goods) > 1
    if is_one and not any(each.accepted for each in verdicts):
        return f"refuses every example: {_reason(goods[0])}"
    return ""


def contradictions(referee: Referee, every: Iterable[Asked]) -> list[Contradiction]:
    """What the releases say against the pages, in the order of releases."""
    asked = [each for each in every if not each.failure]
    silent, machine = set(traps()), Machine(referee)
    within: dict[str, set[tuple[str, str]]] = {}
    for one in asked:
        for question, verdict in one.verdicts:
            if question.is_bad and not verdict.accepted and admits(question.rule, one.versions):
                within.setdefault(question.name, set()).add(_way(verdict))
    found: list[Contradiction] = []
    for one in asked:
        for question, verdict in one.verdicts:
            kind = ""
            if not admits(question.rule, one.versions):
                same = not verdict.accepted and _way(verdict) in within.get(question.name, ())
                kind = "window too narrow" if question.is_bad and same else ""
            elif not question.is_bad:
                is_meant = question.is_good_in(one.versions)
                kind = "" if verdict.accepted or not is_meant or machine.why(verdict) else "Good rejected"
            elif verdict.accepted and question.rule.severity is Severity.ERROR and question.rule.code not in silent:
                kind = "Bad accepted"
            if kind:
                found.append(Contradiction(kind, question, one.release, _reason(verdict)))
    return found


def _way(verdict: Verdict) -> tuple[str, str]:
    """How it is refused, without values and places: lines of sources move from release to release."""
    return verdict.exception, pattern(verdict.message)


def _reason(verdict: Verdict) -> str:
    return "" if verdict.accepted else f"{verdict.exception}: {verdict.message}"[:160]
