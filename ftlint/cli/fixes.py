"""Applying fixes until nothing more changes, and showing what would be applied."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ftlint.errors import InputError
from ftlint.findings import Applicability
from ftlint.fixing import Plan, plan, unified_diff
from ftlint.fixing import write as write_files
from ftlint.record import record
from ftlint.report.places import Places
from ftlint.syntax.document import Document

if TYPE_CHECKING:
    from ftlint.engine import CheckResult

# One fix may uncover another; what has not come to rest by then is two fixes undoing each other.
MAX_ROUNDS = 10


@record
class FixOutcome:
    """The check after the last fix, how many findings were fixed, and what could not be written or come to rest."""

    result: CheckResult
    num_fixed: int
    failures: tuple[str, ...] = ()


def fix_until_stable(result: CheckResult, up_to: Applicability, check: Callable[[], CheckResult]) -> FixOutcome:
    """Writes fixes and checks again, until there is none left or one cannot be written."""
    num_fixed = 0
    for _ in range(MAX_ROUNDS):
        try:
            planned = _plan(result, up_to)
        except InputError as error:
            return FixOutcome(result, num_fixed, (str(error),))
        if not planned.changes:
            return FixOutcome(result, num_fixed)
        failures = write_files(planned)
        result = check()
        # A file that could not be written still has its findings, at the same places.
        num_fixed += sum(finding not in result.findings for finding in planned.applied)
        if failures:
            return FixOutcome(result, num_fixed, tuple(str(failure) for failure in failures))
    restless = ", ".join(sorted({finding.code for finding in _plan(result, up_to).applied}))
    if not restless:
        return FixOutcome(result, num_fixed)
    why = f"fixes of {restless} still change files after {MAX_ROUNDS} rounds: please report it, they undo each other"
    return FixOutcome(result, num_fixed, (why,))


def patch_of(result: CheckResult, up_to: Applicability, places: Places) -> str:
    """What the first round of `--fix` would change, as a unified diff; empty where it would change nothing."""
    changes = _plan(result, up_to).changes
    return "".join(unified_diff(places.filename(change.path), change.old_text, change.new_text) for change in changes)


def _plan(result: CheckResult, up_to: Applicability) -> Plan:
    documents: Mapping[Path, Document] = {
        file.path: file.document for file in result.files if file.document is not None
    }
    return plan(result.findings, up_to, documents)
