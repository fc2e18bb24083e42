"""A command's options: `--flag value`, `--flag=value` and switches, by name, with the words they are written in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ftlint.record import record
from ftlint.syntax.shell import Variables, Word


@record
class Options:
    """Options by name, without dashes in front and with `_` for `-` inside; of equal ones the last counts.

    `is_open`: a word of its own that we cannot see into, and that may hold options.
    """

    found: Mapping[str, tuple[Word, Word | None]]
    variables: Variables
    is_open: Word | None = None

    def __iter__(self) -> Iterator[tuple[str, Word, Word | None]]:
        return ((name, flag, value) for name, (flag, value) in self.found.items())

    def value(self, name: str) -> Word | None:
        """The word that is given to that option."""
        return self.found.get(name, (None, None))[1]

    def text(self, name: str) -> str | None:
        """The value's text, variables filled in; None where it is not there or cannot be seen."""
        value = self.value(name)
        return None if value is None else self.variables.text(value)


def read_options(words: tuple[Word, ...], switches: frozenset[str], variables: Variables) -> Options:
    """The options among those words; `switches` take no value. Words that belong to none are left out."""
    found: dict[str, tuple[Word, Word | None]] = {}
    is_open = None
    at = 0
    while at < len(words):
        word = words[at]
        at += 1
        if not word.raw.startswith("-"):
            is_open = word if not word.is_plain and variables.text(word) is None else is_open
            continue
        name, equals, _ = word.raw.partition("=")
        name = name.lstrip("-").replace("-", "_")
        if equals:
            found[name] = (word, word.value)
        elif name in switches or at == len(words) or words[at].raw.startswith("-"):
            found[name] = (word, None)
        else:
            found[name] = (word, words[at])
            at += 1
    return Options(found, variables, is_open)
