"""Events of a YAML parser become our tree, with every span brought back to the text as the user wrote it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from ftlint.spans import Span
from ftlint.syntax.document import (
    AliasNode,
    DataNode,
    Entry,
    FaultCause,
    MappingNode,
    Scalar,
    SequenceNode,
    Source,
    Style,
    SyntaxFault,
)
from ftlint.syntax.limits import MAX_DEPTH
from ftlint.syntax.walk import is_merge_key, target_of

if TYPE_CHECKING:
    from ftlint.syntax.yaml_repair import Mended


class Mark(Protocol):
    """A place in the text; `index` counts code points."""

    index: int


class Event(Protocol):
    """What libyaml's binding and PyYAML's own parser hand out alike; each class has some of the attributes."""

    start_mark: Mark
    end_mark: Mark
    anchor: str | None
    tag: str | None
    value: str
    style: str | None
    flow_style: bool | None


_STANDARD_TAG = "tag:yaml.org,2002:"
_SAFE_NAMES = ("null", "bool", "int", "float", "binary", "timestamp", "omap", "pairs", "set", "str", "seq", "map")
_SAFE_TAGS = frozenset(["!", *(f"!!{name}" for name in _SAFE_NAMES)])
# What a node may carry before its text: `!tag`, `&anchor`, and the white space and comments after them.
_PROPERTIES = re.compile(r"(?:(?:![^\s,\[\]{}]*|!<[^>]*>|&[^\s,\[\]{}]+)(?:\s+(?:#[^\r\n]*)?)*)+")
_COLON = re.compile(r"(?:\s|#[^\r\n]*)*:")
_REST_OF_LINE = re.compile(r"[^\r\n]*")
_STYLES = {None: Style.PLAIN, "'": Style.SINGLE_QUOTED, '"': Style.DOUBLE_QUOTED, "|": Style.LITERAL, ">": Style.FOLDED}


class _Open:
    """A collection whose end has not come yet."""

    __slots__ = ("anchor", "children", "entries", "flow", "is_mapping", "key", "start")

    def __init__(self, start: int, *, is_mapping: bool, flow: bool, anchor: str | None) -> None:
        self.start = start
        self.is_mapping = is_mapping
        self.flow = flow
        self.anchor = anchor
        self.children: list[DataNode] = []
        self.entries: list[Entry] = []
        self.key: Scalar | None = None


class TreeBuilder:
    """Takes the events of one text and keeps the documents' roots, the scalars in order, and the faults."""

    def __init__(self, source: Source, mended: Mended) -> None:
        self.faults: list[SyntaxFault] = []
        self.scalars: list[Scalar] = []
        self.num_nodes = 0
        self.is_full = False
        self._source = source
        self._text = source.text
        self._mended = mended
        self._insertions = mended.insertions
        self._roots: list[DataNode] = []
        self._stack: list[_Open] = []
        self._anchors: dict[str, DataNode] = {}
        self._handlers: dict[str, Callable[[Event], None]] = {
            "ScalarEvent": self._scalar,
            "MappingStartEvent": self._mapping_start,
            "SequenceStartEvent": self._sequence_start,
            "MappingEndEvent": self._collection_end,
            "SequenceEndEvent": self._collection_end,
            "AliasEvent": self._alias,
            "DocumentStartEvent": self._document_start,
        }

    @property
    def roots(self) -> tuple[DataNode, ...]:
        """One node per YAML document that holds any."""
        return tuple(self._roots)

    def feed(self, event: Event) -> None:
        """Takes the next event."""
        # By name: importing the classes costs what importing yaml costs, and this module must not.
        handler = self._handlers.get(event.__class__.__name__)
        if handler is not None:
            handler(event)

    def close(self) -> None:
        """Ends what is still open, where its last child ends: the text broke off, or stumbled."""
        while self._stack:
            self._end_collection(None)

    def _fault(self, span: Span, message: str, cause: FaultCause) -> None:
        self.faults.append(SyntaxFault(self._source.location(span), message, cause))

    def _document_start(self, event: Event) -> None:
        self._anchors = {}

    def _scalar(self, event: Event) -> None:
        mark = start = event.start_mark.index
        end = event.end_mark.index
        if self._insertions:
            start, end = self._mended.to_source(start), self._mended.to_source(end)
        style = _STYLES[event.style or None]
        tag, anchor = None, event.anchor
        if event.tag is not None or anchor is not None:
            begin, start = start, min(self._after_properties(start), end)
            tag = self._tag(event.tag, begin, start)
        missing = False
        if style is Style.PLAIN:
            if start == end:
                start = end = self._place_of_nothing(start, has_properties=event.tag is not None or anchor is not None)
                missing = self._was_blanked(start, mark)
        elif style is Style.LITERAL or style is Style.FOLDED:
            end = start + len(self._text[start:end].rstrip())
        scalar = Scalar(Span(start, end), self._text[start:end], event.value, style, tag)
        self.scalars.append(scalar)
        self._add(scalar, anchor, missing)

    def _was_blanked(self, place: int, mark: int) -> bool:
        """Whether an empty value is empty only because the text was mended there."""
        if self._mended.text is self._source.text:
            return False
        if self._mended.is_insertion(mark):
            return True
        match = _REST_OF_LINE.match(self._text, place)
        rest = match[0].strip() if match else ""
        return bool(rest) and not rest.startswith(("#", ",", "}", "]"))

    def _place_of_nothing(self, mark: int, *, has_properties: bool) -> int:
        """Where an empty value stands: after the colon or the dash that announces it, wherever the parser marks it."""
        if has_properties or not self._stack:
            return mark
        top = self._stack[-1]
        if top.key is not None:
            colon = _COLON.match(self._text, top.key.span.end)
            return colon.end() if colon else top.key.span.end
        if top.is_mapping:
            return mark
        after = top.children[-1].span.end if top.children else top.start
        dash = self._text.find("-", after)
        return dash + 1 if 0 <= dash < mark else mark

    def _after_properties(self, start: int) -> int:
        match = _PROPERTIES.match(self._text, start)
        return match.end() if match else start

    def _tag(self, tag: str | None, start: int, end: int) -> str | None:
        """The tag in its short form, with a fault for one that yaml.safe_load cannot construct."""
        if tag is None:
            return None
        short = "!!" + tag[len(_STANDARD_TAG) :] if tag.startswith(_STANDARD_TAG) else tag
        if short not in _SAFE_TAGS:
            span = Span(start, start + len(self._text[start:end].rstrip()))
            self._fault(span, f"yaml.safe_load fails: it knows no tag {short}", FaultCause.UNKNOWN_TAG)
        return short

    def _mapping_start(self, event: Event) -> None:
        self._collection_start(event, is_mapping=True)

    def _sequence_start(self, event: Event) -> None:
        self._collection_start(event, is_mapping=False)

    def _collection_start(self, event: Event, *, is_mapping: bool) -> None:
        start = self._mended.to_source(event.start_mark.index)
        if event.tag is not None or event.anchor is not None:
            begin, start = start, self._after_properties(start)
            self._tag(event.tag, begin, start)
        if len(self._stack) >= MAX_DEPTH:
            self._fault(Span(start, start + 1), f"values are nested more than {MAX_DEPTH} deep", FaultCause.LIMIT)
            self.is_full = True
            self._stack.clear()
            self._roots.clear()
            return
        opened = _Open(start, is_mapping=is_mapping, flow=bool(event.flow_style), anchor=event.anchor)
        self._stack.append(opened)

    def _collection_end(self, event: Event) -> None:
        self._end_collection(self._mended.to_source(event.end_mark.index))

    def _end_collection(self, end: int | None) -> None:
        """Makes a node of the collection on top; `end` is None where the text broke off."""
        top = self._stack.pop()
        if top.key is not None:  # only a text that broke off leaves a key without a value
            top.entries.append(Entry(top.key, None, top.key.span))
        if top.is_mapping:
            last = top.entries[-1].span.end if top.entries else top.start
            # The parser ends a block where the next token begins, after comments and blank lines that are not its own.
            end = end if top.flow and end is not None else last
            start = top.start if top.flow or not top.entries else min(top.start, top.entries[0].span.start)
            node: DataNode = MappingNode(Span(start, max(end, start)), tuple(top.entries), top.flow)
        else:
            last = top.children[-1].span.end if top.children else top.start
            end = end if top.flow and end is not None else last
            node = SequenceNode(Span(top.start, max(end, top.start)), tuple(top.children), top.flow)
        self._add(node, top.anchor)

    def _alias(self, event: Event) -> None:
        span = Span(self._mended.to_source(event.start_mark.index), self._mended.to_source(event.end_mark.index))
        name = event.anchor or ""
        target = self._anchors.get(name)
        if target is None:
            self._fault(span, f"the alias *{name} refers to no anchor before it", FaultCause.UNKNOWN_ALIAS)
            target = Scalar(Span(span.end, span.end), "", "", Style.PLAIN)
        self._add(AliasNode(span, name, target), None)

    def _add(self, node: DataNode, anchor: str | None, missing: bool = False) -> None:
        """Puts a finished node where it belongs: a key, a value, an item or a root."""
        self.num_nodes += 1
        if anchor is not None:
            self._anchors[anchor] = node
        if not self._stack:
            self._roots.append(node)
            return
        top = self._stack[-1]
        if not top.is_mapping:
            top.children.append(node)
            return
        key = top.key
        if key is None:
            top.key = node if isinstance(node, Scalar) else self._as_key(node)
            return
        if key.text == "<<":
            self._check_merge(key, node)
        start, end = key.span.start, key.span.end if missing else node.span.end
        top.entries.append(Entry(key, None if missing else node, Span(start, end)))
        top.key = None

    def _as_key(self, node: DataNode) -> Scalar:
        """A key that is no scalar as one; one that is a collection is kept as its text, and reported."""
        raw = self._text[node.span.start : node.span.end]
        if isinstance(node, AliasNode) and isinstance(node.target, Scalar):
            return Scalar(node.span, raw, node.target.text, node.target.style, node.target.tag)
        self._fault(node.span, f"yaml.safe_load fails: {raw[:40]!r} cannot be a key", FaultCause.UNHASHABLE_KEY)
        return Scalar(node.span, raw, raw, Style.PLAIN)

    def _check_merge(self, key: Scalar, value: DataNode) -> None:
        """`<<` takes a mapping, or a list of mappings."""
        if not is_merge_key(key):
            return
        value = target_of(value)
        parts = value.items if isinstance(value, SequenceNode) else (value,)
        if not all(isinstance(target_of(part), MappingNode) for part in parts):
            message = "yaml.safe_load fails: << takes a mapping, or a list of mappings"
            self._fault(key.span, message, FaultCause.BAD_MERGE)
