"""Finds what IPython takes out of a cell before Python sees it, and puts Python of the same length in its place."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ftlint.record import record
from ftlint.spans import Span
from ftlint.syntax.document import Comment
from ftlint.syntax.positions import begins_line
from ftlint.syntax.python import LEXEMES

_SESSION = re.compile(r"\s*>>>(?: |$)", re.MULTILINE)
_PROMPT = re.compile(r"^(?:>>>|\.\.\.)(?: |$)", re.MULTILINE)
_CELL_MAGIC = re.compile(r"\s*%%(?P<name>[A-Za-z_!][\w.]*|!)[^\r\n]*")
# Cell magics whose body is Python in the notebook's own namespace. All others (bash, writefile, html, …) hide it.
_PYTHON_CELL_MAGICS = frozenset(
    ["time", "timeit", "capture", "prun", "debug", "memit", "mprun", "lprun", "snakeviz", "wandb", "heat", "scalene"]
)
_REST = r"(?:\\\r?\n|[^\r\n])*"  # a backslash at the end of its line continues a magic as it does a statement
_LINE_MAGIC = re.compile(
    rf"(?P<indent>[ \t]*)(?P<magic>"
    rf"[%!]{_REST}"
    rf"|\?{_REST}"
    r"|[%\w.*]+\?\??[ \t]*(?=[\r\n]|\Z)"
    # Automagic: IPython runs these without their `%`, and none of them is an expression.
    rf"|(?:pip3?|conda|mamba|uv)[ \t]+(?:install|uninstall|pip|add|list|freeze|show)\b(?![ \t]*[=.(\[,]){_REST}"
    rf"|cd[ \t]+(?:\.|~|/?\w+/|\w+[ \t]*(?=[\r\n]|\Z)){_REST}"
    r")"
)
_ASSIGNED_MAGIC = re.compile(
    rf"(?P<indent>[ \t]*[A-Za-z_][\w.,\[\]'\" \t]*?(?<![=!<>])=[ \t]*)(?P<magic>[!%][^=\s]{_REST})"
)
_LEXEMES_AND_BRACKETS = re.compile(LEXEMES.pattern + r"|(?P<bracket>[()\[\]{}]|\\\r?\n|\r\n|\n|\r)", re.DOTALL)


@record
class MagicFree:
    """A cell's text as Python, of the same length; `code` is None where the cell is not Python at all."""

    code: str | None
    magics: tuple[Comment, ...]


def without_magics(text: str) -> MagicFree:
    """Takes the magics out of a cell's text, and the prompts of a session that was pasted into it."""
    if _SESSION.match(text):
        text = _PROMPT.sub(lambda prompt: " " * len(prompt[0]), text)
    if not any(sign in text for sign in "%!?") and not _may_have_automagic(text):
        return MagicFree(text, ())
    magics: list[Comment] = []
    begin = 0
    if match := _CELL_MAGIC.match(text):
        if match["name"] not in _PYTHON_CELL_MAGICS:
            return MagicFree(None, (_magic(text, text.index("%%"), len(text.rstrip())),))
        magics.append(_magic(text, text.index("%%"), match.end()))
        text = text[: match.start("name") - 2] + " " * (match.end() - match.start("name") + 2) + text[match.end() :]
        begin = match.end()
    pieces: list[str] = []
    done = 0
    for start, end, stand_in in _line_magics(text, begin):
        magics.append(_magic(text, start, end))
        pieces += [text[done:start], _padded(stand_in, text[start:end])]
        done = end
    pieces.append(text[done:])
    return MagicFree("".join(pieces), tuple(magics))


def _may_have_automagic(text: str) -> bool:
    return any(word in text for word in ("pip ", "pip3 ", "conda ", "mamba ", "uv ", "cd "))


def _magic(text: str, start: int, end: int) -> Comment:
    return Comment(Span(start, end), text[start:end], alone=begins_line(text, start))


def _padded(stand_in: str, magic: str) -> str:
    """The stand-in in as many characters as the magic; line ends of a continued magic become spaces."""
    if len(magic) < len(stand_in):
        stand_in = "0"  # `!w` has no room for `pass`
    # Rows have to stay as they are: keep each continued line's end, with the backslash that makes it one statement.
    kept = [(match.start(), match[0]) for match in re.finditer(r"\\\r?\n", magic)]
    if not kept or kept[0][0] < len(stand_in):
        padded = stand_in + " " * (len(magic) - len(stand_in))
        return padded if not kept else _with_line_ends("0" + " " * (len(magic) - 1), kept)
    return _with_line_ends(stand_in + " " * (len(magic) - len(stand_in)), kept)


def _with_line_ends(padded: str, kept: list[tuple[int, str]]) -> str:
    for place, line_end in kept:
        padded = padded[:place] + line_end + padded[place + len(line_end) :]
    return padded


def _line_magics(text: str, begin: int) -> Iterator[tuple[int, int, str]]:
    """Start, end and stand-in of each magic that begins a statement, outside strings and brackets."""
    position, depth, at_line_start = begin, 0, begin == 0 or text[begin : begin + 1] not in ("\r", "\n")
    while position < len(text):
        if at_line_start and depth <= 0:
            if match := _LINE_MAGIC.match(text, position):
                yield match.start("magic"), match.end(), "pass"
                position = match.end()
            elif match := _ASSIGNED_MAGIC.match(text, position):
                # An unknown name and not None: what a command returns is not known.
                yield match.start("magic"), match.end(), "_"
                position = match.end()
        at_line_start = False
        match = _LEXEMES_AND_BRACKETS.search(text, position)
        if match is None:
            return
        position = match.end()
        bracket = match["bracket"]
        if bracket is None:
            continue
        if bracket in "([{":
            depth += 1
        elif bracket in ")]}":
            depth -= 1
        else:
            at_line_start = not bracket.startswith("\\")
