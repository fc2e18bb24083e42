"""Finds the line of an .ipynb file on which a row of a cell's source is written."""

from __future__ import annotations

from ftlint.syntax.document import DataNode, MappingNode, Scalar, SequenceNode, Source
from ftlint.syntax.json import parse_json
from ftlint.syntax.positions import LineIndex


def notebook_row(source: Source, cell: int, row: int) -> int | None:
    """The row of the .ipynb text `source` for `row` of the cell at 1-based position `cell`; None where unseen."""
    lines = LineIndex(source.text)
    document = parse_json(source)
    return next((found for root in document.roots if (found := _row(root, lines, cell, row))), None)


def _row(root: DataNode, lines: LineIndex, cell: int, row: int) -> int | None:
    cells = _value(root, "cells")
    if not isinstance(cells, SequenceNode) or cell > len(cells.items):
        return None
    source = _value(cells.items[cell - 1], "source")
    if isinstance(source, Scalar):
        return lines.position(source.span.start).row
    if not isinstance(source, SequenceNode):
        return None
    num_rows = 0
    for item in source.items:
        # An item holds one line with its end, but nothing forbids it to hold several.
        num_rows += item.text.count("\n") if isinstance(item, Scalar) else 0
        if num_rows >= row:
            return lines.position(item.span.start).row
    return lines.position(source.items[-1].span.start).row if source.items else None


def _value(node: DataNode, key: str) -> DataNode | None:
    if not isinstance(node, MappingNode):
        return None
    return next((entry.value for entry in node.entries if entry.key.text == key), None)
