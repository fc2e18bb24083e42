"""The keys that a command line says beside a settings file: `llamafactory-cli train run.yaml dataset=mine`.

Source: llamafactory 0.9.3 to 0.9.5 hparams/parser.py, read_args: OmegaConf merges what follows the file over it;
axolotl 0.19.0 cli/main.py, cli/config.py `load_cfg`: flags named like keys (`--micro-batch-size 2`) replace them.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from ftlint.project.launchers import LaunchFiles
from ftlint.record import record
from ftlint.run.fact import UNKNOWN, Fact
from ftlint.run.key import Key, KeyPath, KeySet
from ftlint.spans import How, Origin
from ftlint.syntax.shell import Word

_SETTING = re.compile(r"(?P<key>[A-Za-z_]\w*)(?:\.\w+)*=")
_FLAG = re.compile(r"--(?P<key>[A-Za-z_][\w-]*)")


@record
class Overrides:
    """`keys`: those that some command sets. `may_be_more`: whether words that cannot be seen may set others."""

    keys: frozenset[str]
    may_be_more: bool


def overrides_of(path: Path, launch_files: LaunchFiles) -> Overrides:
    """What the commands of a project that name a file of this name set behind it."""
    keys: set[str] = set()
    may_be_more = False
    for text in launch_files.texts:
        if path.name not in text.source.text:
            continue
        for words in text.commands:
            at = next((number for number, word in enumerate(words) if Path(word.text).name == path.name), None)
            behind = words[at + 1 :] if at is not None else ()
            for before, word in zip((None, *behind), behind, strict=False):
                key = _SETTING.match(word.text) or _FLAG.match(word.text)
                name = key["key"].replace("-", "_") if key else ""
                keys.update({name, name.removeprefix("no_")} if name else ())  # `--no-flag` sets the flag
                may_be_more = may_be_more or (key is None and _is_unseen(word) and not _takes(before))
    return Overrides(frozenset(keys), may_be_more)


def without_overridden(keys: KeySet, overrides: Overrides) -> KeySet:
    """A file's keys as far as no command sets them: those that one does, or may set, are unknown."""
    if not overrides.keys and not overrides.may_be_more:
        return keys
    anchor = next(iter(keys), None)
    if anchor is None:
        return keys
    unseen: Fact[Any] = Fact(UNKNOWN, (Origin(How.DETECTED, None, "a launch command sets it"),))
    kept = {path: key for path, key in keys.keys.items() if path[0] not in overrides.keys}
    if overrides.may_be_more:
        kept = {path: replace(key, fact=unseen) for path, key in kept.items()}
    set_elsewhere: dict[KeyPath, Key] = {
        (name,): replace(anchor, path=(name,), fact=unseen) for name in sorted(overrides.keys)
    }
    return replace(keys, keys={**kept, **set_elsewhere}, complete=keys.complete and not overrides.may_be_more)


def _takes(flag: Word | None) -> bool:
    """Whether the word behind may be that one's value."""
    return flag is not None and _FLAG.fullmatch(flag.text) is not None


def _is_unseen(word: Word) -> bool:
    return not word.is_plain and "$" in word.raw
