"""The layers of model types that route each token to some of many experts; the experts are `memory/experts.py`'s."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ftlint.memory.blocks.block import Block, Kernels, Latent, Loop, Mixture, Norm, QueryKeyNorm, Rotary, Routing, Stem
from ftlint.memory.blocks.dense import LLAMA, QWEN_3

USUAL = Mixture(loop=Loop())
SHARED = Mixture(Routing.SIGMOID_FLOAT32, shared="shared_experts", loop=Loop(is_wide=True))
LATENT = replace(LLAMA, latent=Latent.PAIRS, joins_rotated=True, mixture=SHARED)

MIXTURES: Mapping[str, Block] = {
    "deepseek_v2": replace(
        LATENT, latent=Latent.COMPLEX, mixture=Mixture(Routing.SOFTMAX_FLOAT32, shared="shared_experts")
    ),
    "deepseek_v3": LATENT,
    "glm4_moe": replace(QWEN_3, rotary_share=0.5, joins_rotated=True, mixture=SHARED),
    "gpt_oss": replace(
        LLAMA,
        norm=Norm.RMS_WEIGHT_INSIDE,
        rotary=Rotary.CHUNKS,
        has_sinks=True,
        kernels=Kernels.EAGER,
        softmax_bytes=0,
        num_masks=2,
        mixture=Mixture(Routing.HIGHEST_FIRST, router="router", has_clamped_gate=True),
    ),
    "granitemoe": replace(
        LLAMA,
        mlp="block_sparse_moe",
        scales_residual=True,
        scales_logits=True,
        embedding=(Stem.SCALE,),
        mixture=Mixture(Routing.HIGHEST_FIRST_FLOAT32, router="router"),
    ),
    "mixtral": replace(LLAMA, mixture=Mixture(loop=Loop("block_sparse_moe", ("w1", "w3", "w2")))),
    "olmoe": replace(LLAMA, qk_norm=QueryKeyNorm.BEFORE_HEADS, mixture=USUAL),
    "phimoe": replace(LLAMA, norm=Norm.LAYER, mixture=Mixture(Routing.SPARSE_MIXER, router="router")),
    "qwen2_moe": replace(LLAMA, mixture=replace(USUAL, shared="shared_expert", shared_gate="shared_expert_gate")),
    "qwen3_moe": replace(QWEN_3, mixture=USUAL),
}
