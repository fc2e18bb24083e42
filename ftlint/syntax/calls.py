"""Text edits of the arguments of a Python call, which leave its layout and comments alone."""

from __future__ import annotations

import ast
import re

from ftlint.findings import Edit
from ftlint.spans import Span
from ftlint.syntax.document import Source
from ftlint.syntax.python import span_of

_GAP = re.compile(r"(?:[\s\\]|#[^\r\n]*)*")
_REST_OF_LINE = re.compile(r"[^\r\n]*")


def add_keyword(source: Source, call: ast.Call, keyword: str, expression: str) -> Edit:
    """The edit that makes `keyword=expression` the call's last argument; replaces the value where it is there."""
    if any(argument.arg == keyword for argument in call.keywords):
        edit = replace_keyword_value(source, call, keyword, expression)
        assert edit is not None  # it is there
        return edit
    brackets = _brackets(source, call)
    added = f"{keyword}={expression}"
    if (bare := _bare_generator(source, call, brackets)) is not None:
        # `f(x for x in y)` may have no second argument unless the generator gets brackets of its own.
        return Edit(source.location(brackets), f"(({bare}), {added})")
    arguments = _arguments(source, call, brackets)
    if not arguments:
        return Edit(source.location(Span(brackets.start + 1, brackets.start + 1)), added)
    last = arguments[-1]
    comma = _comma(source.text, last.end)
    end = comma if comma is not None else last.end
    if not _has_line_end(source.text[end : brackets.end - 1]):
        content = f" {added}" if comma is not None else f", {added}"
        return Edit(source.location(Span(end, end)), content)
    # The closing bracket has its own line: so shall the argument, behind a comment on the line before it.
    behind = _REST_OF_LINE.match(source.text, end)
    line_end = behind.end() if behind else end
    rest = source.text[end:line_end]
    indent = _indent_of_arguments(source.text, arguments, brackets)
    if comma is not None:
        return Edit(source.location(Span(line_end, line_end)), f"\n{indent}{added},")
    return Edit(source.location(Span(end, line_end)), f",{rest}\n{indent}{added}")


def replace_keyword_value(source: Source, call: ast.Call, keyword: str, expression: str) -> Edit | None:
    """The edit that gives an argument another value; None where the call does not name it."""
    for argument in call.keywords:
        if argument.arg == keyword:
            return Edit(source.location(span_of(argument.value, source)), expression)
    return None


def remove_keyword(source: Source, call: ast.Call, keyword: str) -> Edit | None:
    """The edit that takes an argument out; None where the call does not name it."""
    argument = next((argument for argument in call.keywords if argument.arg == keyword), None)
    if argument is None:
        return None
    text, brackets = source.text, _brackets(source, call)
    arguments = _arguments(source, call, brackets)
    start = span_of(argument, source).start
    index = next(index for index, span in enumerate(arguments) if span.start <= start < span.end)
    span = arguments[index]
    comma = _comma(text, span.end)
    end = comma if comma is not None else span.end
    if len(arguments) == 1 and not _has_line_end(text[brackets.start : brackets.end]):
        return Edit(source.location(Span(brackets.start + 1, brackets.end - 1)), "")
    line_start = max(text.rfind("\n", 0, span.start), text.rfind("\r", 0, span.start)) + 1
    own_line = re.compile(r"[ \t]*(?:#[^\r\n]*)?(?:\r\n|\n|\r)").match(text, end)
    if own_line and not text[line_start : span.start].strip() and (comma is not None or index == 0):
        return Edit(source.location(Span(line_start, own_line.end())), "")
    if index + 1 < len(arguments) and not _has_line_end(text[span.end : arguments[index + 1].start]):
        return Edit(source.location(Span(span.start, arguments[index + 1].start)), "")
    if index + 1 < len(arguments):
        return Edit(source.location(Span(span.start, end)), "")
    # The last one: what came before it loses its comma but not its comment.
    previous = arguments[index - 1].end if index else span.start
    between = text[previous : span.start]
    return Edit(source.location(Span(previous, span.end)), between.replace(",", "", 1).rstrip())


def _brackets(source: Source, call: ast.Call) -> Span:
    """From the opening to behind the closing bracket of a call."""
    end = span_of(call, source).end
    position = span_of(call.func, source).end
    while True:
        gap = _GAP.match(source.text, position)
        position = gap.end() if gap else position
        if source.text[position : position + 1] != ")":  # those around the function: `(f)(x)`
            return Span(position, end)
        position += 1


def _bare_generator(source: Source, call: ast.Call, brackets: Span) -> str | None:
    """The text of a generator that shares its brackets with the call."""
    if len(call.args) != 1 or call.keywords or not isinstance(call.args[0], ast.GeneratorExp):
        return None
    if span_of(call.args[0], source) != brackets:
        return None
    return source.text[brackets.start + 1 : brackets.end - 1].strip()


def _arguments(source: Source, call: ast.Call, brackets: Span) -> list[Span]:
    """Where the arguments stand, in order, with the stars before and the brackets around them."""
    spans = sorted(span_of(argument, source) for argument in (*call.args, *call.keywords))
    widened: list[Span] = []
    begin = brackets.start + 1
    for span in spans:
        gap = _GAP.match(source.text, begin)
        start = gap.end() if gap else begin
        end = span.end
        while True:
            gap = _GAP.match(source.text, end)
            after = gap.end() if gap else end
            if source.text[after : after + 1] != ")" or after >= brackets.end - 1:
                break
            end = after + 1
        widened.append(Span(start, end))
        comma = _comma(source.text, end)
        begin = comma if comma is not None else end
    return widened


def _comma(text: str, position: int) -> int | None:
    """Behind the comma that follows, if one does."""
    gap = _GAP.match(text, position)
    place = gap.end() if gap else position
    return place + 1 if text[place : place + 1] == "," else None


def _indent_of_arguments(text: str, arguments: list[Span], brackets: Span) -> str:
    """The indentation of the last argument that begins a line, else one level more than the call's line."""
    for span in reversed(arguments):
        line_start = max(text.rfind("\n", 0, span.start), text.rfind("\r", 0, span.start)) + 1
        if line_start > brackets.start and not text[line_start : span.start].strip():
            return text[line_start : span.start]
    line_start = max(text.rfind("\n", 0, brackets.start), text.rfind("\r", 0, brackets.start)) + 1
    line = text[line_start : brackets.start]
    return line[: len(line) - len(line.lstrip())] + "    "


def _has_line_end(text: str) -> bool:
    return "\n" in text or "\r" in text
