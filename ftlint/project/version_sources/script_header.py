"""PEP 723: the dependencies that a script names in a comment at its top (`# /// script`), for itself alone."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ftlint.project.toml_places import is_endless_key, load_toml
from ftlint.project.version_sources.lists import answer_of_lists, demands_of
from ftlint.project.version_sources.requirement_text import mention_of
from ftlint.project.version_sources.source import NOTHING_SAID, Answer, Problem
from ftlint.record import record
from ftlint.run.run import Input
from ftlint.spans import Location, Span
from ftlint.syntax.document import ScriptDocument, Source

_BEGIN = "# /// script"
_LINE = r"#(?: ([^\r\n]*)|)[ \t]*(?:\r?\n|\Z)"
_MOST_CHARACTERS = 100_000


class ScriptHeader:
    """The header of one script, or of a notebook's cells."""

    def __init__(self, document: ScriptDocument, *, is_locked: bool = False) -> None:
        self._document = document
        self._is_locked = is_locked
        self._read: tuple[_Block | Problem, ...] | None = None

    @property
    def inputs(self) -> tuple[Input, ...]:
        """The script itself is read anyway."""
        return ()

    def ask(self, package: str) -> Answer:
        """What the script needs. A name without a release means any recent one, unless there is a lock beside it."""
        answers = []
        for source in self._document.sources:
            if _BEGIN in source.text[:_MOST_CHARACTERS] and mention_of(package).search(source.text):
                answers += [self._of_block(block, package) for block in self._blocks()]
                break
        groups = tuple(group for answer in answers for group in answer.groups)
        problems = tuple(problem for answer in answers for problem in answer.problems)
        return Answer(groups, problems) if answers else NOTHING_SAID

    def _of_block(self, block: _Block | Problem, package: str) -> Answer:
        if isinstance(block, Problem):
            return Answer(problems=(block,))
        return answer_of_lists(demands_of(block.dependencies, package, is_upgrade=not self._is_locked))

    def _blocks(self) -> tuple[_Block | Problem, ...]:
        if self._read is None:
            self._read = tuple(block for source in self._document.sources for block in _blocks(source))
        return self._read


@record
class _Block:
    """The dependencies of one header, with their places."""

    dependencies: tuple[tuple[str, Location], ...]


def _blocks(source: Source) -> Iterator[_Block | Problem]:
    text = source.text[:_MOST_CHARACTERS]
    match = re.search(rf"(?m:^{_BEGIN}[ \t]*\r?\n)", text)
    if match is None:
        return
    lines: list[str] = []
    at = match.end()
    while (line := re.compile(_LINE).match(text, at)) is not None and line.end() > at:
        at = line.end()
        if (line[1] or "").strip() == "///":
            break
        lines.append(line[1] or "")
    header = source.location(Span(match.start(), match.start() + len(_BEGIN)))
    toml = "\n".join(lines)
    try:
        if is_endless_key(toml):
            raise ValueError("nested too deeply")
        values = load_toml(toml)
    except (ValueError, RecursionError) as error:
        yield Problem(header, f"the header cannot be read: it is not TOML: {str(error)[:80]}")
        return
    dependencies = values.get("dependencies")
    found = []
    for value in dependencies if isinstance(dependencies, list) else ():
        if isinstance(value, str):
            place = text.find(value, match.end(), at)
            span = Span(place, place + len(value)) if place >= 0 else header.span
            found.append((value, source.location(span)))
    yield _Block(tuple(found))
