"""Which rules are on for a file, and how severe: the command line over the settings over the pages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from ftlint.engine.result import Selection
from ftlint.errors import FtlintError, UsageError, nearest
from ftlint.findings import Severity
from ftlint.project.settings import SettingPath, Settings
from ftlint.project.workspace import Workspace
from ftlint.record import record
from ftlint.rulebook.book import Rulebook


@record
class Choice:
    """The rules that are on under one settings file, and the severities it sets."""

    enabled: frozenset[str]
    severities: Mapping[str, Severity]
    rulebook: Rulebook
    settings: Settings

    def enabled_for(self, path: Path) -> frozenset[str]:
        """The codes that are on for that file, after `[per-file-ignores]`."""
        ignored = self.settings.ignored_for(path)
        return self.enabled - _all(self.rulebook, ignored) if ignored else self.enabled


def choose(rulebook: Rulebook, settings: Settings, selection: Selection, workspace: Workspace) -> Choice:
    """The rules that are on. Raises UsageError or SettingsError for a selector that names no rule.

    `--select` stands in place of the settings' `select` and `ignore`, `--extend-select` wins over the latter.
    """
    written = _SettingsSelectors(rulebook, settings, workspace)
    if selection.select is not None:
        enabled = _of_command(rulebook, selection.select)
    else:
        enabled = written.codes("select", ("ALL",) if settings.select is None else settings.select)
        enabled |= written.codes("extend-select", settings.extend_select)
        enabled -= written.codes("ignore", settings.ignore)
    enabled |= _of_command(rulebook, selection.extend_select)
    enabled -= _of_command(rulebook, selection.ignore)
    for rule in settings.per_file_ignores:
        for value in rule.values:
            written.resolve(("per-file-ignores", rule.pattern), value)
    severities = {
        code: severity
        for word, severity in settings.severity.items()
        for code in written.resolve(("severity", word), word)
    }
    return Choice(enabled, severities, rulebook, settings)


def _of_command(rulebook: Rulebook, selectors: Iterable[str]) -> frozenset[str]:
    try:
        return _all(rulebook, selectors)
    except FtlintError as error:
        raise UsageError(str(error)) from None


def _all(rulebook: Rulebook, selectors: Iterable[str]) -> frozenset[str]:
    return frozenset(code for selector in selectors for code in rulebook.resolve(selector))


@record
class _SettingsSelectors:
    """Resolves what a settings file names, and words the error as that file's."""

    rulebook: Rulebook
    settings: Settings
    workspace: Workspace

    def codes(self, key: str, selectors: Iterable[str]) -> frozenset[str]:
        found: frozenset[str] = frozenset()
        for number, selector in enumerate(selectors):
            found |= self.resolve((key, str(number)), selector)
        return found

    def resolve(self, path: SettingPath, selector: str) -> frozenset[str]:
        try:
            return self.rulebook.resolve(selector)
        except FtlintError:
            words = [word for rule in self.rulebook for word in (rule.code, rule.name)]
            expected = f"a rule's code, its name or the beginning of a code{nearest(selector, words)}"
            raise self.settings.complaint(path, selector, expected, self.workspace) from None
