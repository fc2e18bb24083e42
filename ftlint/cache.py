"""The cache folder: JSON files that can be lost, forged or unwritable at any time without anyone noticing."""

from __future__ import annotations

import json
import os
import stat
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

_MOST_BYTES = 100 * 10**6  # nothing we write is a hundredth of that


def cache_folder(environment: Mapping[str, str] | None = None) -> Path | None:
    """`FTLINT_CACHE_DIR`, else `XDG_CACHE_HOME`/ftlint, else the user's cache folder. It need not exist yet.

    None for a user without a home: a relative path would put the cache into the workspace.
    """
    variables = os.environ if environment is None else environment
    named = variables.get("FTLINT_CACHE_DIR")
    if named:
        return Path(named)
    xdg = variables.get("XDG_CACHE_HOME")
    # The XDG specification says to ignore a relative path.
    if xdg and Path(xdg).is_absolute():
        return Path(xdg) / "ftlint"
    if sys.platform == "linux":
        # What platformdirs answers as well, but importing it takes as long as the rest of a small check.
        folder = Path(os.path.expanduser("~/.cache/ftlint"))
        return folder if folder.is_absolute() else None
    from platformdirs import user_cache_path

    folder = user_cache_path("ftlint", appauthor=False)
    return folder if folder.is_absolute() else None


def read_json(name: str) -> object:
    """What was last written under `name`; None where there is nothing that can be read."""
    folder = cache_folder()
    if folder is None:
        return None
    path = folder / name
    try:
        state = os.stat(path)
        # Opening a named pipe would wait for ever, and a device need not end.
        if not stat.S_ISREG(state.st_mode) or state.st_size > _MOST_BYTES:
            return None
        content: object = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    return content


def write_json(name: str, content: object) -> None:
    """Keep `content` under `name` if the cache folder allows it. A reader never sees half a file."""
    import tempfile  # a cached answer, which is what most calls get, does not need it

    folder = cache_folder()
    if folder is None:
        return
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=folder, prefix=f".{name}.")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump(content, file, separators=(",", ":"))
            os.replace(temporary, folder / name)
        except BaseException:
            with suppress(OSError):
                os.unlink(temporary)
            raise
