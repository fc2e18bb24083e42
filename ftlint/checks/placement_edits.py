"""Text edits of a `device_map` argument: taken out, or made one that puts the whole model on the process's own GPU."""

from __future__ import annotations

import ast

from ftlint.findings import Edit
from ftlint.syntax.calls import remove_keyword
from ftlint.syntax.document import ScriptDocument
from ftlint.syntax.import_edits import add_import
from ftlint.trace.placement_events import Dispatched

OWN_GPU = '{"": PartialState().local_process_index}'


def without_device_map(event: Dispatched) -> tuple[Edit, ...]:
    """The loading call without the argument; nothing where it is not written in the call."""
    call = event.call.node
    if not isinstance(call, ast.Call):
        return ()
    edit = remove_keyword(event.call.source, call, "device_map")
    return (edit,) if edit is not None else ()


def load_whole(event: Dispatched, document: ScriptDocument) -> tuple[Edit, ...]:
    """The argument as `{"": PartialState().local_process_index}`, with the import that it needs."""
    source = event.call.source
    if event.at == event.location or (event.at.path, event.at.cell) != (source.path, source.cell):
        return ()
    cell = next((cell for cell in document.cells if cell.source == source), None)
    if cell is None or cell.tree is None:
        return ()
    imported = add_import(cell, "accelerate", ("PartialState",))
    replaced = Edit(event.at, OWN_GPU)
    if imported is not None and imported.location.span.start > event.at.span.start:
        return ()  # the last import stands behind the load, and so would this one
    return (imported, replaced) if imported is not None else (replaced,)
