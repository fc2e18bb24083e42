from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftlint.errors import InputError
from ftlint.syntax.document import FaultCause, Format
from ftlint.syntax.text import decode

FORMATS = st.sampled_from(list(Format))
_HEADS = [
    b"",
    b"\xef\xbb\xbf",
    b"\xff\xfe",
    b"\xfe\xff",
    b"\xff\xfe\0\0",
    b"# coding: latin-1\n",
    b"#!x\n# coding: cp1252\n",
]


@given(st.sampled_from(_HEADS), st.binary(max_size=60), FORMATS)
def test_any_bytes_come_back(head: bytes, body: bytes, format: Format) -> None:
    data = head + body
    decoded = decode(data, format)
    if decoded.exact:
        assert decoded.encode(decoded.text) == data
    else:
        assert decoded.faults
        with pytest.raises(InputError):
            decoded.encode(decoded.text)


@given(st.text(), st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]), FORMATS)
def test_text_in_a_known_encoding_is_exact(text: str, encoding: str, format: Format) -> None:
    try:
        data = text.encode(encoding)
    except UnicodeEncodeError:  # a lone surrogate
        return
    if encoding == "utf-16" and text.startswith("\0"):  # the same bytes begin UTF-32's mark
        return
    assert decode(data, format).exact


@pytest.mark.parametrize("text", ["a\r\nb\r\n", "a\rb", "a\nb", "a\n\r\nb\r"])
def test_line_ends_stay(text: str) -> None:
    assert decode(text.encode(), Format.YAML).text == text


@pytest.mark.parametrize(
    ("data", "format", "causes"),
    [
        (b"a: 1\n", Format.YAML, []),
        (b"\xef\xbb\xbfa: 1\n", Format.YAML, []),
        (b"\xef\xbb\xbf{}", Format.JSON, [FaultCause.BYTE_ORDER_MARK]),
        (b"a: \xff\n", Format.YAML, [FaultCause.ENCODING]),
        (b"\x89PNG\0\0", Format.JSON, [FaultCause.BINARY]),
        ("x = 1".encode("utf-16"), Format.PYTHON, [FaultCause.ENCODING]),
        (b"# coding: nonsense\nx = 1\n", Format.PYTHON, [FaultCause.ENCODING]),
        (b"# coding: rot13\nx = 1\n", Format.PYTHON, [FaultCause.ENCODING]),
        (b"\n# coding: latin-1\nx = '\xe9'\n", Format.PYTHON, []),
        (b"x = 1\n# coding: latin-1\ny = '\xe9'\n", Format.PYTHON, [FaultCause.ENCODING]),
    ],
)
def test_faults_of_bytes(data: bytes, format: Format, causes: list[FaultCause]) -> None:
    assert [fault.cause for fault in decode(data, format).faults] == causes


def test_a_character_that_the_encoding_lacks_is_refused() -> None:
    decoded = decode(b"# coding: latin-1\n", Format.PYTHON)
    with pytest.raises(InputError, match="iso8859-1"):
        decoded.encode("# \u20ac\n")
