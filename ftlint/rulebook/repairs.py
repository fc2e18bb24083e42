"""Turns a page's `set`, `delete` and `rename` into text edits of the document that the keys were read from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

from ftlint.findings import Edit
from ftlint.rulebook.page import FixTemplate, SettingValue
from ftlint.rulebook.when.values import kind_of
from ftlint.run.key import KeyPath, KeySet, Section
from ftlint.syntax.document import DataDocument


def edits_for(template: FixTemplate, keys: KeySet, document: DataDocument | None) -> tuple[Edit, ...]:
    """The edits of one fix; none where one of its steps cannot be done, for half a fix is none."""
    if document is None or not _is_read_from(keys, document):
        return ()
    from ftlint.syntax.editing import delete_key, rename_key, set_value

    steps: list[tuple[Edit, ...]] = []
    for path, value in nested(template.set, keys).items():
        if not _has(keys, path, value):
            steps.append(set_value(document, _positions(keys, path), value))
    deleted = [tuple(dotted.split(".")) for dotted in template.delete]
    steps.extend(delete_key(document, _positions(keys, path)) for path in deleted if path in keys.keys)
    renamed = [(tuple(dotted.split(".")), name) for dotted, name in template.rename.items()]
    steps.extend(rename_key(document, _positions(keys, path), name) for path, name in renamed)
    edits = tuple(edit for step in steps for edit in step)
    if not all(steps) or (len(steps) > 1 and not _go_together(edits, document)):
        return ()
    return edits


def nested(settings: Mapping[str, SettingValue], keys: KeySet) -> dict[KeyPath, SettingValue]:
    """The settings with those below one section that is not there yet joined to one value, so that it is made once."""
    joined: dict[KeyPath, SettingValue] = {}
    for dotted, value in settings.items():
        path = tuple(dotted.split("."))
        depth = next((n for n in range(1, len(path)) if path[:n] not in keys.keys), len(path))
        if depth == len(path):
            joined[path] = value
            continue
        inner = joined.setdefault(path[:depth], {})
        for segment in path[depth:-1]:
            assert isinstance(inner, dict)
            inner = inner.setdefault(segment, {})
        assert isinstance(inner, dict)
        inner[path[-1]] = value
    return joined


def _has(keys: KeySet, path: KeyPath, value: SettingValue) -> bool:
    """Whether the key is written with just that value, of just that type."""
    key = keys.keys.get(path)
    if key is None or isinstance(value, (dict, list)):
        return False
    written = key.fact.value
    return not isinstance(written, Section) and kind_of(written) == kind_of(value) and written == value


def _positions(keys: KeySet, path: KeyPath) -> list[str | int]:
    """The path as `editing` wants it: an item of a sequence by its number."""

    def is_item(depth: int) -> bool:
        parent = keys.keys.get(path[:depth])
        return parent is not None and parent.fact.value is Section.SEQUENCE

    return [int(step) if step.isdecimal() and is_item(depth) else step for depth, step in enumerate(path)]


def _is_read_from(keys: KeySet, document: DataDocument) -> bool:
    """Whether all keys stand in that document: a composed configuration's paths are not those of its files."""
    return all(key.location.path == document.path for key in keys)


def _go_together(edits: Sequence[Edit], document: DataDocument) -> bool:
    """Whether the text is sound after all of them: each was tried out alone only."""
    changes = [(edit.location.span, edit.content) for edit in edits]
    ordered = sorted(span for span, _ in changes)
    if any(after.start < before.end for before, after in pairwise(ordered)):
        return False
    from ftlint.syntax import parse_text
    from ftlint.syntax.editing import apply_to_text

    after = parse_text(document.path, apply_to_text(document.source.text, changes), document.format)
    return len(after.faults) <= len(document.faults)
