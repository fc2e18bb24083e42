"""YAML text becomes a tree with spans: libyaml's events, which construct nothing and execute no tag, plus comments.

A text that PyYAML rejects is mended where it stumbles (`ftlint.syntax.yaml_repair`) and read again, so that the keys on
both sides of a half-typed line are seen.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import cast

from ftlint.spans import Span
from ftlint.syntax.document import (
    Comment,
    DataDocument,
    Format,
    Scalar,
    Source,
    Style,
    SyntaxFault,
)
from ftlint.syntax.positions import begins_line
from ftlint.syntax.text import printable
from ftlint.syntax.yaml_repair import Mended, Stumble, mend, stumble_of
from ftlint.syntax.yaml_tree import Event, TreeBuilder

MAX_REPAIRS = 12
"""How often a broken text is mended before what stands before the fault has to do."""

_LINE_BREAKS = "\r\n\x85\u2028\u2029"
_REST_OF_LINE = re.compile(rf"[^{_LINE_BREAKS}]*")


def parse_yaml(source: Source, faults: Sequence[SyntaxFault] = ()) -> DataDocument:
    """The document of a YAML text; `faults` are those already found in its bytes."""
    mended = Mended(printable(source.text))
    first: Stumble | None = None
    builder, stumble = _compose(source, mended)
    best = builder
    for _ in range(MAX_REPAIRS):
        if stumble is None:
            break
        first = first or stumble
        next_mended = mend(mended, stumble)
        if next_mended is None:
            break
        mended = next_mended
        builder, stumble = _compose(source, mended)
        if builder.num_nodes >= best.num_nodes:
            best = builder
    found = list(faults)
    if first is not None:
        span = first.span(source.text)
        found.append(SyntaxFault(source.location(span), first.message, first.cause))
    # Of a broken text only the first fault is certain; those of a mended text may be of our making.
    found.extend(builder.faults if first is None else ())
    chosen = builder if stumble is None else best
    comments = tuple(_comments(source.text, chosen.scalars))
    return DataDocument(source, Format.YAML, chosen.roots, comments, tuple(found), strict=not found)


def _compose(source: Source, mended: Mended) -> tuple[TreeBuilder, Stumble | None]:
    """The tree of one text, up to its end or to where PyYAML stumbles."""
    from yaml.error import YAMLError

    builder = TreeBuilder(source, mended)
    stumble: Stumble | None = None
    try:
        for event in _events(mended.text):
            builder.feed(event)
            if builder.is_full:
                break
    except YAMLError as error:
        stumble = stumble_of(error, mended)
    builder.close()
    return builder, stumble


def _events(text: str) -> Iterator[Event]:
    """The parser's events, from libyaml where it is there."""
    import yaml

    # The loaders are used as parsers only: composing and constructing would be asked of them by other methods.
    loader = yaml.CSafeLoader(text) if yaml.__with_libyaml__ else yaml.SafeLoader(text)
    try:
        while loader.check_event():
            yield cast("Event", loader.get_event())  # the stubs know one class for all events, ours says what they have
    finally:
        loader.dispose()


def _comments(text: str, scalars: Sequence[Scalar]) -> Iterator[Comment]:
    """Every comment: a `#` after white space or at the start of a line, outside the scalars (given in order)."""
    position = text.find("#")
    if position < 0:
        return
    starts = [scalar.span.start for scalar in scalars]
    while position >= 0:
        index = bisect_right(starts, position) - 1
        body_end = _body_end(text, scalars[index], position) if index >= 0 else None
        if body_end is not None:
            position = text.find("#", body_end)
            continue
        if position and not (text[position - 1].isspace() or text[position - 1] == "\ufeff"):
            position = text.find("#", position + 1)
            continue
        match = _REST_OF_LINE.match(text, position)
        assert match is not None  # it matches the empty text as well
        body = match[0].rstrip()
        yield Comment(Span(position, position + len(body)), body, begins_line(text, position))
        position = text.find("#", match.end())


def _body_end(text: str, scalar: Scalar, position: int) -> int | None:
    """Where the scalar's own text ends, if `position` lies in it; a block scalar's first line is not its text."""
    if position >= scalar.span.end:
        return None
    if scalar.style in (Style.LITERAL, Style.FOLDED):
        header = _REST_OF_LINE.match(text, scalar.span.start)
        if header is not None and position < header.end():
            return None
    return scalar.span.end
