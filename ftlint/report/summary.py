"""The one line that says how a check went. Imported by every check, so it imports nothing that costs time."""

from __future__ import annotations

from collections.abc import Sequence

from ftlint.findings import Applicability, Finding, Severity


def summary(findings: Sequence[Finding], num_files: int, num_fixed: int = 0) -> str:
    """`3 findings (1 error, 2 warnings) in 12 files; 2 fixable with --fix, 1 more with --unsafe-fixes`."""
    parts = [f"{_counts(findings)} in {counted(num_files, 'file')}"]
    if num_fixed:
        parts.insert(0, f"fixed {counted(num_fixed, 'finding')}")
    safe = sum(fixable_by(finding, Applicability.SAFE) for finding in findings)
    unsafe = sum(fixable_by(finding, Applicability.UNSAFE) for finding in findings) - safe
    if safe and unsafe:
        parts.append(f"{safe} fixable with --fix, {unsafe} more with --fix --unsafe-fixes")
    elif safe or unsafe:
        parts.append(f"{safe or unsafe} fixable with {'--fix' if safe else '--fix --unsafe-fixes'}")
    return "; ".join(parts)


def fixable_by(finding: Finding, up_to: Applicability) -> bool:
    """Whether the finding has a fix with edits that `up_to` allows to apply."""
    allowed = {Applicability.SAFE} if up_to is Applicability.SAFE else {Applicability.SAFE, Applicability.UNSAFE}
    return any(fix.edits and fix.applicability in allowed for fix in finding.fixes)


def counted(number: int, word: str) -> str:
    """`1 file`, `2 files`."""
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def _counts(findings: Sequence[Finding]) -> str:
    if not findings:
        return "no findings"
    numbers = [
        (sum(finding.severity is severity for finding in findings), word)
        for severity, word in ((Severity.ERROR, "error"), (Severity.WARNING, "warning"))
    ]
    shown = [counted(number, word) for number, word in numbers if number]
    if num_info := sum(finding.severity is Severity.INFO for finding in findings):
        shown.append(f"{num_info} info")
    return f"{counted(len(findings), 'finding')} ({', '.join(shown)})"
