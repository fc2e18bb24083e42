"""What a notebook's cells ask pip for: `%pip install`, `!pip install`, `!uv pip install` and the like."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from itertools import islice

from ftlint.project.requirements import LONGEST_LINE, MOST_MENTIONS, SHELL_COMMENT, Demand, parsed_requirement
from ftlint.record import record
from ftlint.spans import Location, Span
from ftlint.syntax.document import ScriptDocument

_OTHER_CELL = re.compile(r"%%(?!bash\b|sh\b|script\b|!)")
_PIP_OPTIONS_WITH_VALUE = frozenset(
    "-c --constraint -i --index-url --extra-index-url -f --find-links -t --target --platform --python-version --root "
    "--prefix --src --no-binary --only-binary --progress-bar --trusted-host --timeout --retries --cache-dir --python "
    "-p --index --default-index --index-strategy --torch-backend --config-settings -C --log --proxy".split()
)


@record
class PipCommand:
    """One `pip install` in a notebook: what it names, the files of its `-r`, and whether it upgrades (`-U`)."""

    words: tuple[str, ...]
    files: tuple[str, ...]
    is_upgrade: bool
    location: Location


def pip_commands(notebook: ScriptDocument) -> Iterator[PipCommand]:
    """The `%pip install`, `!pip install`, `!uv pip install` … of a notebook's cells, in order."""
    return islice(_pip_commands(notebook), MOST_MENTIONS)


def _pip_commands(notebook: ScriptDocument) -> Iterator[PipCommand]:
    for cell in notebook.cells:
        for magic in cell.magics:
            if "install" not in magic.text or _OTHER_CELL.match(magic.text):
                continue
            offset = magic.span.start
            for line in re.sub(r"\\\r?\n", lambda match: " " * len(match[0]), magic.text).splitlines(keepends=True):
                width = len(line.rstrip())
                for command in _commands(line) if width <= LONGEST_LINE else ():
                    yield _pip_command(command, cell.source.location(Span(offset, offset + width)))
                offset += len(line)


def demands_in_command(command: PipCommand, package: str) -> Iterator[Demand]:
    """What a `pip install` asks for that package."""
    for word in command.words:
        demand = parsed_requirement(word)
        if demand is not None and demand[0] == package:
            name, specifier, address, is_conditional = demand
            yield Demand(name, specifier, address, is_conditional, command.is_upgrade, command.location, word)


def _commands(line: str) -> Iterator[list[str]]:
    """What stands after each `pip install` of a shell line. Unquoted `>` redirects: `pip install x>=1` pins nothing."""
    lexer = shlex.shlex(re.sub(SHELL_COMMENT, "", line).strip().lstrip("!%"), posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    lexer.commenters = ""  # it would cut `…#egg=name` short
    try:
        words = list(lexer)
    except ValueError:  # an unclosed quote
        return
    command: list[str] = []
    skip = False
    for word in [*words, ";"]:
        if skip:
            skip = False
        elif word and set(word) <= set("<>"):
            skip = True
        elif word and set(word) <= set(";|&()"):
            if (start := _after_pip_install(command)) is not None:
                yield command[start:]
            command = []
        else:
            command.append(word)


def _after_pip_install(words: list[str]) -> int | None:
    for index in range(len(words) - 1):
        program = words[index].rpartition("/")[2]
        if re.fullmatch(r"pip(3(\.\d+)?)?", program) and words[index + 1] == "install":
            return index + 2
    return None


def _pip_command(arguments: list[str], location: Location) -> PipCommand:
    words: list[str] = []
    files: list[str] = []
    is_upgrade = False
    waiting = iter(arguments)
    for word in waiting:
        name, _, value = word.partition("=")
        if name in ("-r", "--requirement", "--requirements"):
            files.append(value or next(waiting, ""))
        elif word in ("-U", "--upgrade", "--force-reinstall", "--pre"):
            is_upgrade = True
        elif word in _PIP_OPTIONS_WITH_VALUE:
            next(waiting, "")
        elif word in ("-e", "--editable") or not word.startswith("-"):
            words.append(word)
        elif not word.startswith("--") and "U" in word:  # -qU
            is_upgrade = True
    return PipCommand(tuple(word for word in words if not word.startswith("-")), tuple(files), is_upgrade, location)
