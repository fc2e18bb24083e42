"""Records attention whose keys and values come out of a narrow latent: DeepSeek's, up to the scores.

Of each head one part has positions and one has none; all heads share the keys' part that has.
Source: transformers 5.23 models/deepseek_v2 and deepseek_v3, `DeepseekV3Attention.forward`, `expand_kv`.
"""

from __future__ import annotations

from collections.abc import Callable

from ftlint.memory.autograd import Flow, Tensor, ops
from ftlint.memory.blocks import Block, Latent
from ftlint.memory.recorder import Recorder

NormOf = Callable[[str, Tensor], Tensor]
"""The norm of that name over each token."""


def latent_heads(r: Recorder, block: Block, x: Tensor, norm: NormOf) -> tuple[Tensor, Tensor, Tensor]:
    """Queries, keys and values, turned; queries and keys lie head by head."""
    architecture, tape, tokens = r.step.architecture, r.tape, r.step.num_tokens
    heads = architecture.num_attention_heads
    nope, rope = (tokens * architecture.number(f"qk_{part}_head_dim") for part in ("nope", "rope"))
    latent, value_size = tokens * architecture.number("kv_lora_rank"), tokens * architecture.number("v_head_dim")
    name = f"{block.attention}."
    if r.has(f"{name}q_proj"):
        whole = r.linear(f"{name}q_proj", x)
    else:
        whole = r.linear(f"{name}q_b_proj", norm(f"{name}q_a_layernorm", r.linear(f"{name}q_a_proj", x)))
    plain, turning = tape.views("split", whole, (heads * nope, heads * rope))
    narrow, key_turning = tape.views("split", r.linear(f"{name}kv_a_proj_with_mqa", x), (latent, rope))
    narrow = norm(f"{name}kv_a_layernorm", narrow)
    turned, key_turned = _turned(r, block, turning), _turned(r, block, key_turning)
    query = ops.cat(tape, (plain, turned))
    opened = r.linear(f"{name}kv_b_proj", narrow)
    key_plain, value = tape.views("split", opened, (heads * nope, heads * value_size))
    spread = tape.view("expand", key_turned, heads * rope, Flow.NEW)
    key = ops.joined(tape, (key_plain, spread))
    tape.hold(plain, turning, narrow, key_turning, turned, key_turned)
    return query, key, value


def _turned(r: Recorder, block: Block, x: Tensor) -> Tensor:
    tape = r.tape
    if block.latent is Latent.COMPLEX:
        # Pairs must lie side by side, which they do in a copy: a cast, or where it is none, of a slice.
        wide = ops.copy(tape, x) if x.num_bytes == ops.FLOAT32 else ops.cast(tape, x, ops.FLOAT32)
        return ops.cast(tape, ops.scale(tape, wide), x.num_bytes)
    half = x.num_elements // 2
    return ops.turned(tape, ops.sliced(tape, x, half), ops.sliced(tape, x, half))
