"""Which commands of TRL's read a YAML file: `trl sft --config recipe.yaml` in a shell file or notebook of the project.

Source: trl 0.13 to 0.29 cli.py, and from 1.0 cli/commands/training.py: the script's classes take the keys of the file,
what they do not know goes to `accelerate launch` as flags, and flags behind the command overrule the file.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from ftlint.errors import FtlintError
from ftlint.project.discovery import discover
from ftlint.project.launchers import LaunchFiles
from ftlint.project.settings import SettingsFinder
from ftlint.project.workspace import Workspace
from ftlint.record import record
from ftlint.syntax.shell import Word

# As companions.py: beyond this nobody waits, and then anyone may read the file.
MAX_FILES = 2_000


@record
class Reading:
    """The commands that read a file, by their names (`sft`), and the keys that some of them overrule by flags.

    `has_scripts`: whether some of them are scripts of one's own.
    """

    commands: frozenset[str]
    overruled: frozenset[str]
    has_scripts: bool = False


def commands_reading(path: Path, root: Path, launch_files: LaunchFiles, workspace: Workspace) -> Reading | None:
    """Who reads that file; None where nobody is seen to, or something else of the project names the file as well."""
    commands: set[str] = set()
    overruled: set[str] = set()
    launching: set[Path] = set()
    for text in launch_files.texts:
        launching.add(text.source.path)
        if path.name not in text.source.text:
            continue
        for words in text.commands:
            if not any(_names(word, path) for word in words):
                continue
            found = _command(words, path)
            if found is None:
                return None
            commands.add(found[0])
            overruled.update(found[1])
    if not commands or _is_named_elsewhere(path, root, launching, workspace):
        return None
    return Reading(frozenset(commands), frozenset(overruled))


def launches_reading(path: Path, launch_files: LaunchFiles) -> Reading | None:
    """The commands that train by that file, `trl sft --config FILE` or `… scripts/sft.py --config FILE`; None without.

    A script of one's own goes by its name. Where a command that names the file cannot be read there are no commands.
    """
    from ftlint.dialects.launch_words import is_about_files

    commands: set[str] = set()
    overruled: set[str] = set()
    is_named = has_scripts = False
    for text in launch_files.texts:
        if path.name not in text.source.text:
            continue
        for words in text.commands:
            if is_about_files(words[0]) or not any(_names(word, path) for word in words):
                continue
            own = _command(words, path)
            found = own or _script(words, path)
            if found is None:
                return Reading(frozenset(), frozenset())
            is_named, has_scripts = True, has_scripts or own is None
            commands.add(found[0])
            overruled.update(found[1])
    return Reading(frozenset(commands), frozenset(overruled), has_scripts) if is_named else None


def _script(words: tuple[Word, ...], path: Path) -> tuple[str, tuple[str, ...]] | None:
    """The name and the flags of the first script that is given `--config FILE`; None where not all of it is seen."""
    at = next((number for number, word in enumerate(words) if word.text.endswith(".py")), len(words))
    behind = words[at + 1 :]
    files = [value for flag, value in pairwise(behind) if flag.text == "--config"]
    if len(files) != 1 or not _names(files[0], path) or not all(word.is_plain for word in behind):
        return None
    return Path(words[at].text).stem, tuple(_flags(behind))


def _names(word: Word, path: Path) -> bool:
    """Whether the word may be that file, seen from whatever folder; of another one of the same name it says nothing."""
    text = word.text.rpartition("=")[2] if word.text.startswith("-") else word.text
    steps = tuple(step for step in Path(text).parts if step not in ("..", "/"))
    return bool(steps) and path.parts[-len(steps) :] == steps


def _command(words: tuple[Word, ...], path: Path) -> tuple[str, tuple[str, ...]] | None:
    """The name and the flags of `trl NAME … --config FILE …`; None for another command, or one that is not all seen."""
    at = next((number for number, word in enumerate(words) if word.text.rsplit("/", 1)[-1] == "trl"), None)
    behind = words[at + 1 :] if at is not None else ()
    if len(behind) < 3 or not all(word.is_plain for word in behind):
        return None
    files = [value for flag, value in pairwise(behind) if flag.text == "--config"]
    if len(files) != 1 or not _names(files[0], path):
        return None
    return behind[0].text, tuple(_flags(behind[1:]))


def _flags(words: tuple[Word, ...]) -> Iterator[str]:
    for word in words:
        if word.text.startswith("--") and word.text != "--config":
            yield word.text[2:].partition("=")[0].replace("-", "_")


def _is_named_elsewhere(path: Path, root: Path, launching: set[Path], workspace: Workspace) -> bool:
    """Whether any other file of the project has its name, or there are too many to look."""
    targets = discover((root,), workspace, SettingsFinder(workspace)).targets
    if len(targets) > MAX_FILES:
        return True
    name = path.name.encode()
    try:
        return any(
            target.path != path and target.path not in launching and name in workspace.read(target.path)
            for target in targets
        )
    except (FtlintError, OSError):
        return True
