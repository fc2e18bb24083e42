"""Reads one settings file and what it extends; a mistake is one line with file, key, value and what was expected."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ftlint.errors import InputError, SettingsError
from ftlint.findings import Severity
from ftlint.project.profiles import profile_hardware
from ftlint.project.settings import INTEGRATIONS, HardwareSettings, PathRule, Settings
from ftlint.project.settings_table import SettingsTable, one_line
from ftlint.project.toml_places import first_endless_key, load_toml, toml_places
from ftlint.project.workspace import Workspace, absolute, is_inside, shown
from ftlint.run.fact import Fact
from ftlint.spans import Location

_MOST_BYTES = 10**6  # tomllib takes a second for that much
_LONGEST_CHAIN = 50
_AT_END = "(at end of document)"


def load_settings(path: Path, workspace: Workspace, extended_by: tuple[Path, ...] = ()) -> Settings | None:
    """What that file and those it extends say; None for a pyproject.toml without [tool.ftlint].

    Raises SettingsError.
    """
    try:
        text = workspace.text(path, limit_bytes=_MOST_BYTES)
    except InputError as error:
        raise SettingsError(str(error)) from None
    is_shared = path.name == "pyproject.toml"
    if is_shared and "ftlint" not in text:
        return None  # somebody else's file: even its mistakes are none of our business
    if (endless := first_endless_key(text)) is not None:
        raise SettingsError(f"{shown(path)}:{text.count(chr(10), 0, endless) + 1}: nested too deeply")
    try:
        values: Any = load_toml(text)
        places = toml_places(text)
    except RecursionError:
        raise SettingsError(f"{shown(path)}: nested too deeply") from None
    except ValueError as error:
        raise SettingsError(_syntax_complaint(path, text, str(error))) from None
    prefix = ("tool", "ftlint") if is_shared else ()
    for name in prefix:
        values = values.get(name) if isinstance(values, dict) else None
    if values is None:
        return None
    if not isinstance(values, dict):
        raise SettingsError(f"{shown(path)}: tool.ftlint is a table of settings, not one value")
    locations = {
        keys[len(prefix) :]: Location(path, place.span)
        for keys, place in places.items()
        if keys[: len(prefix)] == prefix and len(keys) > len(prefix)
    }
    top = SettingsTable(path, prefix, (), values, locations, workspace)
    own = _read(top)
    target = top.text("extend")
    if target is None:
        return own
    base = _extended(top, target, (*extended_by, path))
    return _laid_over(base, own)


def _syntax_complaint(path: Path, text: str, message: str) -> str:
    """`ftlint.toml:2:5: not TOML: …`."""
    if message.endswith(_AT_END):
        row, column = text.count("\n") + 1, len(text) - text.rfind("\n")
        message = message.removesuffix(_AT_END)
    elif match := re.search(r"\(at line (\d+), column (\d+)\)$", message):
        row, column = int(match[1]), int(match[2])
        message = message[: match.start()]
    else:  # such as a number of more digits than Python converts
        return f"{shown(path)}: not TOML: {one_line(message)}"
    return f"{shown(path)}:{row}:{column}: not TOML: {one_line(message)}"


def _extended(top: SettingsTable, target: str, chain: tuple[Path, ...]) -> Settings:
    """The settings that `extend` names, relative to the file it is written in."""
    path = absolute(top.file.parent / target)
    if len(chain) > _LONGEST_CHAIN:
        raise top.complaint("extend", f"settings that do not follow each other through {_LONGEST_CHAIN} files")
    if path in chain:
        raise top.complaint("extend", "another file: these settings extend each other in a circle")
    if not _is_allowed(path, top):
        raise top.complaint("extend", "a file inside the project, because this workspace is not trusted")
    if not top.workspace.is_file(path):
        raise top.complaint("extend", f"a settings file, and there is none at {shown(path)}")
    base = load_settings(path, top.workspace, chain)
    if base is None:
        raise top.complaint("extend", f"a settings file, and {shown(path)} has no [tool.ftlint]")
    return base


def _is_allowed(path: Path, top: SettingsTable) -> bool:
    """Whether settings may name that path: not outside the project where nobody has said that they trust it."""
    return top.workspace.may_read(path) or is_inside(path, top.file.parent)


def _read(top: SettingsTable) -> Settings:
    """What one file itself says."""
    top.expect_keys(
        "extend", "select", "extend-select", "ignore", "rulebook", "hardware", "versions", "severity",
        "per-file-ignores", "files", "deepspeed",
    )  # fmt: skip
    deepspeed = top.table("deepspeed")
    deepspeed.expect_keys("integration")
    return Settings(
        root=top.file.parent,
        path=top.file,
        select=top.texts("select", "a list of rule codes, prefixes or names"),
        extend_select=top.texts("extend-select", "a list of rule codes, prefixes or names") or (),
        ignore=top.texts("ignore", "a list of rule codes, prefixes or names") or (),
        rulebook=_rulebook(top),
        hardware=_hardware(top.table("hardware")),
        versions=_versions(top.table("versions")),
        severity=_severities(top.table("severity")),
        per_file_ignores=_path_rules(top.table("per-file-ignores")),
        files=_dialects(top.table("files")),
        integration=deepspeed.fact("integration", deepspeed.choice("integration", INTEGRATIONS)),
        places=top.locations,
        read_from=(top.file,),
    )


def _rulebook(top: SettingsTable) -> tuple[Path, ...]:
    folders = []
    for index, name in enumerate(top.texts("rulebook", "a list of folders with rule pages") or ()):
        folder = absolute(top.file.parent / name)
        if not _is_allowed(folder, top):
            raise top.complaint("rulebook", "folders inside the project, because this workspace is not trusted", index)
        if not top.workspace.is_folder(folder):
            raise top.complaint("rulebook", f"a folder, and there is none at {shown(folder)}", index)
        folders.append(folder)
    return tuple(folders)


def _hardware(table: SettingsTable) -> HardwareSettings:
    table.expect_keys("gpu", "gpus-per-node", "nodes", "host-ram", "profile")
    profile = table.text("profile")
    described = HardwareSettings() if profile is None else profile_hardware(table, profile)
    written = HardwareSettings(
        gpu=table.fact("gpu", table.gpu("gpu")),
        gpus_per_node=table.fact("gpus-per-node", table.whole_number("gpus-per-node")),
        num_nodes=table.fact("nodes", table.whole_number("nodes")),
        host_ram_bytes=table.fact("host-ram", table.size_bytes("host-ram")),
    )
    return _hardware_over(described, written)


def _versions(table: SettingsTable) -> Mapping[str, Fact[str]]:
    if not table.values:
        return {}
    from ftlint.project.specifiers import is_version_or_specifier, normalised_name

    for package in table.values:
        text = table.text(package)
        if text is not None and not is_version_or_specifier(text):
            raise table.complaint(package, 'an exact version ("4.46.1") or a specifier (">=4.46,<5")')
    return {normalised_name(package): table.fact(package, table.text(package)) for package in table.values}


def _severities(table: SettingsTable) -> Mapping[str, Severity]:
    names = tuple(severity.value for severity in Severity)
    return {rule: Severity(table.choice(rule, names)) for rule in table.values}


def _path_rules(table: SettingsTable) -> tuple[PathRule, ...]:
    expected = "a list of rule codes, prefixes or names"
    return tuple(
        PathRule(pattern, table.file.parent, table.texts(pattern, expected) or (), table.location(pattern))
        for pattern in table.values
    )


def _dialects(table: SettingsTable) -> tuple[PathRule, ...]:
    if not table.values:
        return ()
    from ftlint.dialects.registry import BY_NAME

    return tuple(
        PathRule(pattern, table.file.parent, (table.choice(pattern, tuple(BY_NAME)) or "",), table.location(pattern))
        for pattern in table.values
    )


def _hardware_over(under: HardwareSettings, over: HardwareSettings) -> HardwareSettings:
    said = {item.name: getattr(over, item.name) for item in dataclasses.fields(over) if getattr(over, item.name).said}
    return dataclasses.replace(under, **said)


def _laid_over(base: Settings, own: Settings) -> Settings:
    """`own` on what it extends: a `select` replaces the other, other lists are added to, tables are joined by key."""
    places = {path: location for path, location in base.places.items() if path[0] != "select" or own.select is None}
    num_before = {"extend-select": len(base.extend_select), "ignore": len(base.ignore), "rulebook": len(base.rulebook)}
    for path, location in own.places.items():
        if len(path) == 2 and path[0] in num_before:
            path = (path[0], str(int(path[1]) + num_before[path[0]]))
        places[path] = location
    return Settings(
        root=own.root,
        path=own.path,
        select=base.select if own.select is None else own.select,
        extend_select=base.extend_select + own.extend_select,
        ignore=base.ignore + own.ignore,
        rulebook=base.rulebook + own.rulebook,
        hardware=_hardware_over(base.hardware, own.hardware),
        versions={**base.versions, **own.versions},
        severity={**base.severity, **own.severity},
        per_file_ignores=base.per_file_ignores + own.per_file_ignores,
        files=base.files + own.files,
        integration=own.integration if own.integration.said else base.integration,
        places=places,
        read_from=(*own.read_from, *base.read_from),
    )
