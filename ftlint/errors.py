"""What can be wrong with our own input, one class for each thing a person would have to correct.

    FtlintError                   one line for stderr, exit status 2
    ├── UsageError                a flag or argument of the command
    ├── SettingsError             ftlint.toml or [tool.ftlint]
    ├── PageError                 a rule page, ours or a house rule
    ├── SpecError                 a run spec given to `ftlint estimate`
    └── InputError                a file that cannot be read or is refused

A mistake in the user's training files is not an error: it is a finding.
"""

from __future__ import annotations

from collections.abc import Iterable


class FtlintError(Exception):
    """Something we were given cannot be used; the text names the place, the value and what was expected."""


class UsageError(FtlintError):
    """A command-line flag or argument cannot be used."""


class SettingsError(FtlintError):
    """A settings file says something that we cannot follow."""


class PageError(FtlintError):
    """A rule page does not have the shape of a rule page."""


class SpecError(FtlintError):
    """A run spec does not describe a run that can be estimated."""


class InputError(FtlintError):
    """A file named by the user cannot be read."""


def nearest(word: str, allowed: Iterable[str]) -> str:
    """`; did you mean 'stage'?` for the allowed word most like this one (in another case: the one), else nothing."""
    import difflib  # only a mistake needs it

    words = list(allowed)
    close = [each for each in words if each.casefold() == word.casefold()]
    close = close or difflib.get_close_matches(word, words, n=1, cutoff=0.6)
    return f"; did you mean {close[0]!r}?" if close else ""
