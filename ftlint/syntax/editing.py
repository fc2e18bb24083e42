"""Changes of keys and values as text edits that keep comments and formatting.

Every change is tried out: the edited text is read again, and unless it holds exactly the wanted data there is no edit.
So what these functions cannot do they do not do, and a caller that gets no edits offers no fix.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterable, Sequence

from ftlint.findings import Edit
from ftlint.spans import Span
from ftlint.syntax import parse_text
from ftlint.syntax.calls import add_keyword, remove_keyword, replace_keyword_value
from ftlint.syntax.data_edits import Change, Layout, Path
from ftlint.syntax.document import DataDocument, FaultCause, Format
from ftlint.syntax.rendering import WritableValue
from ftlint.syntax.scalars import ScalarRules
from ftlint.syntax.walk import TooManyNodesError, plain_value

__all__ = [
    "WritableValue",
    "add_keyword",
    "apply_to_text",
    "delete_key",
    "delete_writing",
    "remove_keyword",
    "rename_key",
    "replace_keyword_value",
    "set_value",
]

# Faults under which the tree is still all of the text.
_HARMLESS = frozenset(
    [
        FaultCause.COMMENT,
        FaultCause.TRAILING_COMMA,
        FaultCause.BYTE_ORDER_MARK,
        FaultCause.ENCODING,
        FaultCause.UNKNOWN_TAG,
        FaultCause.UNHASHABLE_KEY,
    ]
)


def set_value(document: DataDocument, path: Path, value: WritableValue, root: int = 0) -> tuple[Edit, ...]:
    """Edits that give the key at `path` this value: replaced where it is, else put in, with the mappings around it.

    `root` is the position of the YAML document. Empty where there is no such edit, or nothing to change.
    """
    return _tried(document, root, lambda layout: layout.set(path, value, root), lambda data: _with(data, path, value))


def delete_key(document: DataDocument, path: Path, root: int = 0) -> tuple[Edit, ...]:
    """Edits that take out the key (in all its duplicates) or list item at `path`; empty where there is no such edit."""
    return _tried(document, root, lambda layout: layout.delete(path, root), lambda data: _without(data, path))


def delete_writing(document: DataDocument, path: Path, span: Span, root: int = 0) -> tuple[Edit, ...]:
    """Edits that take out one of several writings of the key at `path`: the one at `span`, which a later one overrules.

    What is loaded stays the same. Empty where there is no such edit.
    """
    return _tried(document, root, lambda layout: layout.delete(path, root, only=span), lambda data: data)


def rename_key(document: DataDocument, path: Path, name: str, root: int = 0) -> tuple[Edit, ...]:
    """Edits that give the key at `path` another name; empty where there is no such edit, or the name is taken."""
    return _tried(
        document, root, lambda layout: layout.rename(path, name, root), lambda data: _renamed(data, path, name)
    )


def apply_to_text(text: str, changes: Iterable[tuple[Span, str]]) -> str:
    """The text after changes that do not overlap; several insertions at one point stand in the order given."""
    pieces: list[str] = []
    done = 0
    for span, content in sorted(changes, key=lambda change: change[0]):
        pieces += [text[done : span.start], content]
        done = span.end
    return "".join([*pieces, text[done:]])


def _tried(
    document: DataDocument,
    root: int,
    make: Callable[[Layout], list[Change]],
    change: Callable[[object], object],
) -> tuple[Edit, ...]:
    """The edits, if the edited text holds exactly the changed data and has no new kind of fault."""
    if not _is_sound(document):
        return ()
    line_end = "\r\n" if "\r\n" in document.source.text else "\n"
    changes = [(span, content.replace("\n", line_end)) for span, content in make(Layout(document))]
    if not changes:
        return ()
    edited = parse_text(document.path, apply_to_text(document.source.text, changes), document.format)
    if not isinstance(edited, DataDocument) or not _is_sound(edited):
        return ()
    try:
        wanted: list[object] = [*_data(document)] or [None]
        wanted[root] = change(wanted[root])
        if _canonical(_data(edited) or [None]) != _canonical(wanted):
            return ()
    except (TooManyNodesError, LookupError, TypeError):  # too large to compare, or a path that leads nowhere
        return ()
    return tuple(Edit(document.source.location(span), content) for span, content in sorted(changes, key=_place))


def _place(change: Change) -> Span:
    return change[0]


def _is_sound(document: DataDocument) -> bool:
    return all(fault.cause in _HARMLESS for fault in document.faults)


def _data(document: DataDocument) -> list[object]:
    rules = ScalarRules.JSON if document.format is Format.JSON else ScalarRules.PYYAML
    return [plain_value(root, rules, text_keys=True) for root in document.roots]


def _canonical(data: object) -> str:
    """Equal for equal data only: neither 1 and True nor 1 and 1.0, and NaN equals NaN."""
    return json.dumps(data, sort_keys=True, default=repr)


def _with(data: object, path: Path, value: WritableValue) -> object:
    """`data` after the assignment, with the mappings that it needs."""
    if not path:
        return value
    name, rest = path[0], path[1:]
    if isinstance(name, int):
        if not isinstance(data, list):
            raise TypeError("a list position in something that is no list")
        items = list(data)
        items[name] = _with(items[name], rest, value)
        return items
    members = {} if data is None else data
    if not isinstance(members, dict):
        raise TypeError("a key of something that is no mapping")
    return {**members, name: _with(members.get(name), rest, value)}


def _without(data: object, path: Path) -> object:
    """`data` without what stands at the path."""
    *parents, name = path
    changed = copy.deepcopy(data)
    container = _at(changed, parents)
    del container[name]
    return changed


def _renamed(data: object, path: Path, name: str) -> object:
    """`data` with another name for the key at the path."""
    *parents, old = path
    changed = copy.deepcopy(data)
    container = _at(changed, parents)
    if name in container:
        raise LookupError(f"there is a key {name!r} already")
    container[name] = container.pop(old)
    return changed


def _at(data: object, path: Sequence[str | int]) -> dict[str | int, object]:
    """The mapping (or list, which behaves alike here) at a path of freshly copied data."""
    for name in path:
        data = data[name]  # type: ignore[index]  # a TypeError where the path leads nowhere is the caller's answer
    if not isinstance(data, dict | list):
        raise TypeError("the path leads to a scalar")
    return data  # type: ignore[return-value]  # a list takes the int keys that come with it
