"""How each model type computes a layer, for the tape: one description each, in the file of its kind."""

from __future__ import annotations

from collections.abc import Mapping

from ftlint.memory.blocks.block import Activation, Block, Heads, Norm, Order, QueryKeyNorm, Rotary, Stem
from ftlint.memory.blocks.dense import DENSE
from ftlint.memory.blocks.mixtures import MIXTURES
from ftlint.memory.blocks.multimodal import MULTIMODAL, SEES_WHOLE_IMAGES

__all__ = [
    "BLOCKS",
    "SEES_WHOLE_IMAGES",
    "Activation",
    "Block",
    "Heads",
    "Norm",
    "Order",
    "QueryKeyNorm",
    "Rotary",
    "Stem",
    "find_block",
]  # fmt: skip

BLOCKS: Mapping[str, Block] = {**DENSE, **MIXTURES, **MULTIMODAL}


def find_block(model_type: str) -> Block | None:
    """The description of a model type's layer; None where there is none yet."""
    return BLOCKS.get(model_type)
