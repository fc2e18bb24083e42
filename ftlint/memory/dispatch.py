"""Whether `device_map="auto"` and its like put a part of a model on the CPU or the disk: weights against free memory.

What transformers does is imitated on the pessimistic side only: `NEVER` is an imitation in which every unknown is at
its worst and all weights still find a place; `CERTAIN` is a bare comparison of sums. Between them it is `POSSIBLE`.

Source: transformers 5.23 integrations/accelerate.py (`get_balanced_memory`, `infer_auto_device_map`); accelerate 1.15
utils/modeling.py, which transformers 4 uses; transformers 5.23 quantizers/quantizer_bnb_4bit.py (`adjust_max_memory`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from enum import Enum

from ftlint.knowledge.architectures import ParameterTable, Role
from ftlint.record import record

ONE_GPU_SHARE = (9, 10)
"""Of a single GPU's free memory, where nobody sets `max_memory` and the map is not "sequential"."""
QUANTIZED_SHARE = (9, 10)
"""What bitsandbytes' quantizers leave of any limit."""
CONTEXT_BYTES = 3 * 2**29
"""At most what CUDA's context and an idle desktop take of a GPU before the model comes: 1.5 GiB. Not measured."""
_BUFFERS = (101, 100)
"""Rotary tables and masks, which are no parameters."""
_UNITS = {"GIB": 2**30, "MIB": 2**20, "KIB": 2**10, "GB": 10**9, "MB": 10**6, "KB": 10**3}


class Offload(Enum):
    """Whether something is offloaded."""

    CERTAIN = "certain"
    POSSIBLE = "possible"
    NEVER = "never"


@record
class Pieces:
    """A model's weights as they are dealt out: sizes at most, in order, one for each piece that is never split.

    `low_bytes`, `high_bytes`: of all weights. `layer_bytes`: of the largest decoder layer.
    """

    low_bytes: int
    high_bytes: int
    sizes: tuple[int, ...]
    layer_bytes: int


@record
class FreeMemory:
    """What one GPU has free, in bytes."""

    low_bytes: int
    high_bytes: int


def weigh(table: ParameterTable, *, width_bytes: int, quantized_bits: int | None = None) -> Pieces:
    """The weights of a model as loaded. `width_bytes` per parameter; with `quantized_bits` only of what stays as it is.

    Which modules bitsandbytes leaves alone differs between releases, and some reckon all of them as quantized.
    """
    tied_bytes = [_bytes(tied.tensor.num_params, tied.tensor.role, width_bytes, quantized_bits) for tied in table.tied]
    sizes = [*_sizes(table, width_bytes, quantized_bits), *tied_bytes]
    layers = [
        sum(_bytes(tensor.num_params, tensor.role, width_bytes, quantized_bits) for tensor in section.tensors)
        for section in table.sections
        if section.first_index is not None
    ]
    low_bytes = table.num_params * width_bytes if quantized_bits is None else table.num_params * quantized_bits // 8
    return Pieces(low_bytes, sum(sizes), tuple(sizes), max(layers, default=0))


def _sizes(table: ParameterTable, width_bytes: int, quantized_bits: int | None) -> Iterator[int]:
    for section in table.sections:
        each = [_bytes(tensor.num_params, tensor.role, width_bytes, quantized_bits) for tensor in section.tensors]
        if section.first_index is None:
            yield from each
        else:
            yield from [sum(each)] * section.num_copies


def _bytes(num_params: int, role: Role, width_bytes: int, quantized_bits: int | None) -> int:
    """At most what a tensor is reckoned with."""
    if quantized_bits is None:
        size = num_params * width_bytes
    else:
        size = num_params * quantized_bits // 8 if role in (Role.LINEAR, Role.CONV1D) else num_params * 4
    return size * _BUFFERS[0] // _BUFFERS[1]


def offload(
    pieces: Pieces, gpus: Sequence[FreeMemory], word: str, *, by_hand: bool = False, is_quantized: bool = False
) -> Offload:
    """Whether a map of that word offloads. `by_hand`: the limits are `max_memory=`."""
    room = usable(gpus, word, by_hand=by_hand, is_quantized=is_quantized)
    if pieces.low_bytes > sum(gpu.high_bytes for gpu in room):
        return Offload.CERTAIN
    limits = _limits(pieces, [gpu.low_bytes for gpu in room], word)
    return Offload.NEVER if _all_placed(pieces.sizes, limits) else Offload.POSSIBLE


def usable(
    gpus: Sequence[FreeMemory], word: str, *, by_hand: bool = False, is_quantized: bool = False
) -> tuple[FreeMemory, ...]:
    """What of each GPU may be filled."""
    numerator, denominator = 1, 1
    shares = [ONE_GPU_SHARE] if len(gpus) == 1 and not by_hand and word != "sequential" else []
    for share in (*shares, *([QUANTIZED_SHARE] if is_quantized else [])):
        numerator, denominator = numerator * share[0], denominator * share[1]
    return tuple(
        FreeMemory(gpu.low_bytes * numerator // denominator, gpu.high_bytes * numerator // denominator) for gpu in gpus
    )


def _limits(pieces: Pieces, free: list[int], word: str) -> list[int]:
    """What each GPU is given: all but the last one get their share and a little more, so that they fill alike."""
    count = len(free)
    if word == "sequential" or count < 2:
        return free
    sharing = count - 1 if word == "balanced_low_0" else count
    # Newer releases add more, the largest module if that is larger than a layer; the least is the worst.
    share = pieces.low_bytes // sharing + pieces.layer_bytes * 5 // 4
    limits = [min(share, each) for each in free[:-1]] + free[-1:]
    if word == "balanced_low_0":
        limits[0] = min(free[0], max(0, pieces.low_bytes - sum(limits[1:])))
    return limits


def _all_placed(sizes: Sequence[int], limits: Sequence[int]) -> bool:
    """Whether all pieces find a place; the first GPU keeps room for the largest piece that is still to come."""
    if not limits:
        return False
    device, used = 0, 0
    largest = [0] * len(sizes)
    for position in range(len(sizes) - 1, -1, -1):
        later = largest[position + 1] if position + 1 < len(sizes) else 0
        largest[position] = max(sizes[position], later)
    for position, size in enumerate(sizes):
        while used + size > limits[device] - (largest[position] if device == 0 else 0):
            device, used = device + 1, 0
            if device == len(limits):
                return False
        used += size
    return True


def size_in_bytes(limit: int | str) -> int | None:
    """What accelerate reads in `max_memory`: a number, or a text such as "20GiB"; None for anything else."""
    if isinstance(limit, int):
        return limit
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([KMG]i?B)\s*", limit, re.IGNORECASE)
    if found is None or found[2].endswith("b"):  # bits
        return None
    return int(float(found[1]) * _UNITS[found[2].upper()])
