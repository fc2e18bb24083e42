"""The layers of model types that route each token to some of many experts; the experts are `memory/experts.py`'s."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ftlint.memory.blocks.block import Block, QueryKeyNorm
from ftlint.memory.blocks.dense import LLAMA, QWEN_3

MIXTURES: Mapping[str, Block] = {
    "mixtral": LLAMA,
    "olmoe": replace(LLAMA, qk_norm=QueryKeyNorm.BEFORE_HEADS),
    "qwen3_moe": QWEN_3,
}
