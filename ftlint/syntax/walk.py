"""Ways through a data tree: bounded walks, merged mappings, plain values; an alias bomb ends at a limit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeAlias

from ftlint.syntax.document import AliasNode, DataNode, Entry, MappingNode, Scalar, SequenceNode, Style
from ftlint.syntax.limits import MAX_DEPTH, MAX_NODES
from ftlint.syntax.scalars import ScalarRules, ScalarValue, resolve

PlainValue: TypeAlias = "ScalarValue | dict[ScalarValue, PlainValue] | list[PlainValue]"


class TooManyNodesError(ValueError):
    """Expanding the aliases of a tree makes more nodes, or a deeper tree, than we follow."""


def target_of(node: DataNode) -> DataNode:
    """The node itself, or what an alias stands for."""
    while isinstance(node, AliasNode):
        node = node.target
    return node


def is_merge_key(key: Scalar) -> bool:
    """Whether a YAML key is the merge key `<<`."""
    return key.text == "<<" and (key.tag == "!!merge" or (key.tag is None and key.style is Style.PLAIN))


def walk(node: DataNode, max_nodes: int = MAX_NODES) -> Iterator[DataNode]:
    """The node and all below it, in order, keys left out and aliases not entered; stops at `max_nodes`."""
    stack = [node]
    while stack and max_nodes > 0:
        current = stack.pop()
        max_nodes -= 1
        yield current
        if isinstance(current, MappingNode):
            stack.extend(entry.value for entry in reversed(current.entries) if entry.value is not None)
        elif isinstance(current, SequenceNode):
            stack.extend(reversed(current.items))


def merged_entries(mapping: MappingNode, max_entries: int = MAX_NODES) -> tuple[Entry, ...]:
    """The entries that PyYAML constructs from, in its order: those merged in by `<<` first, the last of a name wins.

    Raises TooManyNodesError where merges multiply beyond `max_entries`, or follow each other deeper than we read.
    """
    if not any(is_merge_key(entry.key) for entry in mapping.entries):
        return mapping.entries
    return tuple(_Merger(max_entries).entries(mapping, 0))


class _Merger:
    """Counts what one merge looks at."""

    def __init__(self, max_entries: int) -> None:
        self._left = max_entries

    def entries(self, mapping: MappingNode, depth: int) -> list[Entry]:
        self._left -= 1 + len(mapping.entries)
        if self._left < 0 or depth > MAX_DEPTH:
            raise TooManyNodesError("merge keys make the file too large to expand")
        merged: list[Entry] = []
        own: list[Entry] = []
        for entry in mapping.entries:
            if not is_merge_key(entry.key):
                own.append(entry)
                continue
            value = target_of(entry.value) if entry.value is not None else None
            # Of a list of mappings the first one wins, so it has to come last.
            parts = reversed(value.items) if isinstance(value, SequenceNode) else (value,)
            for part in parts:
                node = target_of(part) if part is not None else None
                if isinstance(node, MappingNode):
                    merged.extend(self.entries(node, depth + 1))
        return merged + own


def entry_of(mapping: MappingNode, name: str) -> Entry | None:
    """The entry that decides `name`: the last of that name, else the one merged in by `<<`.

    None where there is none, or where merges are too many to look through.
    """
    own = next((entry for entry in reversed(mapping.entries) if entry.key.text == name), None)
    if own is not None:
        return own
    try:
        return next((entry for entry in reversed(merged_entries(mapping)) if entry.key.text == name), None)
    except TooManyNodesError:
        return None


def node_at(root: DataNode, path: Sequence[str | int]) -> DataNode | None:
    """The node at a path of keys and list positions, through aliases and merges; None where there is none."""
    node: DataNode | None = root
    for step in path:
        node = target_of(node) if node is not None else None
        if isinstance(node, MappingNode) and isinstance(step, str):
            entry = entry_of(node, step)
            node = entry.value if entry else None
        elif isinstance(node, SequenceNode) and isinstance(step, int) and -len(node.items) <= step < len(node.items):
            node = node.items[step]
        else:
            return None
    return node


def plain_value(
    node: DataNode | None, rules: ScalarRules, max_nodes: int = MAX_NODES, *, text_keys: bool = False
) -> PlainValue:
    """What the loader makes of a tree: dicts, lists and scalars, aliases expanded and the last of equal keys kept.

    `text_keys`: keys are their text, also where the loader reads a number or a boolean (`on:`).
    Raises TooManyNodesError where that grows beyond `max_nodes`, or deeper than we read.
    """
    return _Builder(rules, max_nodes, text_keys).build(node, 0)


class _Builder:
    """Counts the nodes of one expansion."""

    def __init__(self, rules: ScalarRules, max_nodes: int, text_keys: bool) -> None:
        self._text_keys = text_keys or rules in (ScalarRules.JSON, ScalarRules.HJSON)
        self._rules = rules
        self._left = max_nodes

    def build(self, node: DataNode | None, depth: int) -> PlainValue:
        self._left -= 1
        if self._left < 0 or depth > MAX_DEPTH:
            raise TooManyNodesError("aliases make the file too large to expand")
        node = target_of(node) if node is not None else None
        if node is None:
            return None
        if isinstance(node, Scalar):
            return resolve(node, self._rules)
        if isinstance(node, SequenceNode):
            return [self.build(item, depth + 1) for item in node.items]
        assert isinstance(node, MappingNode)  # an alias has been followed above
        is_yaml = self._rules not in (ScalarRules.JSON, ScalarRules.HJSON)
        entries = merged_entries(node, max(self._left, 0)) if is_yaml else node.entries
        return {self._key(entry.key): self.build(entry.value, depth + 1) for entry in entries}

    def _key(self, key: Scalar) -> ScalarValue:
        if self._text_keys:
            return key.text
        # PyYAML reads the key `=` as text.
        return key.text if key.text == "=" and key.tag is None else resolve(key, self._rules)
