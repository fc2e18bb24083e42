"""How much of one file we read: a file beyond these limits is data, not a description of a run, and gets one fault."""

from __future__ import annotations

from ftlint.syntax.document import Format

MAX_DEPTH = 100
"""Brackets, blocks or merges inside each other: 9 in the deepest of 1,069 real files; pickle gives up at 150."""

MAX_BYTES = {
    Format.JSON: 1 << 19,
    Format.YAML: 1 << 19,
    Format.PYTHON: 2 << 20,
    Format.NOTEBOOK: 64 << 20,  # the pictures among a notebook's outputs count as well
    Format.SHELL: 1 << 18,  # beyond it an installer with an archive inside
}
"""Bytes of a file. The largest of 1,069 real configuration files has 36,450."""

MAX_NODES = 100_000
"""Nodes that a walk expands through YAML aliases."""
