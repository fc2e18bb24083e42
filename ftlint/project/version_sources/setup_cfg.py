"""setup.cfg: setuptools' `install_requires` and extras."""

from __future__ import annotations

import configparser
from collections.abc import Iterator

from ftlint.project.version_sources.lists import answer_of_lists, demands_of
from ftlint.project.version_sources.requirement_text import mention_of
from ftlint.project.version_sources.source import NOTHING_SAID, Answer, Problem, SourceFile
from ftlint.spans import Location


def answer(file: SourceFile, package: str) -> Answer:
    """What the project asks for, and its extras."""
    if not mention_of(package).search(file.text):
        return NOTHING_SAID
    parser = file.once(_parsed)
    if isinstance(parser, Problem):
        return Answer(problems=(parser,))
    required = _texts(file, parser.get("options", "install_requires", fallback=""))
    extras = dict(parser["options.extras_require"]) if parser.has_section("options.extras_require") else {}
    return answer_of_lists(
        demands_of(required, package), (demands_of(_texts(file, text), package) for text in extras.values())
    )


def _parsed(file: SourceFile) -> configparser.ConfigParser | Problem:
    parser = configparser.ConfigParser(interpolation=None, strict=False)  # setuptools fills nothing in either
    parser.optionxform = str  # type: ignore[assignment, method-assign]  # documented; the names of extras keep case
    try:
        parser.read_string(file.text)
    except configparser.Error as error:
        message = " ".join(error.message.split())[:100]
        return Problem(file.location(0, 0), f"cannot be read: {message}")
    return parser


def _texts(file: SourceFile, value: str | None) -> Iterator[tuple[str, Location]]:
    for line in (value or "").splitlines():
        text = line.partition(" #")[0].strip()
        if text and not text.startswith("#"):
            at = max(file.text.find(text), 0)
            yield text, file.location(at, at + len(text))
