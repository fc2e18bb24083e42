"""The keys that a command line says beside a settings file: `llamafactory-cli train run.yaml dataset=mine`.

Source: llamafactory 0.9.3 to 0.9.5 hparams/parser.py, read_args: OmegaConf merges what follows the file over it.
"""

from __future__ import annotations

import re
from pathlib import Path

from ftlint.project.launchers import LaunchFiles
from ftlint.record import record
from ftlint.syntax.shell import Word

_SETTING = re.compile(r"(?P<key>[A-Za-z_]\w*)(?:\.\w+)*=")


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
            for word in words[at + 1 :] if at is not None else ():
                key = _SETTING.match(word.text)
                keys.update({key["key"]} if key else ())
                may_be_more = may_be_more or (key is None and _is_unseen(word))
    return Overrides(frozenset(keys), may_be_more)


def _is_unseen(word: Word) -> bool:
    return not word.is_plain and "$" in word.raw
