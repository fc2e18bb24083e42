"""The edits that give a key another name and leave its value and comments alone."""

from __future__ import annotations

from ftlint.checks.schema.survey import Met
from ftlint.findings import Edit
from ftlint.run.key import KeyPath, KeySet, Section
from ftlint.spans import Span


def rename(met: Met, name: str) -> tuple[Edit, ...]:
    """Edits that write `name` in place of the key's own; none where the name is taken or there is no such edit."""
    keys, path = met.settings.keys, met.key.path
    if "." in name or (*path[:-1], name) in keys.keys:
        return ()
    if met.settings.document is None:
        return _in_script(met, name)
    from ftlint.syntax.editing import rename_key

    return rename_key(met.settings.document, positions(keys, path), name)


def positions(keys: KeySet, path: KeyPath) -> list[str | int]:
    """The path as `editing` wants it: an item of a sequence by its number."""

    def is_item(depth: int) -> bool:
        parent = keys.keys.get(path[:depth])
        return parent is not None and parent.fact.value is Section.SEQUENCE

    return [int(step) if step.isdecimal() and is_item(depth) else step for depth, step in enumerate(path)]


def _in_script(met: Met, name: str) -> tuple[Edit, ...]:
    """A keyword is its name; a key of a dict literal keeps its quotes; an argument by position has no name."""
    location = met.key.name_location
    text = met.settings.source.slice(location.span)
    if text.replace("-", "_") == met.name:  # a flag may be written with dashes
        return (Edit(location, name),)
    quotes = len(text) - len(text.lstrip("'\""))
    inner = Span(location.span.start + quotes, location.span.end - quotes)
    if met.settings.source.slice(inner) != met.name:
        return ()
    return (Edit(met.settings.source.location(inner), name),)
