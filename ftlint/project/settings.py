"""The settings that hold for one file: what ftlint.toml or [tool.ftlint] says, with the place of each value."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from ftlint.errors import SettingsError
from ftlint.findings import Severity
from ftlint.project.globs import glob_matches
from ftlint.project.workspace import Workspace
from ftlint.record import record
from ftlint.run.fact import NOTHING, Fact
from ftlint.spans import Location

if TYPE_CHECKING:
    from ftlint.knowledge.gpus import Gpu

SettingPath: TypeAlias = "tuple[str, ...]"  # ("hardware", "host-ram"); items of lists are counted as "0", "1" …

INTEGRATIONS = ("auto", "transformers", "accelerate", "deepspeed")


@record
class HardwareSettings:
    """One node and the number of nodes. What is not written is not said; it is never this machine's by itself."""

    gpu: Fact[Gpu] = NOTHING
    gpus_per_node: Fact[int] = NOTHING
    num_nodes: Fact[int] = NOTHING
    host_ram_bytes: Fact[int] = NOTHING


@record
class PathRule:
    """A line such as `"configs/*.conf" = "deepspeed"`: the pattern counts from the folder of the file it is in."""

    pattern: str
    folder: Path
    values: tuple[str, ...]
    location: Location

    def matches(self, path: Path) -> bool:
        """Whether the line is about that file."""
        return glob_matches(self.pattern, path, self.folder)


@record
class Settings:
    """What one settings file and those it extends say; without a file, what holds when nobody has said anything.

    `select` is None where it is not written. Rule codes are not checked here: only the rulebook knows them, and
    `complaint` makes its errors. Packages in `versions` have normalised names; their texts are as written.
    """

    root: Path
    path: Path | None = None
    select: tuple[str, ...] | None = None
    extend_select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    rulebook: tuple[Path, ...] = ()
    hardware: HardwareSettings = field(default_factory=HardwareSettings)
    versions: Mapping[str, Fact[str]] = field(default_factory=dict)
    severity: Mapping[str, Severity] = field(default_factory=dict)
    per_file_ignores: tuple[PathRule, ...] = ()
    files: tuple[PathRule, ...] = ()
    integration: Fact[str] = NOTHING
    places: Mapping[SettingPath, Location] = field(default_factory=dict, repr=False)
    read_from: tuple[Path, ...] = ()

    def place(self, *path: str) -> Location | None:
        """Where that setting is written: `place("hardware", "host-ram")`, `place("select", "0")`."""
        return self.places.get(path)

    def dialect_of(self, path: Path) -> str | None:
        """The dialect that `[files]` names for that file; the last line that matches wins."""
        return next((rule.values[0] for rule in reversed(self.files) if rule.matches(path)), None)

    def ignored_for(self, path: Path) -> tuple[str, ...]:
        """The rule selectors that `[per-file-ignores]` turns off for that file."""
        return tuple(value for rule in self.per_file_ignores if rule.matches(path) for value in rule.values)

    def complaint(self, path: SettingPath, value: str, expected: str, workspace: Workspace) -> SettingsError:
        """The error for a value that only somebody else can judge, in the same words as all others."""
        from ftlint.project.settings_table import complaint

        place = self.places.get(path)
        file = place.path if place else self.path or self.root
        prefix = ("tool", "ftlint") if file.name == "pyproject.toml" else ()
        return complaint(file, place, prefix + path, value, expected, workspace)


class SettingsFinder:
    """Finds the settings of many files, and looks at each folder once. One per check: it never looks again."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self._of_folder: dict[Path, Settings | SettingsError | None] = {}

    def find(self, path: Path) -> Settings:
        """The settings for that file: the nearest file upward that has any. Raises SettingsError."""
        found = self._find_from(path.parent)
        if isinstance(found, SettingsError):
            raise found
        return found or Settings(root=path.parent)

    def _find_from(self, folder: Path) -> Settings | SettingsError | None:
        passed: list[Path] = []
        while folder not in self._of_folder:
            passed.append(folder)
            here = self._in_folder(folder)
            if here is not None or folder.parent == folder:
                self._of_folder[folder] = here
                break
            folder = folder.parent
        found = self._of_folder[folder]
        self._of_folder.update(dict.fromkeys(passed, found))
        return found

    def _in_folder(self, folder: Path) -> Settings | SettingsError | None:
        """The settings written in that very folder. An error is kept: it holds for every file below."""
        try:
            own = folder / "ftlint.toml"
            # A broken link or a FIFO of that name is a mistake to report, not a reason to look further up.
            if self.workspace.is_open(own) or (os.path.lexists(own) and not self.workspace.is_folder(own)):
                return self._load(own)
            shared = folder / "pyproject.toml"
            return self._load(shared) if self.workspace.is_file(shared) else None
        except SettingsError as error:
            return error

    def _load(self, path: Path) -> Settings | None:
        from ftlint.project.settings_file import load_settings

        return load_settings(path, self.workspace)


def find_settings(path: Path, workspace: Workspace) -> Settings:
    """The settings for one file. For many files a `SettingsFinder` looks at each folder once. Raises SettingsError."""
    return SettingsFinder(workspace).find(path)
