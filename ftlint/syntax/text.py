"""Bytes become text and the same bytes again: encodings, byte order marks; line ends are left as they are."""

from __future__ import annotations

import codecs
import io
import re

from ftlint.errors import InputError
from ftlint.record import record
from ftlint.spans import Span
from ftlint.syntax.document import FaultCause, Format

# Longer marks first: that of UTF-32-LE begins with that of UTF-16-LE.
_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)

# Patterns stay texts, compiled when first used: most files need none of them.

# PEP 263, for the first two lines.
_CODING_COOKIE = rb"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)"
_BLANK_OR_COMMENT = rb"^[ \t\f]*(?:#|\r?$)"

_LONE_SURROGATE = "[\ud800-\udfff]"


@record
class TextFault:
    """Something about the bytes that the format's readers stumble over."""

    span: Span
    message: str
    cause: FaultCause


@record
class DecodedText:
    """The text of a file without its byte order mark, and what is needed to get its bytes back.

    `readable`: the text is worth parsing. `exact`: encoding the text gives the file's bytes again; what is not exact
    must not be written.
    """

    text: str
    encoding: str
    bom: bytes
    errors: str
    faults: tuple[TextFault, ...]
    readable: bool
    exact: bool

    def encode(self, text: str) -> bytes:
        """`text` as this file's bytes. Raises InputError where the file's encoding cannot hold it."""
        if not self.exact:
            raise InputError(f"its bytes are not {self.encoding} text, so it cannot be rewritten")
        try:
            return self.bom + text.encode(self.encoding, self.errors)
        except UnicodeError as error:
            raise InputError(
                f"the new text cannot be written in the file's encoding {self.encoding}: {error}"
            ) from None


def encoding_by_mark(data: bytes) -> tuple[str, bytes]:
    """The encoding that the byte order mark says, and the mark; UTF-8 without one."""
    return next(((name, bom) for bom, name in _BYTE_ORDER_MARKS if data.startswith(bom)), ("utf-8", b""))


def decode(data: bytes, format: Format) -> DecodedText:
    """The text of `data` as the readers of `format` would decode it; never raises, and loses nothing."""
    encoding, bom = encoding_by_mark(data)
    faults: list[TextFault] = []
    body = data[len(bom) :]
    if format is Format.PYTHON:
        encoding = _python_encoding(body, bom, encoding, faults)
    # Only UTF-16 and UTF-32 can hold a lone surrogate of their own; elsewhere surrogates stand for undecodable bytes.
    errors = "surrogatepass" if encoding.startswith(("utf-16", "utf-32")) else "surrogateescape"
    try:
        text = body.decode(encoding, errors)
        exact = text.encode(encoding, errors) == body
    except (UnicodeError, LookupError):
        text, exact = body.decode("latin-1"), False
    if not exact:
        faults.append(TextFault(Span(0, 0), f"the file is not {encoding} text", FaultCause.ENCODING))
        return DecodedText(text, encoding, bom, errors, tuple(faults), readable=False, exact=False)
    if (position := text.find("\0")) >= 0:
        message = "the file is binary, or UTF-16 without a byte order mark: it contains NUL bytes"
        faults = [TextFault(Span(position, position + 1), message, FaultCause.BINARY)]
        return DecodedText(text, encoding, bom, errors, tuple(faults), readable=False, exact=True)
    if not text.isascii() and (surrogate := re.search(_LONE_SURROGATE, text)):
        message = f"a byte that is not {encoding} text"
        if errors == "surrogateescape":
            message = f"byte 0x{ord(surrogate[0]) - 0xDC00:02x} is not {encoding} text"
        faults.append(TextFault(Span(*surrogate.span()), message, FaultCause.ENCODING))
    if bom and format is Format.JSON:
        # json.loads(str) raises "Unexpected UTF-8 BOM"; transformers opens with encoding="utf-8", which keeps it.
        message = "the file begins with a byte order mark, which json.load rejects"
        faults.append(TextFault(Span(0, 0), message, FaultCause.BYTE_ORDER_MARK))
    return DecodedText(text, encoding, bom, errors, tuple(faults), readable=True, exact=True)


def printable(text: str) -> str:
    """`text` with lone surrogates replaced one for one, for parsers that want to encode it."""
    return text if text.isascii() else re.sub(_LONE_SURROGATE, "\ufffd", text)


def _python_encoding(body: bytes, bom: bytes, encoding: str, faults: list[TextFault]) -> str:
    """What Python takes a source file for: the byte order mark, then a coding cookie, else UTF-8."""
    if bom and encoding != "utf-8":
        faults.append(TextFault(Span(0, 0), f"Python does not read {encoding} source files", FaultCause.ENCODING))
        return encoding
    cookie = _coding_cookie(body)
    if cookie is None:
        return "utf-8"
    try:
        codec = codecs.lookup(cookie)
        # Rejects codecs from bytes to bytes such as rot13 and zip, and those that do not extend ASCII.
        usable = b"#coding".decode(codec.name) == "#coding"
    except (LookupError, UnicodeError, TypeError, ValueError):
        usable = False
    if not usable or (bom and codec.name != "utf-8"):
        faults.append(TextFault(Span(0, 0), f"unknown or contradictory encoding {cookie!r}", FaultCause.ENCODING))
        return "utf-8"
    return "utf-8" if codec.name == "utf-8-sig" else codec.name


def _coding_cookie(body: bytes) -> str | None:
    """The name in a `# -*- coding: … -*-` comment of the first two lines."""
    lines = io.BytesIO(body)
    for _ in range(2):
        line = lines.readline(1000)
        if match := re.match(_CODING_COOKIE, line):
            return match[1].decode("ascii", "replace")
        if not re.match(_BLANK_OR_COMMENT, line):
            return None
    return None
