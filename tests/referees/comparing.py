"""The framework's verdict and ftlint's findings for the same text, side by side."""

from __future__ import annotations

import json
import random
import re
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

from tests.referees.asking import Judge
from tests.referees.mutating import Base, Case, Mutator, corpus_bases, render, synthetic, written_bases
from tests.referees.protocol import Verdict
from tests.referees.roster import Referee

# What the two have to agree in (issue 4): shares of the rejected that are errors, of the accepted that are not.
REJECTED_SEEN = 0.99
ACCEPTED_ACCUSED = 0.001
REJECTED_SEEN_PER_KIND = 0.95
MACHINE_SHARE = 0.02
# From so many configs on a kind has enough cases for its share to say something.
FULL_COUNT = 5000
_SYNTHETIC_PER_ROOT = 40
# Projects per check: large enough that loading pages and schemas is paid once, small enough to see where time goes.
_BATCH = 250
_HERE = Path(__file__).parent


@dataclass(frozen=True)
class Found:
    """One finding, as far as it is compared."""

    code: str
    severity: str
    row: int
    message: str


@dataclass(frozen=True)
class Outcome:
    """One case with both answers. `machine`: why the rejection says nothing about the config."""

    case: Case
    verdict: Verdict
    findings: tuple[Found, ...]
    machine: str = ""

    @property
    def errors(self) -> tuple[Found, ...]:
        """What ftlint calls an error."""
        return tuple(found for found in self.findings if found.severity == "error")

    @property
    def is_missed(self) -> bool:
        """Rejected, and no error."""
        return not self.verdict.accepted and not self.machine and not self.errors

    @property
    def is_accused(self) -> bool:
        """Accepted, and an error."""
        return self.verdict.accepted and bool(self.errors)


@dataclass(frozen=True)
class Measured:
    """All outcomes of one referee, with what decides them."""

    referee: Referee
    versions: dict[str, str]
    outcomes: tuple[Outcome, ...]
    judge_seconds: float
    check_seconds: float
    num_keys: int


def measure(referee: Referee, count: int, seed: int, corpus: Path | None = None, check: bool = True) -> Measured:
    """So many cases, judged and checked. Without `check` only judged."""
    with Judge(referee) as judge:
        versions, keys = judge.versions(), judge.keys()
        bases = _bases(referee, judge, seed, corpus)
        cases = list(Mutator(referee, keys, bases, seed).cases(count))
        start = perf_counter()
        verdicts = list(judge.judge_all((case.root, case.text) for case in cases))
        judged = perf_counter()
    findings: list[tuple[Found, ...]] = []
    for first in range(0, len(cases), _BATCH):
        batch = cases[first : first + _BATCH]
        findings += _check(referee, versions, batch) if check else [()] * len(batch)
    machine = Machine(referee)
    outcomes = tuple(
        Outcome(case, verdict, found, machine.why(verdict))
        for case, verdict, found in zip(cases, verdicts, findings, strict=True)
    )
    return Measured(referee, versions, outcomes, judged - start, perf_counter() - judged, len(keys))


def _bases(referee: Referee, judge: Judge, seed: int, corpus: Path | None) -> list[Base]:
    """What the framework accepts of the written, the corpus' and some synthetic configs."""
    choice = random.Random(f"{referee.name} bases {seed}")

    def accepted(bases: Iterable[Base]) -> list[Base]:
        return [base for base in bases if judge.judge(base.root, render(referee, base.root, base.tree)).accepted]

    written = accepted(written_bases(referee))
    keys = judge.keys()
    roots = sorted({key.root for key in keys})
    smallest = [min((base for base in written if base.root == root), key=lambda base: len(base.tree)) for root in roots]
    made = [synthetic(keys, base, choice) for base in smallest for _ in range(_SYNTHETIC_PER_ROOT)]
    return written + accepted(made) + accepted(corpus_bases(referee, corpus) if corpus is not None else ())


def _check(referee: Referee, versions: dict[str, str], cases: Sequence[Case]) -> Iterator[tuple[Found, ...]]:
    from ftlint.engine import check
    from ftlint.project.workspace import Workspace

    with tempfile.TemporaryDirectory(prefix="compared-") as name:
        top = Path(name).resolve()
        for number, case in enumerate(cases):
            write_project(top / str(number), referee, versions, case)
        result = check(Workspace(top), [top])
        if unread := [each.reason for each in result.unread if str(top) in each.reason]:
            raise AssertionError(f"not everything was read: {unread[:3]}")
        by_folder: dict[str, list[Found]] = defaultdict(list)
        for finding in result.findings:
            folder = finding.location.path.relative_to(top).parts[0]
            row = _row(finding.location.path, finding.location.span.start)
            by_folder[folder].append(Found(finding.code, finding.severity.value, row, finding.message))
    for number in range(len(cases)):
        yield tuple(by_folder.get(str(number), ()))


def write_project(folder: Path, referee: Referee, versions: dict[str, str], case: Case) -> None:
    """The case as a project of its own."""
    folder.mkdir()
    (folder / referee.filename).write_text(case.text, "utf-8")
    (folder / "ftlint.toml").write_text(referee.settings(versions), "utf-8")
    for filename, text in referee.companions:
        (folder / filename).write_text(text.format(root=case.root), "utf-8")


def _row(path: Path, offset: int) -> int:
    return path.read_text("utf-8").count("\n", 0, offset) + 1


class Machine:
    """The reviewed table of rejections that say something about this machine only."""

    def __init__(self, referee: Referee) -> None:
        rows: list[dict[str, Any]] = json.loads((_HERE / "machine.json").read_text("utf-8"))
        self._rows = [row for row in rows if referee.name in row["referees"]]

    def why(self, verdict: Verdict) -> str:
        """The reason, or nothing where the config is at fault. Lines are left out of places: they move."""
        for row in self._rows:
            if (
                row["exception"] == verdict.exception
                and verdict.place.startswith(row["place"] + ":")
                and row["message"] in verdict.message
                and (not row.get("ranks") or _fits_some_ranks(verdict.message))
            ):
                return str(row["why"])
        return ""


def _fits_some_ranks(message: str) -> bool:
    """Whether a message of DeepSpeed's, `8 != 2 * 1 * 1`, would have been none on another number of ranks."""
    numbers = re.search(r"(\d+) != (\d+) \* (\d+) \* 1$", message.strip())
    if numbers is None:
        return False
    whole, micro_batch, steps = map(int, numbers.groups())
    return micro_batch * steps > 0 and whole % (micro_batch * steps) == 0


def traps() -> dict[str, dict[str, Any]]:
    """Codes that accuse what a framework accepts silently: `referees`, `why`, and the `test` that shows it there.

    `message`: what the finding must say, where not all of that code are meant.
    """
    found: dict[str, dict[str, Any]] = json.loads((_HERE / "traps.json").read_text("utf-8"))
    return found


@dataclass(frozen=True)
class Tally:
    """One row of the table: of one kind, or of all."""

    kind: str
    rejected: int
    rejected_seen: int
    accepted: int
    accused: int
    trapped: int
    machine: int

    @property
    def seen_share(self) -> float:
        """Of the rejected, those with an error."""
        return self.rejected_seen / self.rejected if self.rejected else 1.0

    @property
    def accused_share(self) -> float:
        """Of the accepted, those with an error that no trap explains."""
        return self.accused / self.accepted if self.accepted else 0.0


def tallies(measured: Measured) -> list[Tally]:
    """One per kind, in the order of the kinds, then one for all."""
    by_kind: dict[str, list[Outcome]] = defaultdict(list)
    for outcome in measured.outcomes:
        by_kind[outcome.case.kind].append(outcome)
    own = {code: trap for code, trap in traps().items() if measured.referee.name in trap["referees"]}
    known = {code: str(trap.get("message", "")) for code, trap in own.items()}
    return [_tally(kind, some, known) for kind, some in by_kind.items()] + [_tally("all", measured.outcomes, known)]


def _tally(kind: str, outcomes: Iterable[Outcome], known_traps: dict[str, str]) -> Tally:
    count: Counter[str] = Counter()
    for outcome in outcomes:
        if outcome.machine:
            count["machine"] += 1
        elif not outcome.verdict.accepted:
            count["rejected"] += 1
            count["seen"] += bool(outcome.errors)
        else:
            count["accepted"] += 1
            if errors := outcome.errors:
                trapped = all(known_traps.get(found.code, "\n") in found.message for found in errors)
                count["trapped" if trapped else "accused"] += 1
    return Tally(
        kind, count["rejected"], count["seen"], count["accepted"], count["accused"], count["trapped"], count["machine"]
    )


def shortfalls(measured: Measured) -> list[str]:
    """What is below the thresholds, a sentence each.

    A sample has few cases of a kind: one missed of five is 80 % and says nothing. Below `FULL_COUNT` configs a kind
    falls short only where more than one of it is missed; the full run holds every kind to its share, however small.
    """
    *kinds, everything = tallies(measured)
    found = []
    if everything.seen_share < REJECTED_SEEN:
        found.append(f"{everything.seen_share:.2%} of the rejected are errors, not {REJECTED_SEEN:.0%}")
    if everything.accused_share > ACCEPTED_ACCUSED:
        found.append(f"{everything.accused_share:.2%} of the accepted are errors, not {ACCEPTED_ACCUSED:.1%}")
    found += [
        f"{kind.kind}: {kind.seen_share:.2%} of the rejected are errors"
        for kind in kinds
        if kind.seen_share < REJECTED_SEEN_PER_KIND
        and (kind.rejected - kind.rejected_seen > 1 or len(measured.outcomes) >= FULL_COUNT)
    ]
    if everything.machine > MACHINE_SHARE * len(measured.outcomes):
        found.append(f"{everything.machine} rejections are said to be this machine's")
    return found
