"""Commands that install packages, `pip install`, `uv add`, `conda install` …, as words with their places."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

from ftlint.project.version_sources.conda_spec import conda_demands, told_apart
from ftlint.project.version_sources.requirement_text import demanded, mention_of, parsed_requirement
from ftlint.project.version_sources.requirements import demands_in, with_includes
from ftlint.project.version_sources.source import LONGEST_LINE, Answer, Demand, Group, Problem, SourceFile
from ftlint.record import record
from ftlint.spans import Location
from ftlint.syntax.document import Source
from ftlint.syntax.shell import Variables, Word, commands_inside, simple_commands

INSTALLS = r"\b(?:install|add|create)\b"
MOST_COMMANDS = 500
_SPEAKS = frozenset(("echo", "printf", "#"))
_PIP = r"pip(?:3(?:\.\d+)?)?"
_CONDA = frozenset(("conda", "mamba", "micromamba"))
_PIP_OPTIONS_WITH_VALUE = frozenset(
    "-i --index-url --extra-index-url -f --find-links -t --target --platform --python-version --root --prefix --src "
    "--no-binary --only-binary --progress-bar --trusted-host --timeout --retries --cache-dir --python -p --index "
    "--default-index --index-strategy --torch-backend --config-settings -C --log --proxy --group --extra --optional "
    "--script --package --tag --rev --branch --exclude-newer --link-mode --keyring-provider --abi --report".split()
)
_CONDA_OPTIONS_WITH_VALUE = frozenset(
    "-c --channel -n --name -p --prefix --file -f --subdir --platform --solver --repodata-fn --clone".split()
)
_FILES = ("-r", "--requirement", "--requirements", "-c", "--constraint", "--constraints")


@record
class Install:
    """One command. `words` are what it names, without options; `files` what its `-r` and `-c` name."""

    source: Source
    words: tuple[Word, ...]
    files: tuple[Word, ...]
    is_conda: bool
    is_upgrade: bool
    variables: Variables


def installs(source: Source, text: str | None = None, start: int = 0) -> Iterator[Install]:
    """The commands of a shell text that install packages; `text` and its place `start`, where it is a part of one."""
    text = source.text if text is None else text
    if not re.search(INSTALLS, text):
        return
    commands = [command for words in simple_commands(text, start) for command in (words, *_inside(words))]
    variables = Variables(commands, " " * start + text if start < 10**6 else text)
    yield from installs_in(source, commands, variables)


def installs_in(source: Source, commands: Iterable[tuple[Word, ...]], variables: Variables) -> Iterator[Install]:
    """The commands among these that install packages."""
    found = (_install(source, variables.expanded(words), variables) for words in commands)
    yield from islice((install for install in found if install is not None), MOST_COMMANDS)


def answer_of_installs(
    commands: Iterable[Install], package: str, file: SourceFile, folders: tuple[Path, ...]
) -> Answer:
    """What these commands ask for: what one command names holds together, commands are alternatives.

    `folders`: where people may stand when they run them, for the files of `-r`.
    """
    groups: list[Group] = []
    problems: list[Problem] = []
    for command in commands:
        demands, found = told_apart(_demands(command, package, file, folders))
        problems += found
        groups += [Group(demands)] if demands else []
    return Answer(tuple(groups), tuple(dict.fromkeys(problems)))


def _demands(command: Install, package: str, file: SourceFile, folders: tuple[Path, ...]) -> Iterator[Demand | Problem]:
    mention = mention_of(package)
    for word in command.words:
        if len(word.raw) <= LONGEST_LINE and mention.search(word.raw) and _is_closed(word.raw):
            yield from _of_word(command, word, package)
    for word in command.files:
        name = _text(word, command.variables)
        place = command.source.location(word.span)
        included = _included(file, name, place, folders) if name else None
        # A file that is not there may be one of the machine or image that the command is for.
        if included is not None:
            demands, problems = demands_in(included.once(with_includes).files, package)
            yield from demands
            yield from problems


def _of_word(command: Install, word: Word, package: str) -> Iterator[Demand | Problem]:
    place: Location = command.source.location(word.span)
    text = _text(word, command.variables)
    if text is None and "://" in word.text:
        text = word.text  # a revision that cannot be seen may be any
    if text is None:
        unseen = demanded(None, word.text, package, place)
        if unseen is not None:
            yield unseen
    elif command.is_conda:
        yield from conda_demands(text, package, place)
    else:
        read = demanded(parsed_requirement(text), text, package, place, is_upgrade=command.is_upgrade)
        if read is not None:
            yield read


def _included(file: SourceFile, name: str, place: Location, folders: tuple[Path, ...]) -> SourceFile | None:
    found = file.remember(("included", name), lambda: file.included(name, place, *folders))
    return found if isinstance(found, SourceFile) else None


def _text(word: Word, variables: Variables) -> str | None:
    """The word's text with variables filled in; None where something in it only a shell can tell."""
    if "$" not in word.text and "`" not in word.text:
        # IPython fills in {NAME}; no requirement has braces.
        return None if "{" in word.text else word.text
    return variables.text(word)


def _install(source: Source, words: tuple[Word, ...], variables: Variables) -> Install | None:
    if not words or words[0].text in _SPEAKS:
        return None
    for index, word in enumerate(words):
        program = word.text.lstrip("%!").rpartition("/")[2]
        behind = next((at for at in range(index + 1, len(words)) if not words[at].text.startswith("-")), None)
        verb = words[behind].text if behind is not None else ""
        is_pip = re.fullmatch(_PIP, program) is not None and verb == "install"
        is_conda = program in _CONDA and verb in ("install", "create")
        if (
            is_pip
            or is_conda
            or (program in ("uv", "pdm") and verb == "add")
            or (program, verb) == ("pipenv", "install")
        ):
            assert behind is not None
            return _read(source, words[behind + 1 :], is_conda, variables)
    return None


def _read(source: Source, arguments: tuple[Word, ...], is_conda: bool, variables: Variables) -> Install:
    words: list[Word] = []
    files: list[Word] = []
    is_upgrade = False
    with_value = _CONDA_OPTIONS_WITH_VALUE if is_conda else _PIP_OPTIONS_WITH_VALUE
    waiting = iter(arguments)
    for word in waiting:
        text = word.text
        name = text.partition("=")[0]
        if not is_conda and name in _FILES:
            value = word.value if "=" in text else next(waiting, None)
            files += [value] if value is not None else []
        elif text in ("-U", "--upgrade", "--force-reinstall", "--pre"):
            is_upgrade = True
        elif text in with_value:
            next(waiting, None)
        elif not text.startswith("-"):
            words.append(word)
        elif not is_conda and re.fullmatch(r"-[a-zA-Z]*U[a-zA-Z]*", text):  # -qU
            is_upgrade = True
    return Install(source, tuple(words), tuple(files), is_conda, is_upgrade, variables)


def _inside(words: tuple[Word, ...]) -> Iterator[tuple[Word, ...]]:
    """The commands in a word such as that of `bash -c "…"`; a word that a command installs is no command."""
    if words[0].text not in _SPEAKS:
        yield from (inner for word in words for inner in commands_inside(word) if re.search(INSTALLS, word.raw))


def _is_closed(raw: str) -> bool:
    """Whether the quote that the word begins with is closed."""
    return raw[0] not in "'\"" or (len(raw) > 1 and raw.count(raw[0]) % 2 == 0)
