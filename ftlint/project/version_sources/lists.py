"""Lists of PEP 508 texts that belong to one project: what holds always, and groups that come on top."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

from ftlint.project.version_sources.requirement_text import read_requirement
from ftlint.project.version_sources.source import MOST_MENTIONS, Answer, Demand, Group, Problem
from ftlint.spans import Location


def answer_of_lists(always: Iterable[Demand | Problem], optional: Iterable[Iterable[Demand | Problem]] = ()) -> Answer:
    """What a project and its extras ask for. Extras are alternatives: nobody says which of them are installed."""
    base, problems = _sorted(always)
    groups = [Group(base)] if base else []
    for items in optional:
        demands, found = _sorted(items)
        problems += found
        if demands:
            groups.append(Group(demands, beside=base))
    return Answer(tuple(groups), tuple(dict.fromkeys(problems)))


def demands_of(
    texts: Iterable[tuple[str, Location]], package: str, *, is_upgrade: bool = False
) -> Iterator[Demand | Problem]:
    """The demands for that package in a list of requirements."""
    found = (read_requirement(text, package, place, is_upgrade=is_upgrade) for text, place in texts)
    return islice((item for item in found if item is not None), MOST_MENTIONS)


def _sorted(items: Iterable[Demand | Problem]) -> tuple[tuple[Demand, ...], tuple[Problem, ...]]:
    items = tuple(items)
    return (
        tuple(item for item in items if isinstance(item, Demand)),
        tuple(item for item in items if isinstance(item, Problem)),
    )
