"""What is believed about a run, in words: a value, and where it comes from."""

from __future__ import annotations

import re
from enum import Enum

from ftlint.knowledge.architectures import Architecture
from ftlint.knowledge.gpus import Gpu
from ftlint.memory.estimate import Interval
from ftlint.report.places import Places
from ftlint.report.visible import visible
from ftlint.run.fact import Unknown
from ftlint.spans import How, Origin

GIB = 2**30
_MOST_BITS = 2_000  # Python prints at least 640 digits, and refuses some more


def gib(num_bytes: int) -> str:
    """A size for people: `62.48 GiB`."""
    return f"{num_bytes / GIB:.2f} GiB"


def interval_text(size: Interval) -> str:
    """What is expected, and from what to what it may be: `62.48 GiB (60.1 to 64.9)`."""
    if size.low_bytes == size.high_bytes:
        return gib(size.expected_bytes)
    return f"{gib(size.expected_bytes)} ({size.low_bytes / GIB:.1f} to {size.high_bytes / GIB:.1f})"


def value_text(name: str, value: object) -> str:
    """The value of the fact of that dotted name, as a person would write it."""
    if isinstance(value, Unknown):
        return "unknown"
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, tuple):
        return ", ".join(value_text(name, item) for item in value) or "none"
    if isinstance(value, Architecture):
        return f"{value.model_type}, {value.num_layers} layers of {value.hidden_size}, vocabulary {value.vocab_size}"
    if isinstance(value, Gpu):
        return value.name
    if isinstance(value, int) and value.bit_length() > _MOST_BITS:
        return f"a number of {value.bit_length()} bits"
    if isinstance(value, int) and re.search(r"(?:^|[._])bytes(?:$|_)", name):
        return f"{value} bytes ({gib(value)})"
    return visible(str(value))


def origin_text(origin: Origin, places: Places) -> str:
    """`train.yaml:3:1`, `default of transformers 4.46.1`, `derived: micro batch x ranks`."""
    words = "" if origin.how is How.WRITTEN else origin.how.value
    note = visible(origin.note)
    if origin.location is None:
        return f"{words}: {note}" if words and note else words or note
    place = visible(str(places.place(origin.location)))
    before = f"{words} from " if words else ""
    return f"{before}{place}{f' ({note})' if note else ''}"
