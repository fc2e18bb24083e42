"""Watching the real run: what GPUs and host RAM held at each moment, written down as JSON lines.

This is the one room that runs inside somebody's training, so it is imported by scripts and by nothing of ftlint's.

    from ftlint.watching import watch_memory                # plain loops
    from ftlint.watching.callback import MemoryCallback     # transformers' Trainer; needs transformers

`ftlint estimate TARGET --measured FILE` reads what was written.
"""

from __future__ import annotations

from ftlint.watching.limits import Limits
from ftlint.watching.watch import MemoryWatch, watch_memory

__all__ = ["Limits", "MemoryWatch", "watch_memory"]
