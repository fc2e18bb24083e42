"""Records one layer of a model as its modelling code computes it: norms, attention, feed-forward block, additions."""

from __future__ import annotations

from ftlint.memory.autograd import Flow, Tensor, ops
from ftlint.memory.blocks import Activation, Block, Heads, Norm, Order, QueryKeyNorm, Rotary
from ftlint.memory.experts import experts, mixture_of
from ftlint.memory.latent import latent_heads
from ftlint.memory.recorder import Recorder
from ftlint.memory.step import Attention, Step

FLOAT32 = ops.FLOAT32


def layer(r: Recorder, block: Block, x: Tensor) -> Tensor:
    """A whole layer; `x`: hidden states, tokens x hidden."""
    if block.order is Order.PARALLEL:
        return _parallel(r, block, x)
    if block.order is Order.PARALLEL_TWO:
        return _parallel_two(r, block, x)
    names = iter(block.norms)
    weights: Tensor | None = None
    held: list[Tensor] = []
    for part in ("attention", "mlp"):
        inner = x if block.order is Order.POST else norm(r, block, next(names), x)
        if part == "attention":
            inner, weights = attention(r, block, inner)
        else:
            inner = mlp(r, block, inner)
        if block.order in (Order.POST, Order.SANDWICH):
            inner = norm(r, block, next(names), inner)
        if not block.mlp:
            inner = _dropout(r, block, inner)
        if part == "attention" and block.holds_attended:
            held.append(inner)
        if block.scales_residual:
            inner = ops.scale(r.tape, inner)
        x = ops.add(r.tape, x, inner)
    r.tape.hold(*held, *_held(weights))
    return x


def _parallel_two(r: Recorder, block: Block, x: Tensor) -> Tensor:
    attended, weights = attention(r, block, norm(r, block, block.norms[0], x))
    fed = mlp(r, block, norm(r, block, block.norms[1], x))
    result = ops.add(r.tape, ops.add(r.tape, fed, attended), x)
    r.tape.hold(*_held(weights))
    return result


def _parallel(r: Recorder, block: Block, x: Tensor) -> Tensor:
    normed = norm(r, block, block.norms[0], x)
    attended, weights = attention(r, block, normed)
    fed = mlp(r, block, normed)
    first, second, third = (x, attended, fed) if block.adds_input_first else (attended, fed, x)
    result = ops.add(r.tape, ops.add(r.tape, first, second), third)
    r.tape.hold(x, *_held(weights))
    return result


def _held(weights: Tensor | None) -> tuple[Tensor, ...]:
    return () if weights is None else (weights,)


def _dropout(r: Recorder, block: Block, x: Tensor) -> Tensor:
    """On what a block gives: inside its module, which holds its argument until then; in OPT in the layer itself."""
    return ops.dropout(r.tape, x, block.residual_dropout)


# Norms --------------------------------------------------------------------------------------------------------------


def norm(r: Recorder, block: Block, name: str, x: Tensor, num_rows: int | None = None) -> Tensor:
    """A norm over rows; `num_rows`: how many, one per token where not said."""
    tape, kind, weights = r.tape, block.norm, r.weights(name)
    rows = r.step.num_tokens if num_rows is None else num_rows
    if r.step.has_fused_kernels and kind in (Norm.RMS, Norm.RMS_WEIGHT_INSIDE, Norm.RMS_ONE_PLUS):
        # Keeps its input, and the inverse root of each row in float32.
        flows = [(tensor, Flow.NEW) for tensor in (x, *weights)]
        size = (x.num_elements, x.num_bytes)
        return tape.make(
            "fused rms norm", (x, *weights), *size, saved=(x,), flows=flows, also_keeps_bytes=FLOAT32 * rows
        )
    if kind is Norm.LAYER_ONE_PLUS:
        return _one_plus(r, weights, x, rows)
    if kind is Norm.LAYER:
        return ops.layer_norm(tape, x, weights, rows)
    if kind is Norm.LAYER_FLOAT32:
        return ops.cast(tape, ops.layer_norm(tape, ops.cast(tape, x, FLOAT32), (), rows), x.num_bytes)
    wide = ops.cast(tape, x, FLOAT32)
    if kind is Norm.LAYER_BY_HAND:
        return _by_hand(r, weights[0], x, wide, rows)
    spread = ops.mean(tape, ops.power(tape, wide), rows)
    inverse = ops.of_result(tape, "rsqrt", ops.shift(tape, spread))
    normed = ops.mul(tape, wide, inverse)
    if kind is Norm.RMS:
        return ops.mul(tape, weights[0], ops.cast(tape, normed, x.num_bytes))
    weight = weights[0]
    if kind is Norm.RMS_ONE_PLUS:
        weight = ops.shift(tape, ops.cast(tape, weight, FLOAT32))
    return ops.cast(tape, ops.mul(tape, weight, normed), x.num_bytes)


def _one_plus(r: Recorder, weights: tuple[Tensor, ...], x: Tensor, rows: int) -> Tensor:
    """Turns autocast off, and itself casts to its format whatever the norm reads (Nemotron)."""
    tape = r.tape
    inputs = (x, ops.shift(tape, weights[0]), *weights[1:])
    if tape.is_autocast:
        inputs = tuple(ops.cast(tape, tensor, tape.compute_bytes) for tensor in inputs)
    return ops.layer_norm(tape, inputs[0], inputs[1:], rows, is_raised=False)


def _by_hand(r: Recorder, weight: Tensor, x: Tensor, wide: Tensor, rows: int) -> Tensor:
    tape = r.tape
    middle = ops.mean(tape, wide, rows)
    spread = ops.mean(tape, ops.power(tape, ops.add(tape, wide, middle)), rows)
    centred = ops.add(tape, wide, middle)
    normed = ops.mul(tape, centred, ops.of_result(tape, "rsqrt", ops.shift(tape, spread)))
    return ops.cast(tape, ops.mul(tape, ops.cast(tape, weight, FLOAT32), normed), x.num_bytes)


# Attention ----------------------------------------------------------------------------------------------------------


def attention(r: Recorder, block: Block, x: Tensor) -> tuple[Tensor, Tensor | None]:
    """Projections, positions, scores, output projection; with the eager weights, which the layer holds on to."""
    if block.latent is not None:
        query, key, value = latent_heads(r, block, x, lambda name, x: norm(r, block, name, x))
    else:
        query, key, value = _heads(r, block, x)
        query = rotated(r, block, query)
        key = rotated(r, block, key)
    attended, weights = attend(r, block, query, key, value)
    result = r.linear(f"{block.attention}.{block.projections[-1]}", attended)
    if block.mlp:
        result = _dropout(r, block, result)
    r.tape.hold(x, query, key, value, attended)
    return result, weights


def _heads(r: Recorder, block: Block, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    architecture, tokens = r.step.architecture, r.step.num_tokens
    sizes = (tokens * architecture.query_width, *(2 * (tokens * architecture.key_value_width,)))
    if block.heads is Heads.SEPARATE:
        parts = [r.linear(f"{block.attention}.{name}", x) for name in block.projections[:3]]
    else:
        whole = r.linear(f"{block.attention}.{block.projections[0]}", x)
        if block.heads is Heads.SPLIT:
            parts = list(r.tape.views("split", whole, sizes))
        else:
            parts = [ops.sliced(r.tape, whole, size) for size in sizes]
    if block.scales_queries:
        parts[0] = ops.scale(r.tape, parts[0])
    if block.qk_norm is not QueryKeyNorm.NONE and r.has(f"{block.attention}.q_norm"):
        per_head = block.qk_norm is QueryKeyNorm.PER_HEAD
        counts = (architecture.num_attention_heads, architecture.num_key_value_heads)
        for index, (name, count) in enumerate(zip(("q_norm", "k_norm"), counts, strict=True)):
            rows = tokens * count if per_head else tokens
            parts[index] = norm(r, block, f"{block.attention}.{name}", parts[index], rows)
    return parts[0], parts[1], parts[2]


def rotated(r: Recorder, block: Block, x: Tensor) -> Tensor:
    """`x * cos + rotate(x) * sin`: cosines and sines are shared by all layers, so nothing of its own is kept."""
    if block.rotary is Rotary.NONE:
        return x
    tape = r.tape
    if r.step.has_fused_kernels:
        # A rotation is its own backward with the sines turned round: nothing is kept, and the gradient is overwritten.
        return tape.make("fused rotary", (x,), x.num_elements, x.num_bytes, flows=((x, Flow.ALIAS),))
    if block.joins_rotated:
        part = int(x.num_elements * block.rotary_share)
        turned, rest = ops.sliced(tape, x, part), ops.sliced(tape, x, x.num_elements - part)
        return ops.cat(tape, (_turned(r, block, turned), rest))
    if block.rotary is Rotary.FLOAT32:
        return ops.cast(tape, _turned(r, block, ops.cast(tape, x, FLOAT32)), x.num_bytes)
    return _turned(r, block, x)


def _turned(r: Recorder, block: Block, x: Tensor) -> Tensor:
    tape = r.tape
    if block.rotary is Rotary.CHUNKS:
        return ops.turned(tape, *tape.views("chunk", x, (x.num_elements // 2,) * 2))
    tables = r.step.sequence_length_tokens * r.step.architecture.head_dim
    # In the hidden states' format, or in float32.
    width = max(table_bytes(r.step, block), x.num_bytes)
    cosines, sines = (tape.shared(tables, width) for _ in range(2))
    straight = ops.mul(tape, x, cosines)
    half = x.num_elements // 2
    first, second = ops.sliced(tape, x, half), ops.sliced(tape, x, half)
    swapped = ops.cat(tape, (ops.negate(tape, second), first))
    turned = ops.add(tape, straight, ops.mul(tape, swapped, sines))
    return ops.cast(tape, turned, x.num_bytes) if block.has_wide_tables else turned


def table_bytes(step: Step, block: Block) -> int:
    """Width of cosines and sines."""
    return FLOAT32 if block.has_wide_tables else step.stream_bytes


def attend(r: Recorder, block: Block, query: Tensor, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor | None]:
    """From queries, keys and values to what the output projection reads, tokens x all heads; eager's weights too."""
    step, tape = r.step, r.tape
    architecture = step.architecture
    rows = step.micro_batch * architecture.num_attention_heads * step.sequence_length_tokens
    if step.attention is Attention.FLASH_2 and block.latent is not None:
        return _padded(r, query, key, value, rows), None
    if step.attention in (Attention.SDPA, Attention.FLASH_2):
        result = ops.flash_attention(tape, query, key, value, _shape(block, query, key, value, rows))
        # Values of another width than keys take the memory-efficient kernel, whose result lies token by token.
        return (result if is_token_major(block) or block.latent else ops.copy(tape, result)), None
    is_shared = architecture.num_key_value_heads < architecture.num_attention_heads
    if is_shared:
        key, value = (ops.copy(tape, x, query.num_elements) for x in (key, value))
    if step.attention is Attention.SDPA_MASKED:
        return _masked(r, block, query, key, value, rows), None
    return _eager(r, block, query, key, value, rows, is_shared=is_shared)


def _padded(r: Recorder, query: Tensor, key: Tensor, value: Tensor, rows: int) -> Tensor:
    """flash_attention_2 over values filled up to the keys' width; the rest of the result is cut off.

    Source: transformers 5.23 integrations/flash_attention.py, `flash_attention_forward`.
    """
    tape, size = r.tape, query.num_elements
    filled = tape.make("pad", (value,), size, value.num_bytes, flows=((value, Flow.NEW),))
    result = ops.flash_attention(tape, query, key, filled, ops.AttentionShape(size, key.num_elements, rows, size))
    return ops.copy(tape, ops.sliced(tape, result, value.num_elements))


def _shape(block: Block, query: Tensor, key: Tensor, value: Tensor, rows: int) -> ops.AttentionShape:
    num_results = query.num_elements if block.latent is None else value.num_elements
    return ops.AttentionShape(query.num_elements, key.num_elements, rows, num_results)


def is_token_major(block: Block) -> bool:
    """Whether queries lie token by token in memory, as a projection leaves them; `cat` puts them head by head."""
    return not block.joins_rotated


def _eager(
    r: Recorder, block: Block, query: Tensor, key: Tensor, value: Tensor, rows: int, *, is_shared: bool
) -> tuple[Tensor, Tensor]:
    """Scores, softmax and weights as matrices: queries x keys, per head.

    Products want heads and sequences in one dimension: with several sequences, what lies token by token is copied.
    """
    step, tape = r.step, r.tape
    copies, width = step.micro_batch > 1, query.num_bytes
    if copies and is_token_major(block):
        query = ops.copy(tape, ops.lowered(tape, query))
    if copies and is_token_major(block) and not is_shared:
        key = ops.copy(tape, ops.lowered(tape, key))
    num_scores = rows * step.sequence_length_tokens
    scores = ops.scale(tape, ops.matmul(tape, query, key, num_scores))
    if block.softcap:
        scores = ops.scale(tape, ops.of_result(tape, "tanh", ops.scale(tape, scores)))
    # The mask has the hidden states' format, and so do scores from then on, if that is wider.
    mask = tape.shared(step.num_tokens * step.sequence_length_tokens, step.stream_bytes)
    scores = ops.add(tape, scores, mask)
    if block.has_sinks:
        weights = _with_sinks(r, block, scores, rows)
    else:
        weights = ops.softmax(tape, scores, block.softmax_bytes or scores.num_bytes)
    narrow = ops.cast(tape, weights, width)
    tape.hold(scores)
    weights = ops.dropout(tape, narrow, block.attention_dropout)
    if copies and not is_shared:
        value = ops.copy(tape, ops.lowered(tape, value))
    result = ops.copy(tape, ops.matmul(tape, weights, value, value.num_elements))
    tape.hold(key, value, weights)
    return result, weights


def _with_sinks(r: Recorder, block: Block, scores: Tensor, rows: int) -> Tensor:
    """A softmax over the scores and one more per head, without that one; the highest is subtracted first (GPT-OSS)."""
    tape = r.tape
    sinks = r.parameter(f"{block.attention}.sinks")
    combined = ops.cat(tape, (scores, tape.view("expand", sinks, rows, Flow.NEW)))
    flows = ((combined, Flow.NEW),)
    highest = tape.make("max", (combined,), rows, combined.num_bytes, flows=flows, also_keeps_bytes=8 * rows)
    shifted = ops.add(tape, combined, highest)
    likely = ops.softmax(tape, shifted, shifted.num_bytes, is_raised=False)
    tape.hold(shifted)
    return ops.sliced(tape, likely, scores.num_elements)


def _masked(r: Recorder, block: Block, query: Tensor, key: Tensor, value: Tensor, rows: int) -> Tensor:
    """SDPA's memory-efficient kernel: as flash, and it keeps the mask, which is made anew in every layer.

    Source: torch 2.13 aten native/transformers/attention.cpp, `convert_boolean_attn_mask`.
    """
    step = r.step
    shape = _shape(block, query, key, value, rows)
    mask = r.tape.shared(step.num_tokens * step.sequence_length_tokens, step.compute_bytes)
    biased = r.tape.make("mask", (mask,), mask.num_elements, mask.num_bytes)
    return ops.flash_attention(r.tape, query, key, value, shape, mask=biased)


# Feed-forward blocks ------------------------------------------------------------------------------------------------


def mlp(r: Recorder, block: Block, x: Tensor) -> Tensor:
    """The feed-forward block: dense, or a mixture of experts."""
    mixture = mixture_of(r, block)
    if mixture is not None:
        return experts(r, block, mixture, x, lambda x, name: _dense(r, block, x, name))
    return _dense(r, block, x, block.mlp)


def _dense(r: Recorder, block: Block, x: Tensor, prefix: str) -> Tensor:
    """A feed-forward block of that name, or without one."""
    names = [f"{prefix}.{name}" if prefix else name for name in block.mlp_projections]
    inner = r.linear(names[0], x)
    if not block.gated:
        inner = activated(r, block, inner)
    elif len(names) == 3:
        gate = activated(r, block, inner)
        inner = ops.mul(r.tape, gate, r.linear(names[1], x))
    else:
        gate, up = r.tape.views("chunk", inner, (inner.num_elements // 2,) * 2)
        inner = ops.mul(r.tape, up, activated(r, block, gate))
    result = r.linear(names[-1], inner)
    if prefix:
        result = _dropout(r, block, result)
        r.tape.hold(x)  # an argument; where the layer itself computes it, the variable goes on to the next tensor
    return result


def activated(r: Recorder, block: Block, x: Tensor) -> Tensor:
    """The activation function."""
    tape, kind = r.tape, block.activation
    if kind in (Activation.SILU, Activation.GELU):
        return ops.of_input(tape, kind.value, x)
    if kind is Activation.RELU:
        return ops.of_result(tape, "relu", x)
    if kind is Activation.RELU_SQUARED:
        return ops.power(tape, ops.of_result(tape, "relu", x))
    # 0.5 * x * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x ** 3)))
    half = ops.scale(tape, x)
    inner = ops.scale(tape, ops.add(tape, x, ops.scale(tape, ops.power(tape, x))))
    result = ops.mul(tape, half, ops.shift(tape, ops.of_result(tape, "tanh", inner)))
    tape.hold(x)
    return result
