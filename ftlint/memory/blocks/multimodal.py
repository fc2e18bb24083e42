"""The layers of language models that only occur inside multimodal ones; the others have their own type's row.

Positions of three dimensions are joined into one table of cosines and sines before the first layer since transformers
5; generation 4 did it in each layer of Qwen's, which then kept tables of its own: 0.3 % of what a layer keeps. How that
computed Qwen3-VL's experts is not described.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ftlint.memory.blocks.block import Block, Mixture
from ftlint.memory.blocks.dense import LLAMA, QWEN_3

MULTIMODAL: Mapping[str, Block] = {
    "qwen2_5_vl_text": replace(LLAMA, has_tables_per_sequence=True),
    "qwen2_vl_text": replace(LLAMA, has_tables_per_sequence=True),
    "qwen3_vl_moe_text": replace(QWEN_3, mixture=Mixture(), has_tables_per_sequence=True),
    "qwen3_vl_text": replace(QWEN_3, has_tables_per_sequence=True),
}

SEES_WHOLE_IMAGES = frozenset({"gemma3", "paligemma"})
"""Multimodal types whose image tokens also look at later ones: where token types are given, every layer has a mask.

Source: transformers 5.23 models/gemma3/modeling_gemma3.py, `create_causal_mask_mapping`; run with each type on a CPU.
"""
