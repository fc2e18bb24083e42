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


def readers_of(path: Path, root: Path, settings: Settings, workspace: Workspace) -> frozenset[str]:
    """The programs that may read that file: as the settings say, else as what refers to it says, else any."""
    named = settings.integration.value
    if isinstance(named, str) and named != "auto":
        return frozenset({named})
    targets = discover((root,), workspace, SettingsFinder(workspace)).targets
    if len(targets) > MAX_FILES:
        return EVERYONE
    name = re.escape(path.name)
    signs = [(reader, re.compile(sign.replace("{}", name), re.MULTILINE)) for reader, sign in _SIGNS]
    found: set[str] = set()
    for target in targets:
        if target.path == path:
            continue
        try:
            text = workspace.read(target.path).decode("utf-8", "replace")
        except (FtlintError, OSError):
            return EVERYONE
        if path.name in text:
            said = {reader for reader, sign in signs if sign.search(text)}
            if not said:
                return EVERYONE
            found |= said
    return frozenset(found) or EVERYONE
