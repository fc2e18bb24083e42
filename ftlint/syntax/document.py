"""The shape of a parsed document: data trees with spans for JSON and YAML, cells with `ast` trees for Python."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import field
from enum import Enum
from pathlib import Path
from typing import TypeAlias

from ftlint.record import record
from ftlint.spans import Location, Span


class Format(Enum):
    """The syntaxes we read."""

    JSON = "json"
    YAML = "yaml"
    PYTHON = "python"
    NOTEBOOK = "notebook"
    SHELL = "shell"


@record
class Source:
    """One text with its own offsets: a whole file, or the source of one notebook cell (`cell` is 1-based)."""

    path: Path
    text: str
    cell: int | None = None

    def location(self, span: Span) -> Location:
        """`span` of this text as a location."""
        return Location(self.path, span, self.cell)

    def slice(self, span: Span) -> str:
        """The text at `span`."""
        return self.text[span.start : span.end]


@record
class Comment:
    """A comment with its marker (`# …`, `// …`), without the line end. `alone`: nothing else stands on its line."""

    span: Span
    text: str
    alone: bool


class FaultCause(Enum):
    """Kinds of faults that a rule or a reader may want to tell apart; all others are SYNTAX."""

    SYNTAX = "syntax"
    ENCODING = "encoding"
    BYTE_ORDER_MARK = "byte-order-mark"
    BINARY = "binary"
    LIMIT = "limit"
    NEWER_PYTHON = "newer-python"
    EMPTY = "empty"
    EXTRA_TEXT = "extra-text"
    UNCLOSED = "unclosed"
    COMMENT = "comment"
    TRAILING_COMMA = "trailing-comma"
    MISSING_COMMA = "missing-comma"
    MISSING_VALUE = "missing-value"
    UNQUOTED = "unquoted"
    SINGLE_QUOTES = "single-quotes"
    TAB = "tab"
    FORBIDDEN_CHARACTER = "forbidden-character"
    UNKNOWN_TAG = "unknown-tag"
    UNKNOWN_ALIAS = "unknown-alias"
    UNHASHABLE_KEY = "unhashable-key"
    BAD_MERGE = "bad-merge"


@record
class SyntaxFault:
    """A place where the text is not what its format allows."""

    location: Location
    message: str
    cause: FaultCause = FaultCause.SYNTAX


class Style(Enum):
    """How a scalar is written; only plain scalars are typed by their text in YAML."""

    PLAIN = "plain"
    SINGLE_QUOTED = "single-quoted"
    DOUBLE_QUOTED = "double-quoted"
    LITERAL = "literal"
    FOLDED = "folded"


@record
class Scalar:
    """A leaf. `raw` is the text at `span`, quotes included; `text` its content unescaped; `tag` as in `!!str`."""

    span: Span
    raw: str
    text: str
    style: Style
    tag: str | None = None


@record
class Entry:
    """One `key: value` of a mapping; `value` is None where half-typed text has none yet."""

    key: Scalar
    value: DataNode | None
    span: Span


@record
class MappingNode:
    """A mapping with its entries as written, duplicates and YAML merge keys (`<<`) included."""

    span: Span
    entries: tuple[Entry, ...]
    flow: bool


@record
class SequenceNode:
    """A sequence with its items."""

    span: Span
    items: tuple[DataNode, ...]
    flow: bool


@record
class AliasNode:
    """A YAML alias `*name`; the tree is a graph without cycles, and walkers must bound what they expand."""

    span: Span
    name: str
    # What reads a node as a value (comparison, hash, repr) must not expand it: a bomb would grow without end.
    target: DataNode = field(repr=False, compare=False)


def no_comments() -> tuple[Comment, ...]:
    """For a text that has none, or whose comments nobody reads."""
    return ()


DataNode: TypeAlias = Scalar | MappingNode | SequenceNode | AliasNode


@record
class DataDocument:
    """A JSON or YAML file. `roots` has one node per YAML document, and what could be recovered of a broken file.

    `strict`: the format's own standard loader (`json.loads`, PyYAML) reads the text without complaint.
    """

    source: Source
    format: Format
    roots: tuple[DataNode, ...]
    comments: tuple[Comment, ...]
    faults: tuple[SyntaxFault, ...]
    strict: bool

    @property
    def path(self) -> Path:
        """The file's path."""
        return self.source.path

    @property
    def sources(self) -> tuple[Source, ...]:
        """The one text of the file."""
        return (self.source,)


@record
class ScriptCell:
    """A Python file, or one code cell. `tree` is None where the text does not parse.

    `magics` are the lines taken for IPython (`%pip install x`, `!ls`), with spans. In `tree` they are `pass` (`0` where
    that is too long), and what is assigned from one (`files = !ls`) is the name `_`. A cell that is not Python at all
    (`%%bash`, `%%writefile x`) is one magic from its first to its last character, with an empty tree.
    """

    source: Source
    tree: ast.Module | None
    magics: tuple[Comment, ...]
    faults: tuple[SyntaxFault, ...]
    find_comments: Callable[[], tuple[Comment, ...]] = field(repr=False, compare=False)
    """Looks for them when they are asked for, once: hardly anyone does, and it takes as long as parsing."""

    @property
    def comments(self) -> tuple[Comment, ...]:
        """Its comments, in order."""
        return self.find_comments()


@record
class ScriptDocument:
    """A Python file (one cell, whose `source.cell` is None) or a notebook (its code cells, in order).

    A shell file is one cell that holds no Python, as a `%%bash` cell does.
    """

    path: Path
    format: Format
    cells: tuple[ScriptCell, ...]
    faults: tuple[SyntaxFault, ...]

    @property
    def sources(self) -> tuple[Source, ...]:
        """The texts of the cells."""
        return tuple(cell.source for cell in self.cells)

    @property
    def comments(self) -> tuple[tuple[Source, Comment], ...]:
        """All comments with the text they stand in."""
        return tuple((cell.source, comment) for cell in self.cells for comment in cell.comments)


Document: TypeAlias = DataDocument | ScriptDocument
