"""What several tests need to look into a document."""

from __future__ import annotations

from pathlib import Path

from ftlint.syntax import parse_text
from ftlint.syntax.document import AliasNode, DataDocument, DataNode, Format, MappingNode, Scalar, SequenceNode


def parse_data(text: str, format: Format) -> DataDocument:
    document = parse_text(Path("file"), text, format)
    assert isinstance(document, DataDocument)
    return document


def texts(node: DataNode | None) -> object:
    """A tree as plain dicts and lists of the scalars' texts; an alias as its name."""
    if isinstance(node, MappingNode):
        return {entry.key.text: texts(entry.value) for entry in node.entries}
    if isinstance(node, SequenceNode):
        return [texts(item) for item in node.items]
    if isinstance(node, AliasNode):
        return f"*{node.name}"
    return None if node is None else node.text


def check_spans(document: DataDocument) -> None:
    """Every span lies in the text and in its parent's, and a scalar's raw text is the text at its span."""
    length = len(document.source.text)
    pending: list[tuple[DataNode, int, int]] = [(root, 0, length) for root in document.roots]
    while pending:
        node, start, end = pending.pop()
        assert start <= node.span.start <= node.span.end <= end, node
        if isinstance(node, Scalar):
            assert document.source.slice(node.span) == node.raw
        elif isinstance(node, SequenceNode):
            pending += [(item, node.span.start, node.span.end) for item in node.items]
        elif isinstance(node, MappingNode):
            for entry in node.entries:
                assert node.span.start <= entry.span.start <= entry.span.end <= node.span.end, entry
                pending.append((entry.key, entry.span.start, entry.span.end))
                if entry.value is not None:
                    pending.append((entry.value, entry.span.start, entry.span.end))
    for comment in document.comments:
        assert document.source.slice(comment.span) == comment.text
    for fault in document.faults:
        assert 0 <= fault.location.span.start <= fault.location.span.end <= length
