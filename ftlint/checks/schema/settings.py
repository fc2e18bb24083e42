"""Where the settings of one file stand: the document of a dialect, or the calls of a script."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ftlint.checks.schema.in_use import SchemasInUse
from ftlint.checks.schema.spelling import meant
from ftlint.checks.schema.survey import Settings, Survey, Walk
from ftlint.dialects.dialect import Dialect
from ftlint.knowledge.schemas import Level, schema
from ftlint.project.view import ProjectView
from ftlint.run.key import KeySet
from ftlint.syntax.document import DataDocument, Document, Format

FEW, ANOTHERS = 2, 0.2
"""The number and the share of unknown keys above which a file is taken for another program's."""


def survey(document: Document, project: ProjectView) -> Survey:
    """What the schemas have to say of that file, over all releases the project may use."""
    if isinstance(document, DataDocument):
        settings = tuple(_of_document(document, project))
    else:
        from ftlint.checks.schema.calls import settings_in  # a check of JSON and YAML does without `ast`

        settings = tuple(settings_in(document))
        if document.format is not Format.PYTHON:
            from ftlint.checks.schema.flags import flags_in  # only shell files and notebooks launch anything

            settings = (*settings, *flags_in(document))
    owners = (level.schema for each in settings if each.document is not None for level in each.levels)
    return Walk(SchemasInUse(project.versions, owners)).over(settings)


def _of_document(document: DataDocument, project: ProjectView) -> Iterator[Settings]:
    dialect = project.dialect_of(document)
    if dialect is None or len(document.roots) != 1:
        return
    levels = roots_of(dialect)
    keys = project.keys_of(document, dialect)
    if dialect.name == "trl":
        reading = project.trl_commands(document.path)
        if reading is not None:
            levels = tuple(level for level in levels if level.name in reading.commands) or levels
            keys = _without(keys, reading.overruled)
        elif _is_of_another_program(keys, levels):
            return
    if dialect.name == "llamafactory":
        overrides = project.overrides_of(document.path)
        keys = _without(keys, overrides.keys, overrides.may_be_more)
    if levels and not any((key,) in keys.keys for key in dialect.beyond_schemas):
        yield Settings(
            keys,
            levels,
            document.source,
            document,
            is_sure=len(levels) == 1,
            readers=lambda: project.deepspeed_readers(document.path),
        )


def _is_of_another_program(keys: KeySet, levels: tuple[Level, ...]) -> bool:
    """Whether too many keys are none of these levels' in any release.

    Programs with settings of their own in a file like TRL's (open-instruct's) may keep what TRL has dropped; those that
    add a few to TRL's classes (alignment-handbook's, open-r1's) lose it with TRL.
    """
    top = [path[0] for path in keys.keys if len(path) == 1]
    known = {name for level in levels for name in level.names()}
    foreign = [name for name in top if name not in known]
    if len(foreign) <= max(FEW, ANOTHERS * len(top)):
        return False
    slips = sum(meant(name, sorted(known)) is not None for name in foreign)
    return len(foreign) - slips > max(FEW, ANOTHERS * len(top))


def _without(keys: KeySet, overruled: frozenset[str], may_be_more: bool = False) -> KeySet:
    """The keys that nothing overrules; where something does, or may, what is not written may be said there."""
    if not overruled and not may_be_more:
        return keys
    kept = {path: key for path, key in keys.keys.items() if path[0] not in overruled}
    return replace(keys, keys=kept, complete=False)


def roots_of(dialect: Dialect) -> tuple[Level, ...]:
    """The levels that a document of that dialect may be at its top; none where there is no schema of it."""
    return tuple(level for name in dialect.schemas if (level := _root(name)) is not None)


def _root(name: str) -> Level | None:
    """`deepspeed`: the root of its documents; `trl#SFTConfig`: that level."""
    file, _, level = name.partition("#")
    return schema(file).level(level) if level else schema(file).root
