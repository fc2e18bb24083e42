"""One table of a settings file, whose values are asked for by kind and refused in one line when they are another."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from ftlint.errors import InputError, SettingsError, nearest
from ftlint.knowledge.gpus import Gpu, closest_gpu_name, find_gpu
from ftlint.project.settings import SettingPath
from ftlint.project.sizes import SIZE_EXPECTED, parse_size
from ftlint.project.workspace import Workspace, shown
from ftlint.record import record
from ftlint.run.fact import NOTHING, Fact
from ftlint.spans import How, Location, Origin, Span

T = TypeVar("T")

_LONGEST_VALUE = 60  # characters of a value that an error repeats
_LARGEST_NUMBER = 2**63 - 1  # of TOML


@record
class SettingsTable:
    """`values` as tomllib reads them, at `path` below `prefix` (`tool.ftlint` in a pyproject.toml)."""

    file: Path
    prefix: SettingPath
    path: SettingPath
    values: Mapping[str, object]
    locations: Mapping[SettingPath, Location]
    workspace: Workspace

    def location(self, key: str) -> Location:
        """Where that key is written."""
        return self.locations.get((*self.path, key), Location(self.file, Span(0, 0)))

    def complaint(self, key: str, expected: str, index: int | None = None) -> SettingsError:
        """The error for the value of that key, or for the item of its list at `index`."""
        path, value = (*self.path, key), self.values[key]
        if index is not None and isinstance(value, list):
            path, value = (*path, str(index)), value[index]
        return complaint(self.file, self.locations.get(path), self.prefix + path, value, expected, self.workspace)

    def expect_keys(self, *allowed: str) -> None:
        """Raises SettingsError at the first key that is none of these."""
        for key in self.values:
            if key not in allowed:
                hint = _hint(key, allowed)
                raise self.complaint(key, f"another key{hint}" if hint else f"one of the keys {', '.join(allowed)}")

    def table(self, key: str) -> SettingsTable:
        """The table of that name, empty where there is none."""
        values = self.values.get(key, {})
        if not isinstance(values, dict):
            raise self.complaint(key, "a table")
        return SettingsTable(self.file, self.prefix, (*self.path, key), values, self.locations, self.workspace)

    def text(self, key: str) -> str | None:
        """A string that is not empty."""
        value = self.values.get(key)
        if value is None:
            return None
        if not isinstance(value, str) or not value.strip():
            raise self.complaint(key, "text in quotes")
        return value

    def texts(self, key: str, expected: str) -> tuple[str, ...] | None:
        """A list of strings that are not empty."""
        value = self.values.get(key)
        if value is None:
            return None
        if not isinstance(value, list):
            raise self.complaint(key, expected)
        for index, item in enumerate(value):
            if not isinstance(item, str) or not item.strip():
                raise self.complaint(key, "text in quotes", index)
        return tuple(value)

    def choice(self, key: str, allowed: Sequence[str]) -> str | None:
        """One of these words."""
        value = self.values.get(key)
        if value is None or value in allowed:
            return value if isinstance(value, str) else None
        raise self.complaint(key, f"one of {', '.join(allowed)}{_hint(value, allowed)}")

    def whole_number(self, key: str) -> int | None:
        """A number of things, at least one."""
        value = self.values.get(key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= _LARGEST_NUMBER:
            raise self.complaint(key, "a whole number of at least 1")
        return value

    def size_bytes(self, key: str) -> int | None:
        """A size with its unit."""
        value = self.values.get(key)
        if value is None:
            return None
        size = parse_size(value) if isinstance(value, str) else None
        if size is None:
            raise self.complaint(key, SIZE_EXPECTED)
        return size

    def gpu(self, key: str) -> Gpu | None:
        """A GPU by one of the names that we know it by."""
        name = self.text(key)
        if name is None:
            return None
        gpu = find_gpu(name)
        if gpu is None:
            closest = closest_gpu_name(name)
            hint = f"; did you mean {closest!r}?" if closest else ""
            raise self.complaint(key, f'a GPU that ftlint knows, such as "H100-80GB"{hint}')
        return gpu

    def fact(self, key: str, value: T | None) -> Fact[T]:
        """The value with its place; nothing said where it is not written."""
        if value is None:
            return NOTHING
        return Fact(value, (Origin(How.WRITTEN, self.location(key), ".".join((*self.path, key))),))


def complaint(
    file: Path, location: Location | None, path: SettingPath, value: object, expected: str, workspace: Workspace
) -> SettingsError:
    """`ftlint.toml:3: hardware.gpus-per-node = "eight": expected a whole number of at least 1`."""
    place = _place(file, location, workspace)
    return SettingsError(one_line(f"{place}: {_dotted(path)} = {_as_written(value)}: expected {expected}"))


def one_line(text: str) -> str:
    """The text with what would break the line replaced."""
    return "".join(character if character.isprintable() else " " for character in text).strip()


def _place(file: Path, location: Location | None, workspace: Workspace) -> str:
    """`ftlint.toml:3`."""
    if location is None:
        return shown(file)
    try:
        row = workspace.text(location.path).count("\n", 0, location.span.start) + 1
    except InputError:
        return shown(location.path)
    return f"{shown(location.path)}:{row}"


def _dotted(path: SettingPath) -> str:
    """`per-file-ignores."configs/*"`, `select[0]`."""
    text = ""
    for name in path:
        if name.isdecimal():
            text += f"[{name}]"
        else:
            plain = name.replace("-", "").replace("_", "").isalnum()
            text += ("." if text else "") + (name if plain else json.dumps(name, ensure_ascii=False))
    return text


def _as_written(value: object) -> str:
    """The value as TOML spells it, cut where it is long."""
    if isinstance(value, (str, bool, int, float, list, dict)):
        try:
            text = json.dumps(value, ensure_ascii=False, default=str)
        except RecursionError:
            text = "a table of many levels"
        except ValueError:  # a hexadecimal number of more digits than Python prints
            text = "a number of thousands of digits"
    else:
        text = str(value)
    return text if len(text) <= _LONGEST_VALUE else text[: _LONGEST_VALUE - 1] + "…"


def _hint(word: object, allowed: Sequence[str]) -> str:
    """The nearest right word; `host_ram` is as near to `host-ram` as can be."""
    if not isinstance(word, str):
        return ""
    spelled = word.replace("_", "-").lower()
    return nearest(spelled, allowed)
