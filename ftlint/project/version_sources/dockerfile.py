"""Dockerfiles: what RUN lines install, with ARG and ENV filled in, and base images whose tag names a release.

Source: moby/buildkit frontend/dockerfile/docs/reference.md: continuation, comments between continued lines, ARG, ENV.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ftlint.project.version_sources.base_images import releases_in_image
from ftlint.project.version_sources.install_commands import (
    INSTALLS,
    Install,
    answer_of_installs,
    installs_in,
)
from ftlint.project.version_sources.source import Answer, Demand, Group, SourceFile
from ftlint.record import record
from ftlint.syntax.document import Source
from ftlint.syntax.shell import Variables, Word, simple_commands

_INSTRUCTION = r"(?m:^[ \t]*(?P<name>FROM|RUN|ARG|ENV)[ \t]+)"
_CONTINUED = re.compile(r"(?:[^\n\\]|\\(?!\r?\n))*\\[ \t]*\r?\n|[ \t]*#[^\n]*\n|[ \t]*\r?\n")
_LINE = re.compile(r"[^\n]*")
_COMMENT_LINE = r"(?m:^[ \t]*(?:#[^\n]*)?\r?\n)"  # empty ones too
_MOST_INSTRUCTIONS = 500


@record
class _Instruction:
    """One instruction: where its arguments stand, and their text with comments between continued lines blanked."""

    name: str
    start: int
    text: str


@record
class _Image:
    """What a Dockerfile builds on and installs."""

    bases: tuple[Word, ...]
    commands: tuple[Install, ...]
    variables: Variables


def answer(file: SourceFile, package: str) -> Answer:
    """Base images and RUN lines; `-r` counts from the build's context, the Dockerfile's folder or the one above."""
    image = file.once(_image)
    bases = tuple(_bases(file, image, package))
    installed = answer_of_installs(image.commands, package, file, (file.path.parent, file.path.parent.parent))
    return Answer((*bases, *installed.groups), installed.problems)


def _bases(file: SourceFile, image: _Image, package: str) -> Iterator[Group]:
    for word in image.bases:
        text = image.variables.text(word) or word.text
        version = releases_in_image(text).get(package)
        if version is not None:
            place = file.location(word.span.start, word.span.end)
            yield Group((Demand(package, f"=={version}", None, False, False, place, text),))


def _image(file: SourceFile) -> _Image:
    instructions = list(_instructions(file.text))
    runs = [
        words
        for instruction in instructions
        if instruction.name == "RUN" and (re.search(INSTALLS, instruction.text) or "=" in instruction.text)
        for words in simple_commands(instruction.text, instruction.start)
    ]
    # In a text of their own, where each stands at the beginning, as an assignment of a shell file does.
    settings = [
        words
        for instruction in instructions
        if instruction.name in ("ARG", "ENV")
        for words in simple_commands(instruction.text.strip())
    ]
    variables = Variables([*settings, *(words for words in runs if words[0].assigned)], "\n" * len(file.text))
    bases = [
        words[0]
        for instruction in instructions
        if instruction.name == "FROM"
        for words in [
            tuple(
                word
                for command in simple_commands(instruction.text, instruction.start)
                for word in command
                if not word.text.startswith("--")
            )
        ]
        if words
    ]
    source = Source(file.path, file.text)
    return _Image(tuple(bases), tuple(installs_in(source, runs, variables)), variables)


def _instructions(text: str) -> Iterator[_Instruction]:
    at = 0
    for _ in range(_MOST_INSTRUCTIONS):
        match = re.compile(_INSTRUCTION, re.I).search(text, at)
        if match is None:
            return
        end = match.end()
        is_first = True
        while (line := _CONTINUED.match(text, end)) is not None and line.end() > end:
            if is_first and not line[0].rstrip().endswith("\\"):
                break
            is_first = False
            end = line.end()
        last = _LINE.match(text, end)
        end = last.end() if last is not None else end
        # Blanks for a whole line without words, its end too: the command goes on behind it.
        body = re.sub(_COMMENT_LINE, lambda found: " " * len(found[0]), text[match.end() : end])
        yield _Instruction(match["name"].upper(), match.end(), body)
        at = max(end, match.end())
