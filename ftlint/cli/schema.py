"""`ftlint schema`: what a dialect's file may say, as a JSON Schema that other editors read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ftlint.cli.streams import write
from ftlint.errors import UsageError, nearest

if TYPE_CHECKING:
    from ftlint.knowledge.schemas import Level
    from ftlint.run.versions import VersionView


@click.command("schema")
@click.argument("dialect", required=False)
@click.option(
    "--versions",
    multiple=True,
    metavar="NAME=SPECIFIER",
    help="Releases in use, as deepspeed=0.16.3 or trl='>=0.20,<1'. Left out: those of this folder's project.",
)
@click.option("--list", "wants_list", is_flag=True, help="List the dialects, and the classes that scripts build.")
def command(dialect: str | None, versions: tuple[str, ...], wants_list: bool) -> int:
    """Print a plain JSON Schema (draft 7) of what DIALECT accepts in the releases in use.

    DIALECT is a kind of file (deepspeed, llamafactory, …) or a class, as trl:SFTConfig.
    """
    if wants_list is not (dialect is None):
        raise UsageError("name one dialect, or give --list")
    if dialect is None:
        write("".join(f"{name}\n" for name in _names()))
        return 0
    from ftlint.checks.schema.in_use import SchemasInUse
    from ftlint.checks.schema.plain import plain_schema

    levels = _levels(dialect)
    found = plain_schema(levels, SchemasInUse(_releases(versions)), dialect)
    write(json.dumps(found, indent=1, ensure_ascii=False) + "\n")
    return 0


def _levels(dialect: str) -> tuple[Level, ...]:
    """The levels of that name. Raises UsageError with the nearest one."""
    from ftlint.checks.schema.settings import roots_of
    from ftlint.dialects.registry import BY_NAME
    from ftlint.knowledge.schemas import schema

    if ":" in dialect:
        package, _, name = dialect.partition(":")
        if f"{package}:{name}" in _names():
            level = schema(package).level(name)
            return () if level is None else (level,)
    elif dialect in BY_NAME and (levels := roots_of(BY_NAME[dialect])):
        return levels
    raise UsageError(f"no schema of {dialect!r}{nearest(dialect, _names())}; `ftlint schema --list` names all")


def _names() -> tuple[str, ...]:
    """Kinds of files, then classes."""
    from ftlint.checks.schema.calls import PACKAGES
    from ftlint.checks.schema.settings import roots_of
    from ftlint.dialects.registry import BY_NAME
    from ftlint.knowledge.schemas import schema

    files = [name for name, dialect in BY_NAME.items() if roots_of(dialect)]
    classes = [
        f"{package}:{name}"
        for package in PACKAGES
        for name in schema(package).level_names
        if (level := schema(package).level(name)) is not None and level.raw.get("x-imports")
    ]
    return (*sorted(files), *sorted(classes))


def _releases(written: tuple[str, ...]) -> VersionView:
    """The releases that the options name; of what they do not name, those of the project around here."""
    from ftlint.knowledge.releases import releases
    from ftlint.project.discovery import ProjectRoots
    from ftlint.project.settings import find_settings
    from ftlint.project.specifiers import claim_of_specifier, normalised_name
    from ftlint.project.versions import VersionsFinder
    from ftlint.project.workspace import Workspace
    from ftlint.run.versions import Admissible, VersionView
    from ftlint.spans import How, Origin

    here = Path.cwd() / "any"
    workspace = Workspace(Path.cwd())
    settings = find_settings(here, workspace)
    in_project = VersionsFinder(workspace).find(settings, ProjectRoots().root_of(here, here.parent))
    named: dict[str, Admissible] = {}
    for text in written:
        name, equals, specifier = text.partition("=")
        package = normalised_name(name)
        known = tuple(release.version for release in releases(package))
        if not equals or not known:
            raise UsageError(f"--versions {text!r}: expected NAME=SPECIFIER, as deepspeed=0.16.3")
        claim = claim_of_specifier(specifier.lstrip("="), known)
        if claim is None:
            raise UsageError(f"--versions {text!r}: {specifier!r} is no release and no range of releases")
        named[package] = Admissible(claim.releases, (Origin(How.WRITTEN, None, f"--versions {text}"),), claim.is_beyond)
    return VersionView({name: named.get(name) or in_project[name] for name in in_project} | named)
