"""What a newer Python would read although the one ftlint runs in cannot: such text is no mistake of its author."""

from __future__ import annotations

import re
import sys

# Release, what our own parser says of it, and how the line looks around the place (`¦` stands there).
# Sources: PEP 654 and 646 (3.11), 701 and 695 (3.12), 696 (3.13), 750 and 758 (3.14).
_NEWER_SYNTAX = (
    ((3, 11), r"", r"\s*except\s*¦?\s*\*"),
    ((3, 11), r"invalid syntax", r".*(\[(.*,)?|\*\w+\s*:)\s*¦\*\w"),
    # Quotes of the same kind, backslashes and comments within the braces. What is left out is wrong in every Python.
    ((3, 12), r"f-string(?!: (empty expression|single '}'|invalid syntax))", r""),
    ((3, 12), r"unterminated string literal", r".*¦([rR]?[fF]|[fF][rR])[\"'].*\{[^}]*$"),
    ((3, 12), r"", r"\s*type\s+¦?\w+\s*(\[.*\])?\s*="),
    ((3, 12), r"", r"\s*((async\s+)?def|class)\s+\w+\s*¦?\["),
    ((3, 13), r"", r"\s*((async\s+)?def|class|type)\s+\w+\s*¦?\[[^\]]*¦?="),
    ((3, 14), r"multiple exception types must be parenthesized", r"(?!.*\sas\s)"),
    ((3, 14), r"invalid syntax", r".*(?<!\w)([tT][rR]?|[rR][tT])¦[\"']"),
)


def newer_release(message: str, line: str, column: int) -> str | None:
    """The first release, newer than the running one, that may read a line which our parser stopped at; else None.

    `column` counts from 0. It is a possibility only: the rest of the text may still be wrong there.
    """
    marked = f"{line[:column]}¦{line[column:]}"
    for (major, minor), said, looks in _NEWER_SYNTAX:
        if sys.version_info < (major, minor) and re.match(said, message) and re.match(looks, marked):
            return f"{major}.{minor}"
    return None
