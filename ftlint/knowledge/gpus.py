"""GPUs and the memory that a training process really finds on them, in the words people use for them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from ftlint.knowledge.bundled import load_object
from ftlint.record import record

GIB_BYTES = 1 << 30

# Who makes it is not part of a GPU's name here: drivers write it, people do not.
_MAKERS = re.compile(r"^(?:(?:nvidia|geforce|tesla|amd|instinct|radeon|huawei)[\s_-]+)+")


@record
class Gpu:
    """One GPU model. Memory is what torch reports as `total_memory`, the driver's own reserve already gone.

    It differs between boards, drivers, ECC settings and operating systems: hence an interval. In bytes.
    """

    name: str
    aliases: tuple[str, ...]
    usable_low_bytes: int
    usable_bytes: int
    """The usual value on Linux."""
    usable_high_bytes: int
    compute_capability: str | None
    """CUDA's, such as "9.0"; None for other makers."""
    has_bf16: bool
    """bfloat16 in hardware; without it torch emulates it slowly or refuses."""
    has_fp8: bool
    source: str


@lru_cache(maxsize=1)
def _gpus() -> Mapping[str, Gpu]:
    rows = load_object("gpus.json")["gpus"]
    if not isinstance(rows, list):
        raise TypeError("gpus.json must hold a list of GPUs")
    return {gpu.name: gpu for gpu in map(_parse, rows)}


def _parse(row: Mapping[str, object]) -> Gpu:
    aliases, usable, capability = row["aliases"], row["usable_gib"], row["compute_capability"]
    if not isinstance(aliases, list) or not isinstance(usable, list):
        raise TypeError(f"gpus.json: {row['name']} must list its aliases and its memory")
    low_bytes, usual_bytes, high_bytes = (int(gib * GIB_BYTES) for gib in usable)
    return Gpu(
        name=str(row["name"]),
        aliases=tuple(aliases),
        usable_low_bytes=low_bytes,
        usable_bytes=usual_bytes,
        usable_high_bytes=high_bytes,
        compute_capability=str(capability) if capability is not None else None,
        has_bf16=row["bf16"] is True,
        has_fp8=row["fp8"] is True,
        source=str(row["source"]),
    )


@lru_cache(maxsize=1)
def _names() -> Mapping[str, str]:
    """Every spelling, normalized -> the GPU's name."""
    return {_normalize(spelling): gpu.name for gpu in _gpus().values() for spelling in (gpu.name, *gpu.aliases)}


def _normalize(name: str) -> str:
    words = re.sub(r"[\s_-]+", "-", _MAKERS.sub("", name.strip().lower())).strip("-")
    return re.sub(r"-(\d+)-(gi?b)\b", r"-\1\2", words).replace("gib", "gb")


def gpu_names() -> tuple[str, ...]:
    """The names of all GPUs we know."""
    return tuple(_gpus())


def find_gpu(name: str) -> Gpu | None:
    """The GPU of this name, in any case, with or without its maker: "NVIDIA A100-SXM4-80GB", "a100 80gb".

    None for a name we do not know, and for one that fits several: an "A100" has 40 or 80 GB.
    """
    known = _names().get(_normalize(name))
    return _gpus()[known] if known is not None else None


def closest_gpu_name(name: str) -> str | None:
    """The known GPU whose name is most like this one, to be suggested; None where nothing is alike."""
    # difflib costs more to import than a lookup does, and is wanted only after a mistake.
    import difflib

    wanted = _normalize(name)
    starting = [spelling for spelling in _names() if wanted and spelling.startswith(wanted)]
    close = starting[:1] or difflib.get_close_matches(wanted, _names(), n=1, cutoff=0.6)
    return _names()[close[0]] if close else None
