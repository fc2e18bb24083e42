"""From a document's tree to its keys: every setting with its path, its value as the loader reads it, and its place."""

from __future__ import annotations

from collections.abc import Callable

from ftlint.run.fact import UNKNOWN, Fact, KeyValue, Unknown
from ftlint.run.key import Key, KeyPath, KeySet, Section
from ftlint.spans import How, Origin, Span
from ftlint.syntax.document import DataDocument, DataNode, FaultCause, MappingNode, Scalar, SequenceNode, Source
from ftlint.syntax.scalars import ScalarValue
from ftlint.syntax.walk import is_merge_key, target_of

# Beyond this an alias bomb, or a data file that only looks like settings: its keys are not worth reading.
MAX_KEYS = 20_000
MAX_DEPTH = 40
# With these JSON is read to its end all the same.
_HARMLESS = (FaultCause.COMMENT, FaultCause.TRAILING_COMMA)


def read_keys(
    dialect: str, document: DataDocument, read: Callable[[Scalar], ScalarValue], root: DataNode | None = None
) -> KeySet:
    """The keys below `root` (default: the first document), scalars as `read` reads them; the last duplicate counts."""
    reader = _Reader(dialect, document.source, read)
    start = root if root is not None else (document.roots[0] if document.roots else None)
    if start is not None:
        reader.read(start, ())
    return KeySet(
        dialect=dialect,
        keys=reader.keys,
        defaults={},
        duplicates=tuple(reader.duplicates),
        complete=not any(fault.cause not in _HARMLESS for fault in document.faults) and not reader.is_full,
    )


class _Reader:
    """Walks one tree; the only mutable state is what it has found so far."""

    def __init__(self, dialect: str, source: Source, read: Callable[[Scalar], ScalarValue]) -> None:
        self._dialect = dialect
        self._source = source
        self._read_scalar = read
        self.keys: dict[KeyPath, Key] = {}
        self.duplicates: list[Key] = []
        self._num_left = MAX_KEYS
        self._children: dict[KeyPath, list[KeyPath]] = {}
        self._merging = 0
        self._merged_paths: set[KeyPath] = set()

    @property
    def is_full(self) -> bool:
        """Whether the document holds more than we read."""
        return self._num_left < 0

    def read(self, node: DataNode, path: KeyPath) -> None:
        # Each look counts, also at what was seen before: merges multiply without making new keys.
        self._num_left -= 1
        if len(path) > MAX_DEPTH:
            self._num_left = -1
        if self.is_full:
            return
        node = target_of(node)
        if isinstance(node, MappingNode):
            self._read_mapping(node, path)
        elif isinstance(node, SequenceNode):
            for index, item in enumerate(node.items):
                self._add((*path, str(index)), item, item.span, item.span)
                self.read(item, (*path, str(index)))

    def _read_mapping(self, node: MappingNode, path: KeyPath) -> None:
        # A merge key gives way to every key of the mapping itself, wherever it stands in the text.
        for entry in sorted(node.entries, key=lambda entry: not is_merge_key(entry.key)):
            if is_merge_key(entry.key):
                self._read_merged(entry.value, path)
                continue
            entry_path = (*path, entry.key.text)
            self._add(entry_path, entry.value, entry.span, entry.key.span)
            if entry.value is not None:
                self.read(entry.value, entry_path)

    def _read_merged(self, node: DataNode | None, path: KeyPath) -> None:
        if node is None:
            return
        self._merging += 1
        for merged in _merged(node):
            self.read(merged, path)
        self._merging -= 1

    def _add(self, path: KeyPath, node: DataNode | None, span: Span, name_span: Span) -> None:
        value_span = node.span if node is not None else Span(name_span.end, name_span.end)
        location = self._source.location(value_span)
        key = Key(
            dialect=self._dialect,
            path=path,
            fact=Fact(self._value(node), (Origin(How.WRITTEN, location, ".".join(path)),)),
            raw=self._source.slice(value_span),
            location=self._source.location(span),
            name_location=self._source.location(name_span),
            value_location=location,
        )
        if path in self.keys:
            self._overrule(path)
        self.keys[path] = key
        self._children.setdefault(path[:-1], []).append(path)
        if self._merging:
            self._merged_paths.add(path)
        else:
            self._merged_paths.discard(path)

    def _overrule(self, path: KeyPath) -> None:
        """Drops what was written at that path and below it; it is a duplicate unless a merge key brought it in."""
        key = self.keys.pop(path)
        if path not in self._merged_paths:
            self.duplicates.append(key)
        below = self._children.pop(path, [])
        while below:
            old = below.pop()
            self.keys.pop(old, None)
            below.extend(self._children.pop(old, ()))

    def _value(self, node: DataNode | None) -> KeyValue | Section | Unknown:
        found = target_of(node) if node is not None else None
        if isinstance(found, MappingNode):
            return Section.MAPPING
        if isinstance(found, SequenceNode):
            return Section.SEQUENCE
        if not isinstance(found, Scalar):
            return None
        value = self._read_scalar(found)
        return value if value is None or isinstance(value, bool | int | float | str) else UNKNOWN


def _merged(node: DataNode) -> tuple[DataNode, ...]:
    """The mappings a merge key brings in, the one that wins last."""
    node = target_of(node)
    return tuple(reversed(node.items)) if isinstance(node, SequenceNode) else (node,)
