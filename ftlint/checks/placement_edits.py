"""Text edits of a `device_map` argument: taken out, or made one that puts the whole model on the process's own GPU."""

from __future__ import annotations

import ast
import re

from ftlint.findings import Edit
from ftlint.spans import Span
from ftlint.syntax.calls import remove_keyword
from ftlint.syntax.document import Source
from ftlint.syntax.python import span_of
from ftlint.trace.placement_events import Dispatched

OWN_GPU = '{"": PartialState().local_process_index}'
_IMPORTED = re.compile(r"^from accelerate import [^\n]*\bPartialState\b", re.MULTILINE)


def without_device_map(event: Dispatched) -> tuple[Edit, ...]:
    """The loading call without the argument; nothing where it is not written in the call."""
    call = event.call.node
    if not isinstance(call, ast.Call):
        return ()
    edit = remove_keyword(event.call.source, call, "device_map")
    return (edit,) if edit is not None else ()


def load_whole(event: Dispatched) -> tuple[Edit, ...]:
    """The argument as `{"": PartialState().local_process_index}`, with the import that it needs."""
    source = event.call.source
    if event.at == event.location or (event.at.path, event.at.cell) != (source.path, source.cell):
        return ()
    replaced = Edit(event.at, OWN_GPU)
    if _IMPORTED.search(source.text):
        return (replaced,)
    place = _behind_imports(source, event.at.span.start)
    if place is None:
        return ()
    return (Edit(source.location(Span(place, place)), "\nfrom accelerate import PartialState"), replaced)


def _behind_imports(source: Source, before: int) -> int | None:
    """The end of the last import at the top level before an offset; None where there is none, or cells have magics."""
    try:
        tree = ast.parse(source.text)
    except (SyntaxError, ValueError, RecursionError):
        return None
    ends = [span_of(node, source).end for node in tree.body if isinstance(node, (ast.Import, ast.ImportFrom))]
    return max((end for end in ends if end < before), default=None)
