"""The examples of rule pages as questions to a framework's own reader."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from packaging.specifiers import SpecifierSet

from ftlint.rulebook.examples import parse_toml
from ftlint.rulebook.page import Rule
from tests.referees.roster import Referee

_SETTINGS = "ftlint.toml"


@dataclass(frozen=True)
class Question:
    """One example: its page, which of the page's examples it is, and the text for the judge."""

    rule: Rule
    number: int
    is_bad: bool
    root: str
    text: str
    pinned: Mapping[str, str] = field(default_factory=dict)
    """The releases that the example's own settings name."""

    def is_good_in(self, versions: Mapping[str, str]) -> bool:
        """Whether the page calls it good in these releases: an example that names releases is good in those alone."""
        named = ((SpecifierSet(f"=={pin}"), versions[name]) for name, pin in self.pinned.items() if name in versions)
        return not self.is_bad and all(window.contains(version) for window, version in named)

    @property
    def name(self) -> str:
        """As reports call it."""
        return f"{self.rule.code} {'Bad' if self.is_bad else 'Good'} {self.number + 1}"


def questions(rules: Iterable[Rule], referee: Referee, prefixes: tuple[str, ...]) -> Iterator[Question]:
    """The examples of the pages with these codes that are one file of the referee's form, and nothing else."""
    for rule in rules:
        if rule.code.rstrip("0123456789") not in prefixes:
            continue
        for number, example in enumerate(rule.examples):
            files = {name: text for name, text in example.files.items() if name != _SETTINGS}
            if len(files) == 1:
                ((name, text),) = files.items()
                asked = _asked(name, text, referee)
                if asked is not None:
                    pinned = _pinned(example.files.get(_SETTINGS, ""))
                    yield Question(rule, number, example.kind.value == "bad", *asked, pinned)


def _pinned(settings: str) -> dict[str, str]:
    versions = parse_toml(settings).get("versions", {})
    assert isinstance(versions, dict)
    return {name: str(version) for name, version in versions.items() if not str(version).startswith(_OPERATORS)}


_OPERATORS = ("<", ">", "=", "!", "~")
"""A window and no release: the page's own says as much."""


def _asked(name: str, text: str, referee: Referee) -> tuple[str, str] | None:
    """Root and text for the judge; None where the file is none of its kind."""
    if referee.form != "call":
        suffixes = (".json",) if referee.form == "json" else (".yaml", ".yml")
        return ("", text) if name.endswith(suffixes) else None
    if not name.endswith(".py"):
        return None
    calls = [each for each in ast.walk(ast.parse(text)) if isinstance(each, ast.Call) and _called(each).endswith(_MADE)]
    # The judge evaluates literals only; with two calls the page may mean either.
    if len(calls) != 1 or any(not _is_literal(keyword) for keyword in calls[0].keywords) or calls[0].args:
        return None
    return _called(calls[0]), f"args = {ast.unparse(calls[0])}\n"


_MADE = ("Arguments", "Config")


def _called(call: ast.Call) -> str:
    return call.func.id if isinstance(call.func, ast.Name) else ""


def _is_literal(keyword: ast.keyword) -> bool:
    try:
        ast.literal_eval(keyword.value)
    except ValueError:
        return False
    return keyword.arg is not None


def admits(rule: Rule, versions: Mapping[str, str]) -> bool:
    """Whether the page's window holds these releases; packages that are not among them decide nothing."""
    return all(
        SpecifierSet(str(window)).contains(versions[name]) for name, window in rule.versions.items() if name in versions
    )
