"""All rules of one project: its own house rules beside ours, found by code, area, prefix or name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from ftlint.errors import FtlintError, PageError, nearest
from ftlint.rulebook.check_functions import check_function
from ftlint.rulebook.loading import bundled_rules_folder, in_order, load_pages
from ftlint.rulebook.page import AREAS, Rule

_PREFIX = r"[A-Z]+[0-9]+"


class Rulebook:
    """Rules in the order of their codes."""

    __slots__ = ("_by_name", "by_code", "rules")

    def __init__(self, rules: Iterable[Rule]) -> None:
        """Raises PageError where two rules share a code or a name."""
        self.rules: tuple[Rule, ...] = in_order(list(rules))
        self.by_code: Mapping[str, Rule] = {rule.code: rule for rule in self.rules}
        self._by_name: Mapping[str, Rule] = {rule.name: rule for rule in self.rules}

    def __iter__(self) -> Iterator[Rule]:
        return iter(self.rules)

    def __len__(self) -> int:
        return len(self.rules)

    def rule(self, word: str) -> Rule:
        """The rule of that code or name; a FtlintError that names the nearest otherwise."""
        rule = self.by_code.get(word) or self._by_name.get(word)
        if rule is None:
            raise FtlintError(f"there is no rule {word!r}{nearest(word, (*self.by_code, *self._by_name))}")
        return rule

    def resolve(self, selector: str) -> frozenset[str]:
        """The codes that a selector means: `ALL`, a code, a name, an area (`MEM`) or the beginning of codes (`DTY1`).

        An area of ours that has no rule yet means none. Anything else is a FtlintError that names the nearest word;
        callers add where the selector is written.
        """
        if selector == "ALL":
            return frozenset(self.by_code)
        if selector in self.by_code or selector in self._by_name:
            return frozenset({self.rule(selector).code})
        # Letters alone are an area and not a beginning: `D` would mean DeepSpeed, dtypes and devices.
        codes = frozenset(
            rule.code
            for rule in self.rules
            if rule.area == selector or (re.fullmatch(_PREFIX, selector) and rule.code.startswith(selector))
        )
        if codes or selector in AREAS:
            return codes
        words = (*self.by_code, *self._by_name, *AREAS, "ALL")
        raise FtlintError(f"{selector!r} selects no rule{nearest(selector, words)}")


def load_rulebook(house_folders: Iterable[Path] = ()) -> Rulebook:
    """Our rules and those of the given folders."""
    rules = list(load_pages(bundled_rules_folder()))
    for folder in house_folders:
        for rule in load_pages(folder):
            if rule.builtin:
                raise PageError(f"{rule.path}: builtin: is for findings of ftlint itself; use `when` or `check`")
            if rule.check is not None:
                check_function(rule)  # now, where the page's author sees it, and not in the middle of a check
            rules.append(rule)
    return Rulebook(rules)
