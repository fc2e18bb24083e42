"""From paths to findings: the one way that the command and the language server both go."""

from ftlint.engine.checking import check, runs_of
from ftlint.engine.result import CheckedFile, CheckResult, RunVariant, Selection, Unread

__all__ = ["CheckResult", "CheckedFile", "RunVariant", "Selection", "Unread", "check", "runs_of"]
