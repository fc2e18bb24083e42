"""What the server knows of each open text: its version, its findings, its offsets; made anew by every check."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from lsprotocol import types

from ftlint.findings import Finding
from ftlint.record import record
from ftlint.spans import Location, Span
from ftlint.syntax.positions import LineIndex, PositionEncoding


@record
class OpenText:
    """A text in an editor: a file, or one cell of a notebook (`cell` counts the cells that the editor sent, from 1)."""

    uri: str
    version: int | None
    path: Path
    cell: int | None
    lines: LineIndex


@dataclass(slots=True)
class Views:
    """All open texts, and the findings of the newest finished check. The only state of the server besides overlays."""

    encoding: PositionEncoding = PositionEncoding.UTF16
    texts: dict[str, OpenText] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    published: set[str] = field(default_factory=set)
    cells_are_pulled: bool = False

    def text_at(self, path: Path, cell: int | None) -> OpenText | None:
        """The open text of that file and cell."""
        return next((text for text in self.texts.values() if text.path == path and text.cell == cell), None)

    def findings_in(self, text: OpenText) -> tuple[Finding, ...]:
        """The findings that stand in that text."""
        place = (text.path, text.cell)
        return tuple(finding for finding in self.findings if (finding.location.path, finding.location.cell) == place)

    def range_of(self, span: Span, lines: LineIndex) -> types.Range:
        """A span as the client counts."""
        start = lines.to_position(span.start, self.encoding)
        end = lines.to_position(span.end, self.encoding)
        return types.Range(types.Position(*start), types.Position(*end))

    def offset_of(self, position: types.Position, lines: LineIndex) -> int:
        """An offset of ours for a position of the client's."""
        return lines.to_offset(position.line, position.character, self.encoding)

    def uri_of(self, location: Location) -> str:
        """The URI of a location: of the open cell or file, else of the file on disk."""
        text = self.text_at(location.path, location.cell)
        return text.uri if text is not None else location.path.as_uri()
