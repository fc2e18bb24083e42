"""Files that do not parse: one finding each, as severe as what we know of the file allows."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ftlint.findings import Match, Severity
from ftlint.syntax.document import DataDocument, Document, FaultCause, SyntaxFault

# Our JSON tree is whole in spite of these: DeepSpeed's own loader (hjson) reads them, and only a schema rule knows
# who else reads the file.
_TOLERATED = frozenset({FaultCause.COMMENT, FaultCause.TRAILING_COMMA, FaultCause.BYTE_ORDER_MARK})
# What PyYAML's safe loader refuses to construct although the text is whole, or what is too large for us to be settings:
# only the file's own program can tell.
_LOADERS_OWN = frozenset({FaultCause.UNKNOWN_TAG, FaultCause.UNHASHABLE_KEY, FaultCause.BAD_MERGE, FaultCause.LIMIT})
# `"train_batch_size": BATCH_SIZE`: some script fills the file in before anybody loads it.
_PLACEHOLDER = r"[A-Z][A-Z0-9_]*|<.*|\$.*|\{\{.*|%.*|@.*"


def fault_matches(document: Document, *, ours: bool) -> Iterator[Match]:
    """One match per broken text: the file, or each broken cell of a notebook.

    `ours`: the file was named by the user, or is recognisably one of those we read. A file that merely stood in a
    checked folder may be a template or somebody else's: that it does not parse is worth a note, no more.
    """
    if isinstance(document, DataDocument):
        ignored = _TOLERATED if ours else _TOLERATED | _LOADERS_OWN
        serious = [fault for fault in document.faults if fault.cause not in ignored]
        template = any(_is_placeholder(document, fault) for fault in serious)
        yield from _first(serious, Severity.INFO if template or not ours else None)
        return
    yield from _first(document.faults, None if ours else Severity.INFO)
    for cell in document.cells:
        # A cell may hold another shell's language by a magic we do not know; the notebook's other cells still run.
        in_notebook = cell.source.cell is not None
        yield from _first(cell.faults, Severity.INFO if not ours else Severity.WARNING if in_notebook else None)


def _is_placeholder(document: DataDocument, fault: SyntaxFault) -> bool:
    word = document.source.slice(fault.location.span)
    return fault.cause is FaultCause.UNQUOTED and re.fullmatch(_PLACEHOLDER, word) is not None


def _first(faults: Sequence[SyntaxFault], severity: Severity | None) -> Iterator[Match]:
    if faults:
        fault = min(faults, key=lambda fault: fault.location.sort_key())
        if fault.cause is FaultCause.NEWER_PYTHON:
            severity = Severity.INFO  # the Python of the run is not the one we happen to run in
        yield Match(at=fault.location, values={"cause": fault.message}, severity=severity)
