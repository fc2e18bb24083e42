"""How each model type computes a layer, for the tape: one description each, in the file of its kind."""

from __future__ import annotations

from collections.abc import Mapping

from ftlint.memory.blocks.block import (
    Activation,
    Block,
    Heads,
    Latent,
    Loop,
    Mixture,
    Norm,
    Order,
    QueryKeyNorm,
    Rotary,
    Routing,
    Stem,
)
from ftlint.memory.blocks.dense import DENSE
from ftlint.memory.blocks.mixtures import MIXTURES

__all__ = [
    "BLOCKS", "Activation", "Block", "Heads", "Latent", "Loop", "Mixture", "Norm", "Order", "QueryKeyNorm", "Rotary",
    "Routing", "Stem", "find_block",
]  # fmt: skip

BLOCKS: Mapping[str, Block] = {**DENSE, **MIXTURES}


def find_block(model_type: str) -> Block | None:
    """The description of a model type's layer; None where there is none yet."""
    return BLOCKS.get(model_type)
