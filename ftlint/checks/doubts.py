"""Why something that goes wrong is likely rather than certain: other paths of the script, other launches of it."""

from __future__ import annotations

from collections.abc import Iterable

from ftlint.run.run import Run

SOME_PATHS = "on some of the script's branches"
SOME_LAUNCHES = "with some of the commands that launch it"


def doubt_of(judged: Iterable[tuple[Run, bool]]) -> str:
    """Why something is not certain, if it is not: it is so on some paths only, or under some launches only.

    `judged`: for each path that gets there, under which launch, and whether it is so.
    """
    judged = tuple(judged)
    harmless = [launched for launched, is_so in judged if not is_so]
    if not harmless:
        return ""
    return SOME_PATHS if any(is_so and launched in harmless for launched, is_so in judged) else SOME_LAUNCHES
