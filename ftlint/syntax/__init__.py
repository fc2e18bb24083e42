"""Texts become documents: trees whose every key and value knows its span; nothing here knows fine-tuning."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ftlint.spans import Span
from ftlint.syntax.document import (
    DataDocument,
    Document,
    FaultCause,
    Format,
    ScriptCell,
    ScriptDocument,
    Source,
    SyntaxFault,
    no_comments,
)

__all__ = ["format_of", "parse", "parse_text"]

_FORMATS = {
    ".json": Format.JSON,
    ".yaml": Format.YAML,
    ".yml": Format.YAML,
    ".py": Format.PYTHON,
    ".ipynb": Format.NOTEBOOK,
    **dict.fromkeys((".sh", ".bash", ".slurm", ".sbatch", ".sub"), Format.SHELL),
}


def format_of(path: Path) -> Format | None:
    """The format that a file's name announces; None for those we do not read."""
    return _FORMATS.get(path.suffix.lower())


def parse(path: Path, data: bytes, format: Format) -> Document:
    """The document of a file's bytes. Never raises: what cannot be read is a fault of the document."""
    from ftlint.syntax.text import decode

    if (fault := _too_large(path, len(data), format)) is not None:
        return _unread(Source(path, ""), format, [fault])
    decoded = decode(data, format)
    source = Source(path, decoded.text)
    faults = [SyntaxFault(source.location(fault.span), fault.message, fault.cause) for fault in decoded.faults]
    return _parse_source(source, format, faults) if decoded.readable else _unread(source, format, faults)


def parse_text(path: Path, text: str, format: Format) -> Document:
    """The document of a text that is in an editor and perhaps on no disk. Never raises either."""
    source = Source(path, text)
    if (fault := _too_large(path, len(text), format)) is not None:
        return _unread(source, format, [fault])
    if (position := text.find("\0")) >= 0:
        message = "the text contains NUL characters"
        fault = SyntaxFault(source.location(Span(position, position + 1)), message, FaultCause.BINARY)
        return _unread(source, format, [fault])
    return _parse_source(source, format, [])


def _too_large(path: Path, size: int, format: Format) -> SyntaxFault | None:
    from ftlint.syntax.limits import MAX_BYTES

    if size <= MAX_BYTES[format]:
        return None
    message = f"the file is too large to be read ({size / 1e6:.1f} MB, the limit is {MAX_BYTES[format] / 1e6:.1f} MB)"
    return SyntaxFault(Source(path, "").location(Span(0, 0)), message, FaultCause.LIMIT)


def _parse_source(source: Source, format: Format, faults: Sequence[SyntaxFault]) -> Document:
    # Each parser is imported where it is needed: a project without YAML never waits for PyYAML.
    if format is Format.JSON:
        from ftlint.syntax.json import parse_json

        return parse_json(source, faults)
    if format is Format.YAML:
        from ftlint.syntax.yaml import parse_yaml

        return parse_yaml(source, faults)
    if format is Format.PYTHON:
        from ftlint.syntax.python import parse_python

        return parse_python(source, faults)
    if format is Format.SHELL:
        from ftlint.syntax.shell import parse_shell

        return parse_shell(source, faults)
    from ftlint.syntax.notebook import parse_notebook

    return parse_notebook(source.path, source.text, faults)


def _unread(source: Source, format: Format, faults: Sequence[SyntaxFault]) -> Document:
    """A document of which nothing but the faults is known."""
    if format in (Format.JSON, Format.YAML):
        return DataDocument(source, format, (), (), tuple(faults), strict=False)
    if format is Format.NOTEBOOK:
        return ScriptDocument(source.path, format, (), tuple(faults))
    cell = ScriptCell(source, None, (), tuple(faults), no_comments)
    return ScriptDocument(source.path, format, (cell,), tuple(faults))
