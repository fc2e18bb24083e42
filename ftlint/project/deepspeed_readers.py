"""Who reads a DeepSpeed JSON: DeepSpeed itself (hjson, no duplicates), or transformers or accelerate (`json.load`).

Source: deepspeed 0.19.8 runtime/config.py (`hjson.load`, `dict_raise_error_on_duplicate_keys`); transformers 5.23
integrations/deepspeed.py and accelerate 1.15 utils/deepspeed.py (`HfDeepSpeedConfig`: `json.load`).
"""

from __future__ import annotations

import re
from pathlib import Path

from ftlint.errors import FtlintError
from ftlint.project.discovery import discover
from ftlint.project.settings import Settings, SettingsFinder
from ftlint.project.workspace import Workspace

EVERYONE = frozenset({"transformers", "accelerate", "deepspeed"})
# As companions.py: beyond this nobody waits, and then anyone may read the file.
MAX_FILES = 2_000
# How a line that names the file hands it on; `{}` is the file's name.
_SIGNS = (
    ("accelerate", r"deepspeed_config_file\W.*{}"),
    ("deepspeed", r"--deepspeed_config(?:\s|=).*{}|\binitialize\(.*{}|\bDeepSpeedConfig\(.*{}"),
    ("transformers", r"--deepspeed(?:\s+|=)\S*{}|^\s*[\"']?deepspeed[\"']?\s*[:=].*{}|[(,]\s*deepspeed\s*=.*{}"),
)


class DeepSpeedReaders:
    """Who reads the DeepSpeed files of one project; its files are listed and read once. One per project and check."""

    def __init__(self, root: Path, settings: Settings, workspace: Workspace) -> None:
        self._root = root
        self._settings = settings
        self._workspace = workspace
        self._known: dict[Path, frozenset[str]] = {}
        self._texts: dict[str, tuple[tuple[Path, str], ...] | None] = {}

    def of(self, path: Path) -> frozenset[str]:
        """The programs that may read that file: as the settings say, else as what refers to it says, else any."""
        named = self._settings.integration.value
        if isinstance(named, str) and named != "auto":
            return frozenset({named})
        if path not in self._known:
            self._known[path] = self._referring(path)
        return self._known[path]

    def _referring(self, path: Path) -> frozenset[str]:
        texts = self._with(path.suffix)
        if texts is None:
            return EVERYONE
        name = re.escape(path.name)
        signs = [(reader, sign.replace("{}", name)) for reader, sign in _SIGNS]
        found: set[str] = set()
        for other, text in texts:
            if other == path or path.name not in text:
                continue
            said = {reader for reader, sign in signs if re.search(sign, text, re.MULTILINE)}
            if not said:
                return EVERYONE
            found |= said
        return frozenset(found) or EVERYONE

    def _with(self, suffix: str) -> tuple[tuple[Path, str], ...] | None:
        """The files that may name one with that suffix; None where not all could be looked at."""
        if suffix not in self._texts:
            self._texts[suffix] = self._read(suffix)
        return self._texts[suffix]

    def _read(self, suffix: str) -> tuple[tuple[Path, str], ...] | None:
        targets = discover((self._root,), self._workspace, SettingsFinder(self._workspace)).targets
        if len(targets) > MAX_FILES:
            return None
        found = []
        for target in targets:
            try:
                data = self._workspace.read(target.path)
            except (FtlintError, OSError):
                return None
            if suffix.encode() in data:
                found.append((target.path, data.decode("utf-8", "replace")))
        return tuple(found)
