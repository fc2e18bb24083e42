"""Where in a JSON or YAML text a change of its data has to be made; knows the layout, not whether it worked."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TypeAlias

from ftlint.spans import Span
from ftlint.syntax.document import DataDocument, DataNode, Entry, Format, MappingNode, Scalar, SequenceNode, Style
from ftlint.syntax.rendering import (
    WritableValue,
    is_collection,
    render_block,
    render_flow,
    render_indented_json,
    render_scalar,
)
from ftlint.syntax.scalars import ScalarRules, resolve

Change: TypeAlias = "tuple[Span, str]"
Path: TypeAlias = "Sequence[str | int]"

_REST_OF_LINE = re.compile(r"[^\r\n]*")
_LINE_END = re.compile(r"\r\n|\n|\r|\Z")
_SPACE_OR_COMMENT = r"(?:\s|#[^\r\n]*|//[^\r\n]*|/\*.*?\*/)*"
_COMMA = re.compile(_SPACE_OR_COMMENT + ",", re.DOTALL)
_COLON = re.compile(_SPACE_OR_COMMENT + ":", re.DOTALL)
_ONLY_COMMENT = re.compile(r"[ \t]*(?:(?:#|//)[^\r\n]*|/\*(?:(?!\*/)[^\r\n])*\*/[ \t]*)?(?=[\r\n]|\Z)")
_TAG_BEFORE = re.compile(r"![^\s,\[\]{}]*\s+\Z")


class Step:
    """A node on the way along a path, and how it hangs on its parent."""

    __slots__ = ("entry", "in_flow", "node", "parent")

    def __init__(self, node: DataNode, parent: DataNode | None, entry: Entry | None, in_flow: bool) -> None:
        self.node = node
        self.parent = parent
        self.entry = entry
        self.in_flow = in_flow
        """Whether the node stands inside of brackets, so that it cannot be a block."""


class Layout:
    """The text of one document as a place for changes."""

    def __init__(self, document: DataDocument) -> None:
        self.document = document
        self.text = document.source.text
        self.is_json = document.format is Format.JSON
        self.unit = self._indent_unit()

    def set(self, path: Path, value: WritableValue, root: int) -> list[Change]:
        """Replaces the value at `path`, or puts it in with what is missing on the way."""
        if not self.document.roots and not self.is_json:
            return self._first_content(_nested(path, value))
        steps, rest = self._follow(path, root)
        if not steps:
            return []
        last = steps[-1]
        if not rest:
            return self._replace(last, value)
        if not all(isinstance(step, str) for step in rest):
            return []
        if isinstance(last.node, MappingNode):
            return self._insert(last, str(rest[0]), _nested(rest[1:], value))
        if isinstance(last.node, Scalar) and self._is_null(last.node):
            return self._replace(last, _nested(rest, value))
        return []

    def delete(self, path: Path, root: int, only: Span | None = None) -> list[Change]:
        """Takes out the list item or all entries of the key at `path`, or the `only` one of them at that span."""
        steps, rest = self._follow(path, root)
        if rest or len(steps) < 2:
            return []
        parent, name = steps[-2], path[-1]
        if isinstance(parent.node, MappingNode):
            children = [entry.span for entry in parent.node.entries]
            named = [place for place, entry in enumerate(parent.node.entries) if entry.key.text == name]
            removed = [place for place in named if only is None or children[place] == only]
            if not removed:
                return []
            empty: WritableValue = {}
        elif isinstance(parent.node, SequenceNode) and isinstance(name, int):
            children = [item.span for item in parent.node.items]
            removed = [name % len(children)]
            empty = []
        else:
            return []
        if len(removed) == len(children):
            return self._replace(parent, empty)
        if parent.in_flow or parent.node.flow:
            return list(self._flow_removals(children, removed))
        if isinstance(parent.node, SequenceNode):
            ends = [parent.node.span.start, *(span.end for span in children)]
            dashes = [self.text.find("-", ends[place]) for place in range(len(children))]
            children = [Span(dash, max(span.end, dash + 1)) for dash, span in zip(dashes, children, strict=True)]
        return list(self._block_removals(children, removed))

    def rename(self, path: Path, name: str, root: int) -> list[Change]:
        """Gives the key at `path` another name, in the quotes it has."""
        steps, rest = self._follow(path, root)
        if rest or not steps or steps[-1].entry is None:
            return []
        key = steps[-1].entry.key
        return [(key.span, render_scalar(name, self.document.format, key.style))]

    def _follow(self, path: Path, root: int) -> tuple[list[Step], Path]:
        """The nodes along `path`, the root first, and what of the path is left; never through an alias or a merge."""
        if not 0 <= root < len(self.document.roots):
            return [], path
        steps = [Step(self.document.roots[root], None, None, self.is_json)]
        for index, name in enumerate(path):
            node = steps[-1].node
            in_flow = steps[-1].in_flow or (not isinstance(node, Scalar) and getattr(node, "flow", False))
            if isinstance(node, MappingNode) and isinstance(name, str):
                entry = next((entry for entry in reversed(node.entries) if entry.key.text == name), None)
                if entry is None or entry.value is None:
                    return steps, path[index:]
                steps.append(Step(entry.value, node, entry, in_flow))
            elif (
                isinstance(node, SequenceNode) and isinstance(name, int) and -len(node.items) <= name < len(node.items)
            ):
                steps.append(Step(node.items[name], node, None, in_flow))
            else:
                return steps, path[index:]
        return steps, ()

    def _is_null(self, scalar: Scalar) -> bool:
        return resolve(scalar, ScalarRules.JSON if self.is_json else ScalarRules.PYYAML) is None

    # Places in the text

    def _line_start(self, offset: int) -> int:
        return max(self.text.rfind("\n", 0, offset), self.text.rfind("\r", 0, offset)) + 1

    def _line_end(self, offset: int) -> int:
        match = _REST_OF_LINE.match(self.text, offset)
        assert match is not None  # it matches the empty text as well
        return match.end()

    def _next_line(self, offset: int) -> int:
        match = _LINE_END.search(self.text, offset)
        assert match is not None  # it matches at the end of the text
        return match.end()

    def _indent(self, offset: int) -> str:
        """The white space before the text of the line around `offset`."""
        start = self._line_start(offset)
        line = self.text[start:offset]
        return line[: len(line) - len(line.lstrip())]

    def _column(self, offset: int) -> str:
        """As much white space as stands before `offset` in its line, whatever else does."""
        return " " * (offset - self._line_start(offset))

    def _indent_unit(self) -> str:
        """By what a level is indented in this document: of its first nested level, else two spaces."""
        stack = list(reversed(self.document.roots))
        while stack:
            node = stack.pop()
            if isinstance(node, SequenceNode):
                stack.extend(reversed(node.items))
            if not isinstance(node, MappingNode) or not node.entries:
                continue
            own = self._column_width(node.entries[0].span.start)
            if self.is_json:
                start = self._line_start(node.entries[0].span.start)
                if start <= node.span.start:
                    return ""  # the first object is written in one line: go on like that
                before = self._indent(node.span.start)
                return self._indent(node.entries[0].span.start)[len(before) :] or "  "
            for entry in node.entries:
                child = entry.value
                if isinstance(child, MappingNode) and child.entries and not child.flow and not node.flow:
                    return " " * max(self._column_width(child.entries[0].span.start) - own, 1)
                if isinstance(child, SequenceNode):
                    stack.append(child)
        return "" if self.is_json else "  "

    def _column_width(self, offset: int) -> int:
        return offset - self._line_start(offset)

    # Putting in

    def _first_content(self, value: WritableValue) -> list[Change]:
        """The first content of a YAML file that holds none, or only comments."""
        if not is_collection(value):
            return []
        end = len(self.text)
        gap = "" if self._line_start(end) == end else "\n"
        return [(Span(end, end), gap + "\n".join(render_block(value, "", self.unit)) + "\n")]

    def _replace(self, step: Step, value: WritableValue) -> list[Change]:
        node = step.node
        start = node.span.start
        if isinstance(node, Scalar) and node.tag is not None:
            tag = _TAG_BEFORE.search(self.text, self._line_start(start), start)
            start = tag.start() if tag else start
        span = Span(start, node.span.end)
        if step.in_flow:
            return [self._spaced(span, self._flow_text(value, start))]
        if step.entry is None:  # an item or a root: it begins where it stands
            return [self._spaced(span, self._item_text(value, self._column(start)))]
        colon = _COLON.match(self.text, step.entry.key.span.end)
        if colon is None:
            return []
        key_line_end = self._line_end(colon.end())
        below = start > key_line_end
        if not is_collection(value):
            style = node.style if isinstance(node, Scalar) else Style.PLAIN
            text = render_scalar(value, Format.YAML, style)
            if below:
                return [(Span(colon.end(), colon.end()), " " + text), (Span(key_line_end, span.end), "")]
            return [self._spaced(span, text)]
        indent = self._column(step.entry.key.span.start) + self.unit
        block = "\n" + "\n".join(render_block(value, indent, self.unit))
        if below:
            return [(Span(key_line_end, span.end), block)]
        after = self._line_end(span.end)
        return [(Span(colon.end(), span.end), ""), (Span(after, after), block)]

    def _spaced(self, span: Span, text: str) -> Change:
        """A replacement that does not run into the colon or dash before an empty value."""
        before = self.text[span.start - 1 : span.start]
        return (span, f" {text}" if span.start == span.end and before in (":", "-", ",") else text)

    def _flow_text(self, value: WritableValue, start: int) -> str:
        if self.is_json:
            return render_indented_json(value, self._indent(start), self.unit)
        return render_flow(value, Format.YAML)

    def _item_text(self, value: WritableValue, indent: str) -> str:
        if not is_collection(value):
            return render_scalar(value, Format.YAML)
        return "\n".join(render_block(value, indent, self.unit))[len(indent) :]

    def _insert(self, step: Step, name: str, value: WritableValue) -> list[Change]:
        """Puts a new key at the end of a mapping."""
        mapping = step.node
        assert isinstance(mapping, MappingNode)  # the caller looked
        key_style = mapping.entries[-1].key.style if mapping.entries else Style.PLAIN
        if mapping.flow:
            return self._insert_in_flow(mapping, name, value, key_style)
        last = mapping.entries[-1]
        indent = self._column(mapping.entries[0].span.start)
        head = f"{indent}{render_scalar(name, Format.YAML, key_style)}:"
        if is_collection(value):
            lines = [head, *render_block(value, indent + self.unit, self.unit)]
        else:
            lines = [f"{head} {render_scalar(value, Format.YAML)}"]
        place = self._line_end(last.span.end)
        return [(Span(place, place), "\n" + "\n".join(lines))]

    def _insert_in_flow(self, mapping: MappingNode, name: str, value: WritableValue, key_style: Style) -> list[Change]:
        key = render_scalar(name, self.document.format, key_style)
        outer = self._indent(mapping.span.start)
        if not mapping.entries:
            if not (self.is_json and self.unit):
                return [(mapping.span, f"{{{key}: {self._flow_text(value, mapping.span.start)}}}")]
            inner = outer + self.unit
            member = f"{key}: {render_indented_json(value, inner, self.unit)}"
            return [(mapping.span, f"{{\n{inner}{member}\n{outer}}}")]
        first, last = mapping.entries[0], mapping.entries[-1]
        between = self._between_key_and_value(last)
        comma = _COMMA.match(self.text, last.span.end, mapping.span.end)
        if self._line_start(first.span.start) <= mapping.span.start:
            member = f"{key}{between}{render_flow(value, self.document.format, key_style)}"
            if comma:
                return [(Span(comma.end(), comma.end()), f" {member}")]
            return [(Span(last.span.end, last.span.end), f", {member}")]
        indent = self._indent(first.span.start)
        text = (
            render_indented_json(value, indent, self.unit or "  ") if self.is_json else render_flow(value, Format.YAML)
        )
        member = f"\n{indent}{key}{between}{text}"
        # A comment behind the last entry stays behind it: the comma goes before, the new line after it.
        place = comma.end() if comma else last.span.end
        behind = _ONLY_COMMENT.match(self.text, place)
        line_end = behind.end() if behind else place
        changes = [] if comma else [(Span(place, place), ",")]
        return [*changes, (Span(line_end, line_end), member + ("," if comma else ""))]

    def _between_key_and_value(self, entry: Entry) -> str:
        """How this mapping separates key and value: `: `, mostly."""
        if entry.value is None:
            return ": "
        between = self.text[entry.key.span.end : entry.value.span.start]
        return between if between.strip() == ":" and len(between) < 4 and "\n" not in between else ": "

    # Taking out

    def _flow_removals(self, children: Sequence[Span], removed: Sequence[int]) -> Iterator[Change]:
        kept = [place for place in range(len(children)) if place not in removed]
        tail = [place for place in removed if not kept or place > kept[-1]]
        last_comma = _COMMA.match(self.text, children[-1].end)
        if tail and not _has_line_end(self.text[children[kept[-1]].end : children[-1].end]):
            yield Span(children[kept[-1]].end, children[-1].end), ""
            removed = [place for place in removed if place not in tail]
        elif tail and last_comma is None:
            comma = _COMMA.match(self.text, children[kept[-1]].end)
            if comma:
                yield Span(comma.end() - 1, comma.end()), ""
        for place in removed:
            span = children[place]
            comma = _COMMA.match(self.text, span.end)
            end = comma.end() if comma else span.end
            line_start = self._line_start(span.start)
            behind = _ONLY_COMMENT.match(self.text, end)
            if behind and not self.text[line_start : span.start].strip():
                yield Span(line_start, self._next_line(behind.end())), ""
            elif place + 1 < len(children) and not _has_line_end(self.text[span.end : children[place + 1].start]):
                yield Span(span.start, children[place + 1].start), ""
            else:
                yield Span(span.start, end), ""

    def _block_removals(self, children: Sequence[Span], removed: Sequence[int]) -> Iterator[Change]:
        following = len(children)
        for place in reversed(range(len(children))):
            span = children[place]
            line_start = self._line_start(span.start)
            if place not in removed:
                following = place
            elif not self.text[line_start : span.start].strip():
                yield Span(line_start, self._next_line(span.end)), ""
            elif following < len(children):  # `- a: 1`: the dash stays for what comes next
                yield Span(span.start, children[following].start), ""


def _has_line_end(text: str) -> bool:
    return "\n" in text or "\r" in text


def _nested(path: Path, value: WritableValue) -> WritableValue:
    """`value` inside of one mapping per name of `path`."""
    for name in reversed(path):
        value = {str(name): value}
    return value
