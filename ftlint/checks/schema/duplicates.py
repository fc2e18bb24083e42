"""Keys that are written twice in one section, and arguments in one call."""

from __future__ import annotations

from collections.abc import Iterator

from ftlint.checks.schema.loaders import Loader, loaders_of, refuses_duplicates
from ftlint.checks.schema.survey import MAX_KEPT
from ftlint.findings import Edit, Match, Related, Severity
from ftlint.project.view import ProjectView
from ftlint.run.key import Key, KeySet, Section
from ftlint.syntax.document import DataDocument, Document

MOST_CHARACTERS = 50_000
"""Of a file whose duplicates are repaired; settings have a twentieth of that."""


def duplicate_key(document: Document, project: ProjectView) -> Iterator[Match]:
    """A writing that a later one of the same key overrules, or for which the loader stops."""
    if isinstance(document, DataDocument):
        yield from _of_file(document, project)
    else:
        from ftlint.checks.schema.repeated_arguments import repeated_arguments  # a check of files needs no `ast`

        yield from repeated_arguments(document)


def _of_file(document: DataDocument, project: ProjectView) -> Iterator[Match]:
    dialect = project.dialect_of(document)
    keys = project.keys_of(document, dialect) if dialect is not None else None
    if keys is None or not keys.duplicates:
        return
    loaders = loaders_of(document, project)
    if not loaders:
        return
    for earlier in keys.duplicates[:MAX_KEPT]:
        last = keys.keys.get(earlier.path)
        if last is not None and last.location != earlier.location:
            yield _match(earlier, last, keys, document, loaders)


def _match(earlier: Key, last: Key, keys: KeySet, document: DataDocument, loaders: frozenset[Loader]) -> Match:
    refusing = [loader for loader in loaders if refuses_duplicates(loader)]
    is_same = earlier.raw == last.raw and not isinstance(last.fact.value, Section)
    severity, reason = Severity.WARNING, ""
    if len(refusing) == len(loaders):
        outcome, severity = f"{refusing[0].value} refuses the file", Severity.ERROR
    elif refusing:
        outcome = f"the last one counts, and {refusing[0].value} refuses the file"
    else:
        outcome = "only the last one counts"
        severity = Severity.INFO if is_same else Severity.WARNING
    return Match(
        at=earlier.name_location,
        values={"key": earlier.dotted, "outcome": outcome},
        related=(Related(last.name_location, f"`{last.path[-1]}` is written again here"),),
        edits=_removal(earlier, keys, document),
        severity=severity,
        reason=reason,
    )


def _removal(earlier: Key, keys: KeySet, document: DataDocument) -> dict[str, tuple[Edit, ...]]:
    """The edit that takes the overruled writing out, which changes nothing of what is loaded.

    Each edit is tried by reading the file once more, which a large file with many duplicates has no time for.
    """
    if len(document.source.text) > MOST_CHARACTERS:
        return {}
    from ftlint.checks.schema.renaming import positions
    from ftlint.syntax.editing import delete_writing

    edits = delete_writing(document, positions(keys, earlier.path), earlier.location.span)
    return {"remove": edits} if edits else {}
