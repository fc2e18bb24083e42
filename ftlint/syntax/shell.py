"""Shell text as simple commands of words with offsets: enough to read a launch line, never to run one.

Quotes, comments, continuation lines and redirections are understood; variables, substitutions and globs are only
noticed, and a word that has one of them is not plain. The bodies of here documents are read as commands.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import Enum
from functools import cache

from ftlint.record import record
from ftlint.spans import Span
from ftlint.syntax.document import Comment, Format, ScriptCell, ScriptDocument, Source, SyntaxFault

# How far a variable's variables are followed, and how much they may grow to.
MAX_DEPTH = 5
MAX_WORDS = 2_000
MAX_CHARACTERS = 10_000

_END = re.compile(r"\r?\n|&&|\|\||;;?|\|&?|&(?!>)|[()]")
_SKIP = re.compile(r"(?:[ \t]|\\\r?\n)+")
_COMMENT = re.compile(r"#[^\r\n]*")
_REDIRECTION = re.compile(r"(?:\d*|&)(?:>>|>\||>&|<<<|<<-?|<&|<>|>|<)[ \t]*")
_PIECE = re.compile(
    r"(?P<single>'[^']*'?)"
    r'|(?P<double>"(?:\\.|[^"\\])*"?)'
    r"|(?P<nested>\$\((?:[^()]|\([^()]*\))*\)?|`[^`]*`?|\$\{[^}]*\}?)"
    r"|(?P<escape>\\.?)"
    r"|(?P<plain>[^\s;|&()<>'\"\\`$]+|\$)",
    re.DOTALL,
)
_VARIABLE = re.compile(r"\$(?:\{(?P<braced>\w+)\}|(?P<bare>\w+))")
_ASSIGNMENT = re.compile(r"(?P<name>[A-Za-z_]\w*)=")
_MARKS = re.compile(r"[$`*?\[{]")
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
# Sourced for what it puts on the path, not for variables that a launch line uses.
_HARMLESS_SOURCE = re.compile(r"activate|conda|bashrc|profile|modules|venv")


@record
class Word:
    """One word with its quotes taken off. `raw` is as written; what is not plain, a shell would have to fill in."""

    text: str
    raw: str
    start: int
    is_plain: bool

    @property
    def span(self) -> Span:
        """Where it stands, quotes included."""
        return Span(self.start, self.start + len(self.raw))

    @property
    def assigned(self) -> str | None:
        """The variable's name in `NAME=value`."""
        match = _ASSIGNMENT.match(self.raw)
        return match["name"] if match else None

    @property
    def value(self) -> Word:
        """What stands behind the first `=`: the value of an assignment, or of `--flag=value`."""
        before, _, behind = self.raw.partition("=")
        return _word(behind, self.start + len(before) + 1)


def parse_shell(source: Source, faults: Sequence[SyntaxFault] = ()) -> ScriptDocument:
    """The document of a shell file: one cell without Python. Only a shell knows what would be a fault in it."""
    cell = ScriptCell(source, ast.Module([], []), (), (), cache(lambda: tuple(shell_comments(source.text))))
    return ScriptDocument(source.path, Format.SHELL, (cell,), tuple(faults))


def simple_commands(text: str, start: int = 0) -> Iterator[tuple[Word, ...]]:
    """The commands of a text, whatever joins them; offsets begin at `start`. Raises nothing."""
    words: list[Word] = []
    for token, begin, end in _tokens(text):
        if token is _Token.WORD:
            words.append(_word(text[begin:end], start + begin))
        elif token is _Token.END and words:
            yield tuple(words)
            words = []
    if words:
        yield tuple(words)


def shell_comments(text: str) -> Iterator[Comment]:
    """The comments of a text."""
    for token, begin, end in _tokens(text):
        if token is _Token.COMMENT:
            line = text.rfind("\n", 0, begin) + 1
            yield Comment(Span(begin, end), text[begin:end], alone=not text[line:begin].strip())


class _Token(Enum):
    WORD = "word"
    END = "end"
    COMMENT = "comment"


def _tokens(text: str) -> Iterator[tuple[_Token, int, int]]:
    """Words, ends of commands and comments with their offsets; what a redirection leads to is no word."""
    at, is_target = 0, False
    while at < len(text):
        if match := _SKIP.match(text, at):
            at = match.end()
        elif match := _REDIRECTION.match(text, at):
            at, is_target = match.end(), True
        elif text[at] == "#" and (match := _COMMENT.match(text, at)):
            yield _Token.COMMENT, at, match.end()
            at = match.end()
        elif match := _END.match(text, at):
            yield _Token.END, at, match.end()
            at, is_target = match.end(), False
        else:
            end = _end_of_word(text, at)
            if not is_target:
                yield _Token.WORD, at, end
            at, is_target = end, False


def commands_inside(word: Word) -> Iterator[tuple[Word, ...]]:
    """The commands in a quoted word of several words, as in `bash -c "cd x && python train.py"`."""
    is_whole = len(word.raw) > 1 and word.raw[0] in "'\"" and word.raw[-1] == word.raw[0]
    if is_whole and " " in word.text and "\\" not in word.raw and word.raw.count(word.raw[0]) == 2:
        yield from simple_commands(word.raw[1:-1], word.start + 1)


def _end_of_word(text: str, at: int) -> int:
    end = at
    while match := _PIECE.match(text, end):
        if match["escape"] is not None and match[0][1:] in ("\n", "\r"):
            break
        end = match.end()
    return max(end, at + 1)


def _word(raw: str, start: int) -> Word:
    pieces: list[str] = []
    is_plain = True
    for match in _PIECE.finditer(raw):
        piece = match[0]
        if match["single"] is not None:
            pieces.append(piece.strip("'"))
            continue
        if match["double"] is not None:
            piece = _ESCAPE.sub(r"\1", piece[1:-1])
            is_plain &= "$" not in piece and "`" not in piece
        elif match["escape"] is not None:
            piece = piece[1:]
        else:
            is_plain &= not _MARKS.search(piece)
        pieces.append(piece)
    return Word("".join(pieces), raw, start, is_plain)


class Variables:
    """What the variables of one text hold: those that it assigns once, outside of any block, and never reads in."""

    def __init__(self, commands: Iterable[tuple[Word, ...]], text: str) -> None:
        values: dict[str, list[Word]] = {}
        inner: set[str] = set()
        for words in commands:
            if words[0].text in ("source", ".") and not any(_HARMLESS_SOURCE.search(word.raw) for word in words[1:]):
                values.clear()  # what it sets we do not see
            names = words[1:] if words[0].text in ("export", "declare", "readonly", "local") else words
            if words[0].text in ("for", "read", "select", "unset", "mapfile") and len(words) > 1:
                inner.update(word.text for word in words[1:])
            if not all(word.assigned for word in names):
                continue  # `NAME=value command` sets it for that command alone
            for word in names:
                values.setdefault(str(word.assigned), []).append(word.value)
                if words[0].start > 0 and text[words[0].start - 1] not in "\n;":
                    inner.add(str(word.assigned))
        self._values: Mapping[str, Word] = {
            name: found[0] for name, found in values.items() if len(found) == 1 and name not in inner
        }
        self._texts: dict[str, str | None] = {}
        self._words: dict[tuple[str, bool], tuple[Word, ...] | None] = {}

    def text(self, word: Word) -> str | None:
        """The text of a word once its variables are filled in; None where one of them cannot be seen."""
        return word.text if word.is_plain else self._filled(word, MAX_DEPTH)

    def expanded(self, words: Iterable[Word]) -> tuple[Word, ...]:
        """The words with each that is one variable and nothing else replaced by what it holds, at its place there."""
        return self._expanded(words, MAX_DEPTH)

    def _filled(self, word: Word, depth: int) -> str | None:
        pieces: list[str] = []
        done = 0
        for match in _VARIABLE.finditer(word.text):
            text = self._text_of(match["braced"] or match["bare"], depth)
            if text is None:
                return None
            pieces += [word.text[done : match.start()], text]
            done = match.end()
        filled = "".join([*pieces, word.text[done:]])
        return None if _MARKS.search(filled) or len(filled) > MAX_CHARACTERS else filled

    def _text_of(self, name: str, depth: int) -> str | None:
        # Each variable is filled in once, and short: variables of variables grow without end.
        if name not in self._texts:
            value = self._values.get(name)
            self._texts[name] = None  # for one that holds itself
            if value is not None and depth > 0:
                self._texts[name] = value.text if value.is_plain else self._filled(value, depth - 1)
        return self._texts[name]

    def _expanded(self, words: Iterable[Word], depth: int) -> tuple[Word, ...]:
        found: list[Word] = []
        for word in words:
            name = _variable(word)
            inner = self._words_of(name, word.raw.startswith('"'), depth) if name is not None else None
            found.extend((word,) if inner is None or len(found) + len(inner) > MAX_WORDS else inner)
        return tuple(found)

    def _words_of(self, name: str, is_quoted: bool, depth: int) -> tuple[Word, ...] | None:
        key = (name, is_quoted)
        if key not in self._words:
            value = self._values.get(name)
            self._words[key] = None
            if value is not None and depth > 0:
                self._words[key] = self._expanded((value,) if is_quoted else _split(value), depth - 1)
        return self._words[key]


def _variable(word: Word) -> str | None:
    match = _VARIABLE.fullmatch(word.text)
    return (match["braced"] or match["bare"]) if match and not word.is_plain else None


def _split(value: Word) -> Iterator[Word]:
    """The words of a value that is used without quotes; joins (`&&`) in it are words to the shell as well."""
    inside = [word for words in commands_inside(value) for word in words]
    yield from inside or (value,)
