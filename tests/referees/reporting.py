"""Measured agreement as text: the table, the deviations grouped for whoever writes rules, the reasons of rejection."""

from __future__ import annotations

import linecache
import sysconfig
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.referees.comparing import Measured, Outcome, shortfalls, tallies

_EXAMPLES = 3
_GROUPS = 150


def table(measured: Measured) -> str:
    """Markdown: one row per kind."""
    lines = [
        "| kind | rejected | of these errors | accepted | of these errors | traps | machine |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in tallies(measured):
        seen = f"{row.rejected_seen} ({row.seen_share:.1%})" if row.rejected else "-"
        accused = f"{row.accused} ({row.accused_share:.2%})" if row.accepted else "-"
        lines.append(
            f"| {row.kind} | {row.rejected} | {seen} | {row.accepted} | {accused} | {row.trapped} | {row.machine} |"
        )
    return "\n".join(lines)


def summary(all_measured: Iterable[Measured]) -> str:
    """Markdown: one row per referee, for docs/accuracy.md."""
    lines = [
        "| referee | configs | rejected | of these errors | accepted | of these errors | traps | machine |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for measured in all_measured:
        row = tallies(measured)[-1]
        shares = f"| {row.rejected} | {row.seen_share:.1%} | {row.accepted} | {row.accused_share:.2%} "
        name = ", ".join(f"{name} {version}" for name, version in measured.versions.items())
        lines.append(
            f"| {measured.referee.name} ({name}) | {len(measured.outcomes)} {shares}| {row.trapped} | {row.machine} |"
        )
    return "\n".join(lines)


def heading(measured: Measured) -> str:
    """Who judged what, and how long it took."""
    versions = ", ".join(f"{name} {version}" for name, version in measured.versions.items())
    count = len(measured.outcomes)
    judge_ms, check_ms = measured.judge_seconds / count * 1000, measured.check_seconds / count * 1000
    return (
        f"{measured.referee.name} ({versions}): {count} configs, {measured.num_keys} keys of the framework's own; "
        f"{judge_ms:.1f} ms judged, {check_ms:.1f} ms checked per config"
    )


def report(measured: Measured) -> str:
    """Everything that a rule author works through, most frequent first."""
    missed = [outcome for outcome in measured.outcomes if outcome.is_missed]
    accused = [outcome for outcome in measured.outcomes if outcome.is_accused]
    return "\n".join(
        (
            f"# {heading(measured)}\n",
            table(measured),
            *(f"- {sentence}" for sentence in shortfalls(measured)),
            f"\n## Rejected, and no error: {len(missed)}\n",
            *_missed(missed, measured.referee.form),
            f"\n## Accepted, and an error: {len(accused)}\n",
            *_accused(accused, measured.referee.form),
            "",
        )
    )


def _missed(outcomes: Iterable[Outcome], form: str) -> Iterator[str]:
    groups: dict[tuple[str, ...], list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        reason = (outcome.case.kind, *outcome.verdict.reason)
        groups[reason].append(outcome)
    for (kind, exception, place, message), members in _by_size(groups):
        keys = Counter(member.case.key for member in members)
        named = ", ".join(f"{key} ({number})" for key, number in keys.most_common(12))
        yield f"### {len(members)} x {kind}: {exception} at {place}: {message}\n\nkeys: {named}\n"
        yield from _examples(members, form)


def _accused(outcomes: Iterable[Outcome], form: str) -> Iterator[str]:
    groups: dict[tuple[str, ...], list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        found = outcome.errors[0]
        groups[found.code, outcome.case.kind, found.message].append(outcome)
    for (code, kind, message), members in _by_size(groups):
        yield f"### {len(members)} x {kind}: {code}: {message}\n"
        yield from _examples(members, form)


def _by_size(groups: dict[tuple[str, ...], list[Outcome]]) -> list[tuple[tuple[str, ...], list[Outcome]]]:
    return sorted(groups.items(), key=lambda group: -len(group[1]))[:_GROUPS]


def _examples(members: list[Outcome], form: str) -> Iterator[str]:
    for member in members[:_EXAMPLES]:
        said = "; ".join(f"{f.code} {f.severity} line {f.row}: {f.message}" for f in member.findings[:2]) or "silent"
        yield f"- {member.case.key}: {member.case.detail} | {member.verdict.message[:160]} | ftlint: {said}"
    text = min((member.case.text for member in members), key=len)
    yield f"\n```{'python' if form == 'call' else form}\n{text[:1500]}```\n"


def reasons(measured: Measured, site: Path | None = None) -> str:
    """Every distinct reason why the framework rejected, most frequent first, with the framework's line."""
    rejected = [outcome for outcome in measured.outcomes if not outcome.verdict.accepted]
    groups: dict[tuple[str, str, str], list[Outcome]] = defaultdict(list)
    for outcome in rejected:
        verdict = outcome.verdict
        kinds = tuple(sorted({complaint.rpartition(": ")[2] for complaint in verdict.complaints}))
        # A type that does not fit says all by its kind; what a validator raised says it in words.
        label = verdict.reason[2] if not kinds or "value_error" in kinds else "; ".join(kinds)
        groups[verdict.exception, verdict.place, label].append(outcome)
    lines = [
        f"# Why {heading(measured)}\n",
        f"{len(rejected)} rejected, {len(groups)} reasons\n",
        *_rates(measured),
        "",
    ]
    for (exception, place, message), members in sorted(groups.items(), key=lambda group: -len(group[1])):
        kinds_of = ", ".join(f"{kind} {number}" for kind, number in Counter(m.case.kind for m in members).most_common())
        keys = ", ".join(key for key, _ in Counter(m.case.key for m in members).most_common(8))
        lines += [
            f"## {len(members)} x {exception}: {message}\n",
            f"- place: `{place}`: `{_source(place, site)}`",
            f"- kinds: {kinds_of}",
            f"- keys: {keys}",
            f"- for example {members[0].case.key} ({members[0].case.detail}): {members[0].verdict.message[:300]}\n",
        ]
    return "\n".join(lines) + "\n"


def _rates(measured: Measured) -> Iterator[str]:
    yield "| kind | configs | rejected |"
    yield "|---|---|---|"
    for row in tallies(measured):
        total = row.rejected + row.accepted + row.machine
        yield f"| {row.kind} | {total} | {(row.rejected + row.machine) / total:.1%} |"


def _source(place: str, site: Path | None) -> str:
    name, _, line = place.rpartition(":")
    if not name:
        return ""
    folder = site or Path(sysconfig.get_path("purelib"))
    return linecache.getline(str(folder / name), int(line)).strip()
