"""How fast the machine is at the moment: a shared one runs at half its speed for minutes.

Limits in milliseconds are for a machine on which a fixed piece of pure Python takes `REFERENCE_MS`.
"""

from __future__ import annotations

import time
from bisect import bisect_left, insort

REFERENCE_MS = 1.00
"""What `reference_ms` gives on the machine that the figures in docs/performance.md are from, at its full speed."""


def reference_ms() -> float:
    """Processor's milliseconds for objects made, kept in a dict and a sorted list, and dropped."""
    begin = time.process_time()
    kept: dict[int, list[int]] = {}
    keys: list[int] = []
    for number in range(2_000):
        key = number * 7919 % 1009
        if key in kept:
            del kept[key], keys[bisect_left(keys, key)]
        else:
            kept[key] = [number, key]
            insort(keys, key)
    return (time.process_time() - begin) * 1000


def corrected(milliseconds: float, reference: float) -> float:
    """What it would have taken at full speed; `reference`: what `reference_ms` gave beside it."""
    return milliseconds * REFERENCE_MS / reference
