"""Reads a page from disk and cuts it into front matter and body; knows nothing of what either says."""

from __future__ import annotations

from pathlib import Path

from ftlint.errors import PageError
from ftlint.record import record

MAX_PAGE_BYTES = 1_000_000
_FENCE = "---"


@record
class PageText:
    """The two parts of a page. The front matter's first line is row 2 of the file, the body's is `body_row`."""

    front_matter: str
    body: str
    body_row: int


def read_page(path: Path) -> PageText:
    """The page at `path`, or a PageError."""
    try:
        if not path.is_file():  # opening a named pipe would wait for ever
            raise PageError(f"{path}: not a regular file")
        with path.open("rb") as file:
            content = file.read(MAX_PAGE_BYTES + 1)
    except OSError as error:
        raise PageError(f"{path}: cannot be read: {error.strerror}") from None
    if len(content) > MAX_PAGE_BYTES:
        raise PageError(f"{path}: is larger than {MAX_PAGE_BYTES} bytes")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise PageError(f"{path}: byte {error.start} is not UTF-8") from None
    return split_page(text.replace("\r\n", "\n"), path)


def split_page(text: str, path: Path) -> PageText:
    """Front matter and body of a page's text, or a PageError."""
    lines = text.split("\n")
    if lines[0].rstrip() != _FENCE:
        raise PageError(f"{path}:1: a rule page begins with a line `---` and its front matter")
    for index in range(1, len(lines)):
        if lines[index].rstrip() == _FENCE:
            body = "\n".join(lines[index + 1 :])
            blank_rows = len(body) - len(body.lstrip("\n"))
            return PageText("\n".join(lines[1:index]) + "\n", body.lstrip("\n"), index + 2 + blank_rows)
    raise PageError(f"{path}:1: the front matter has no closing line `---`")
