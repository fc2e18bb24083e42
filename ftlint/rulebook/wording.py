"""Makes findings of matches in the page's words, and one finding of what several variants agree on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TypeAlias

from ftlint.findings import Applicability, Edit, Finding, Fix, Match, Severity
from ftlint.rulebook.filling import fill
from ftlint.rulebook.page import Rule
from ftlint.spans import Location


def to_finding(rule: Rule, match: Match) -> Finding:
    """The finding that every door shows for that match."""
    values = {**match.values, "reason": match.reason} if match.reason else match.values
    message = fill(rule.message, values)
    if match.reason and "{reason}" not in rule.message:
        message = f"{message} ({match.reason})"
    severity = rule.severity if match.severity is None else rule.severity.at_most(match.severity)
    fixes = []
    for number, template in enumerate(rule.fixes):
        edits = match.edits.get(template.name if template.name is not None else str(number), ())
        if edits or template.applicability is Applicability.DISPLAY:
            fixes.append(Fix(fill(template.title, values), template.applicability, edits))
    return Finding(rule.code, rule.name, severity, message, match.at, match.related, tuple(fixes), rule.url)


_Identity: TypeAlias = tuple[str, Location, tuple[tuple[Edit, ...], ...]]


class _Seen:
    """One finding while its variants are counted."""

    __slots__ = ("finding", "variants")

    def __init__(self, finding: Finding) -> None:
        self.finding = finding
        self.variants: dict[int, str] = {}


def merge_variants(results: Sequence[tuple[str, Sequence[Finding]]]) -> tuple[Finding, ...]:
    """One finding for the same code, place and edits, however many variants have it.

    `results`: of each variant its label ("transformers < 5.0.0") and its findings. What only some variants have is at
    most a warning and says with which. Where they disagree on severity the lowest one counts, and where they disagree
    on edits there are none.
    """
    seen: dict[_Identity, _Seen] = {}
    for number, (label, findings) in enumerate(results):
        for finding in findings:
            entry = seen.setdefault(_identity(finding), _Seen(finding))
            entry.variants[number] = label
            entry.finding = replace(entry.finding, severity=entry.finding.severity.at_most(finding.severity))
    return tuple(_merged(entry, len(results)) for entry in _same_in_other_words(seen.values()))


def _same_in_other_words(entries: Iterable[_Seen]) -> Iterable[_Seen]:
    """Findings that differ in their edits alone, because releases take other words: one, with the fixes all offer."""
    kept: dict[tuple[str, Location], list[_Seen]] = {}
    for entry in entries:
        alike = kept.setdefault((entry.finding.code, entry.finding.location), [])
        other = next((each for each in alike if each.variants.keys().isdisjoint(entry.variants)), None)
        if other is None:
            alike.append(entry)
            continue
        other.variants.update(entry.variants)
        other.finding = replace(
            other.finding,
            severity=other.finding.severity.at_most(entry.finding.severity),
            fixes=tuple(fix for fix in other.finding.fixes if fix in entry.finding.fixes),
        )
    return (entry for alike in kept.values() for entry in alike)


def _identity(finding: Finding) -> _Identity:
    return finding.code, finding.location, tuple(fix.edits for fix in finding.fixes)


def _merged(entry: _Seen, num_variants: int) -> Finding:
    if len(entry.variants) == num_variants:
        return entry.finding
    labels = " or ".join(dict.fromkeys(label for label in entry.variants.values() if label))
    message = f"{entry.finding.message} (with {labels})" if labels else entry.finding.message
    return replace(entry.finding, severity=entry.finding.severity.at_most(Severity.WARNING), message=message)
