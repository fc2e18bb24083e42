"""How each model type computes a layer, for the tape: one description each, in the file of its kind."""

from __future__ import annotations

from collections.abc import Mapping

from ftlint.knowledge.architectures import Architecture
from ftlint.memory.blocks.block import (
    Activation,
    Block,
    Description,
    Heads,
    Kernels,
    Latent,
    Loop,
    Mixture,
    Norm,
    Order,
    QueryKeyNorm,
    Rotary,
    Routing,
    Scores,
    Stem,
)
from ftlint.memory.blocks.dense import DENSE
from ftlint.memory.blocks.mixtures import MIXTURES
from ftlint.memory.blocks.multimodal import MULTIMODAL, SEES_WHOLE_IMAGES
from ftlint.memory.blocks.older import HAD_OWN_LOSS, OLDER

__all__ = [
    "BLOCKS", "HAD_OWN_LOSS", "SEES_WHOLE_IMAGES", "Activation", "Block", "Heads", "Kernels", "Latent", "Loop",
    "Mixture", "Norm", "Order", "QueryKeyNorm", "Rotary", "Routing", "Scores", "Stem", "find_block",
]  # fmt: skip

BLOCKS: Mapping[str, Description] = {**DENSE, **OLDER, **MIXTURES, **MULTIMODAL}


def find_block(architecture: Architecture) -> Block | None:
    """The description of a model's layer; None where there is none yet, of its type or with its numbers."""
    found = BLOCKS.get(architecture.language_model_type)
    return found if found is None or isinstance(found, Block) else found(architecture)
