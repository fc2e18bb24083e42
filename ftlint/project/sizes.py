"""Sizes of memory as people write them: `744GB` is 744 x 10^9 bytes, `693GiB` is 693 x 2^30."""

from __future__ import annotations

import re
from decimal import Decimal

_UNITS = {
    f"{letter}{suffix}": base**power
    for power, letter in enumerate(("K", "M", "G", "T", "P"), start=1)
    for suffix, base in (("B", 1000), ("iB", 1024))
}
_SIZE = re.compile(r"\s*([0-9]{1,9}(?:\.[0-9]{1,9})?)\s*([A-Za-z]+)\s*")

SIZE_EXPECTED = 'a size with its unit, such as "744GB" (10^9 bytes) or "693GiB" (2^30 bytes)'
"""What to tell a person whose size cannot be read."""


def parse_size(text: str) -> int | None:
    """Bytes of `744GB`, `1.5 TiB`, `81920 MiB`; None for anything else.

    A number without a unit is None too: 744 could mean bytes or gigabytes, and `744G` either kind of gigabyte. The
    letters' case does not matter.
    """
    match = _SIZE.fullmatch(text)
    if match is None:
        return None
    unit = match[2].upper().replace("IB", "iB")
    if unit not in _UNITS:
        return None
    size_bytes = int(Decimal(match[1]) * _UNITS[unit])
    return size_bytes if size_bytes > 0 else None
