"""One question asked under all admissible framework releases, split only where the answer depends on them.

It begins with all admissible releases at once. Where the evaluation asked something on which they disagree, its
result is thrown away and it runs again for each side. Beyond `MAX_VARIANTS` the differing facts stay UNKNOWN.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Generic, TypeVar

from ftlint.record import record
from ftlint.run.versions import Admissible, VersionView, describe

R = TypeVar("R")

MAX_VARIANTS = 16


@record
class Answer(Generic[R]):
    """The result in one variant; `label` says which, and is empty where there is only one."""

    result: R
    view: VersionView
    label: str


def in_every_variant(
    admissible: Callable[[], Mapping[str, Admissible]], evaluate: Callable[[VersionView], R]
) -> tuple[Answer[R], ...]:
    """`evaluate` for as few combinations of releases as tell its answers apart.

    `admissible` is called when a release is first asked for, which most files never do.
    """
    waiting: deque[dict[str, tuple[str, ...]]] = deque([{}])
    answers: list[tuple[R, VersionView, dict[str, tuple[str, ...]]]] = []
    while waiting:
        chosen = waiting.popleft()
        view = VersionView(_Narrowed(admissible, chosen))
        result = evaluate(view)
        room = MAX_VARIANTS - len(answers) - len(waiting)
        if view.undecided and room >= len(view.undecided[0][1]):
            package, classes = view.undecided[0]
            waiting.extend({**chosen, package: releases} for releases in classes)
        else:
            answers.append((result, view, chosen))
    return tuple(Answer(result, view, _label(chosen)) for result, view, chosen in answers)


class _Narrowed(Mapping[str, Admissible]):
    """The admissible releases, of which some packages' are narrowed to those of one variant; looked up on demand."""

    def __init__(
        self, admissible: Callable[[], Mapping[str, Admissible]], chosen: Mapping[str, tuple[str, ...]]
    ) -> None:
        self._admissible = admissible
        self._chosen = chosen

    def __getitem__(self, package: str) -> Admissible:
        found = self._admissible()[package]
        releases = self._chosen.get(package)
        return found if releases is None else replace(found, releases=releases, undivided=found.of_all_variants)

    def __iter__(self) -> Iterator[str]:
        return iter(self._admissible())

    def __len__(self) -> int:
        return len(self._admissible())


def _label(chosen: Mapping[str, tuple[str, ...]]) -> str:
    return ", ".join(f"{package} {describe(releases)}" for package, releases in sorted(chosen.items()))
