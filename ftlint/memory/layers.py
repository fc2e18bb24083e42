"""Records one layer of a model as its modelling code computes it: norms, attention, feed-forward block, additions."""

from __future__ import annotations

from ftlint.memory.autograd import Flow, Tensor, ops
from ftlint.memory.blocks import Activation, Block, Heads, Norm, Order, QueryKeyNorm
from ftlint.memory.experts import experts, mixture_of
from ftlint.memory.latent import latent_heads
from ftlint.memory.recorder import Recorder
from ftlint.memory.rotary import turned
from ftlint.memory.scores import Operands, eager, is_token_major
from ftlint.memory.step import Attention

FLOAT32 = ops.FLOAT32


def layer(r: Recorder, block: Block, x: Tensor) -> tuple[Tensor, Tensor | None]:
    """A whole layer; `x`: hidden states, tokens x hidden. With eager attention's weights, where it returns them too."""
    result, weights = _computed(r, block, x)
    return result, weights if block.returns_weights else None


def _computed(r: Recorder, block: Block, x: Tensor) -> tuple[Tensor, Tensor | None]:
    if block.order is Order.PARALLEL:
        return _parallel(r, block, x)
    if block.order is Order.PARALLEL_TWO:
        return _parallel_two(r, block, x)
    names = iter(block.norms)
    weights: Tensor | None = None
    held: list[Tensor] = []
    for part in ("attention", "mlp"):
        inner = x if block.order in (Order.POST, Order.ADD_NORM) else norm(r, block, next(names), x)
        if part == "attention" and block.holds_normed:
            held.append(inner)
        residual = x if part in block.adds_inside else None
        if part == "attention":
            inner, weights = attention(r, block, inner, residual)
        else:
            inner = mlp(r, block, inner, residual)
        if block.order in (Order.POST, Order.SANDWICH):
            inner = norm(r, block, next(names), inner)
        if not block.mlp:
            inner = _dropout(r, block, inner)
        if part == "attention" and block.holds_attended:
            held.append(inner)
        if block.scales_residual:
            inner = ops.scale(r.tape, inner)
        x = ops.add(r.tape, x, inner) if residual is None else inner
        if block.order is Order.ADD_NORM:
            x = norm(r, block, next(names), x)
    r.tape.hold(*held, *_held(weights))
    return x, weights


def _parallel_two(r: Recorder, block: Block, x: Tensor) -> tuple[Tensor, Tensor | None]:
    first = norm(r, block, block.norms[0], x)
    second = norm(r, block, block.norms[1], x) if block.norms_first else None
    attended, weights = attention(r, block, first)
    fed = mlp(r, block, norm(r, block, block.norms[1], x) if second is None else second)
    result = _both_added(r, block, x, attended, fed, weights)
    r.tape.hold(*(() if second is None else (first, second)))
    return result


def _parallel(r: Recorder, block: Block, x: Tensor) -> tuple[Tensor, Tensor | None]:
    normed = norm(r, block, block.norms[0], x)
    attended, weights = attention(r, block, normed)
    fed = mlp(r, block, normed)
    return _both_added(r, block, x, attended, fed, weights)


def _both_added(
    r: Recorder, block: Block, x: Tensor, attended: Tensor, fed: Tensor, weights: Tensor | None
) -> tuple[Tensor, Tensor | None]:
    """What both blocks gave, and the layer's input."""
    if block.adds_input_first:
        result = ops.add(r.tape, ops.add(r.tape, x, attended), fed)
    elif block.adds_in_place:
        result = ops.add(r.tape, ops.add_in_place(r.tape, fed, attended), x)
    else:
        result = ops.add(r.tape, ops.add(r.tape, attended, fed), x)
    r.tape.hold(x, *_held(weights))
    return result, weights


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


def attention(r: Recorder, block: Block, x: Tensor, residual: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
    """Projections, positions, scores, output projection; with the eager weights, which the layer holds on to.

    `residual`: added before the module returns, where it does that itself.
    """
    held: tuple[Tensor, ...] = ()
    if block.latent is not None:
        query, key, value = latent_heads(r, block, x, lambda name, x: norm(r, block, name, x))
    else:
        query, key, value, *others = _heads(r, block, x)
        query, key, parts = turned(r, block, query, key)
        held = (*others, *parts)
    if block.scales_turned_queries:
        query = ops.mul(r.tape, query, r.tape.make("scales", (), r.step.sequence_length_tokens, query.num_bytes))
    attended, weights = attend(r, block, query, key, value, x.num_bytes)
    result = r.linear(f"{block.attention}.{block.projections[-1]}", attended)
    if block.mlp:
        result = _dropout(r, block, result)
    if residual is not None:
        result = ops.add(r.tape, residual, result)
    r.tape.hold(x, query, key, value, attended, *held)
    return result, weights


def _heads(r: Recorder, block: Block, x: Tensor) -> tuple[Tensor, ...]:
    """Queries, keys and values, and what else the attention's variables hold on to."""
    architecture, tokens = r.step.architecture, r.step.num_tokens
    held: tuple[Tensor, ...] = ()
    sizes = (tokens * architecture.query_width, *(2 * (tokens * architecture.key_value_width,)))
    if block.heads is Heads.SEPARATE:
        parts = [r.linear(f"{block.attention}.{name}", x) for name in block.projections[:3]]
    else:
        whole = r.linear(f"{block.attention}.{block.projections[0]}", x)
        if block.clamps_projected:
            whole = ops.of_input(r.tape, "clamp", whole)
        parts = _parted(r, block, whole, sizes)
        held = () if block.heads in (Heads.SLICED, Heads.SPLIT) else (whole,)
    if block.scales_queries:
        parts[0] = ops.scale(r.tape, parts[0])
    counts = (architecture.num_attention_heads, architecture.num_key_value_heads)
    for index, (name, count) in enumerate(zip(("q_norm", "k_norm"), counts, strict=True)):
        if block.qk_norm is QueryKeyNorm.EACH_HEAD:
            parts[index] = _normed_by_head(r, parts[index], count)
        elif block.qk_norm is not QueryKeyNorm.NONE and r.has(f"{block.attention}.{name}"):
            rows = tokens * count if block.qk_norm is QueryKeyNorm.PER_HEAD else tokens
            parts[index] = norm(r, block, f"{block.attention}.{name}", parts[index], rows)
    return (*parts, *held)


def _parted(r: Recorder, block: Block, whole: Tensor, sizes: tuple[int, ...]) -> list[Tensor]:
    """Queries, keys and values out of one projection."""
    tape, heads = r.tape, block.heads
    if heads in (Heads.SPLIT, Heads.REGROUPED):
        parts = tape.views("split", whole, sizes)
        return [ops.copy(tape, part) if heads is Heads.REGROUPED else part for part in parts]
    if heads is Heads.SLICED:
        return [ops.sliced(tape, whole, size) for size in sizes]
    query = ops.sliced(tape, whole, sizes[0])
    picked = [tape.make("index", (whole,), size, whole.num_bytes, flows=((whole, Flow.NEW),)) for size in sizes[1:]]
    if heads is Heads.MULTI_QUERY:
        return [query, *picked]
    return [ops.copy(tape, query), *(ops.copy(tape, part, sizes[0]) for part in picked)]


def _normed_by_head(r: Recorder, x: Tensor, num_heads: int) -> Tensor:
    """Split by heads, each normed for itself, joined again."""
    (parts,) = r.tape.views("split", x, (x.num_elements,))
    return ops.cat(r.tape, (ops.layer_norm(r.tape, parts, (), r.step.num_tokens * num_heads),))


def attend(
    r: Recorder, block: Block, query: Tensor, key: Tensor, value: Tensor, input_bytes: int
) -> tuple[Tensor, Tensor | None]:
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
    is_single = key.num_elements < query.num_elements and architecture.num_key_value_heads == 1
    is_shared = key.num_elements < query.num_elements and not is_single
    if is_shared:
        key, value = (ops.copy(tape, x, query.num_elements) for x in (key, value))
    if is_single and block.heads is not Heads.MULTI_QUERY:
        key, value = (tape.view("expand", x, query.num_elements, Flow.NEW) for x in (key, value))
    if step.attention is Attention.SDPA_MASKED:
        return _masked(r, block, query, key, value, rows), None
    return eager(r, block, Operands(query, key, value, rows, is_shared, is_single, input_bytes))


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


def mlp(r: Recorder, block: Block, x: Tensor, residual: Tensor | None = None) -> Tensor:
    """The feed-forward block: dense, or a mixture of experts; `residual`: as in `attention`."""
    mixture = mixture_of(r, block)
    if mixture is not None:
        return experts(r, block, mixture, x, lambda x, name: _dense(r, block, x, name))
    return _dense(r, block, x, block.mlp, residual)


def _dense(r: Recorder, block: Block, x: Tensor, prefix: str, residual: Tensor | None = None) -> Tensor:
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
    held = inner if residual is not None else x
    if prefix:
        result = _dropout(r, block, result)
        if residual is not None:
            result = ops.add(r.tape, residual, result)
        r.tape.hold(x, held)  # an argument; where the layer itself computes it, the variable goes on to the next tensor
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
    if kind is Activation.GELU_BY_HAND:
        # Of the terms of its formula, beside the result: at most three at a time in forward, four in backward.
        scratch = [[x.size_bytes] * count for count in (3, 4)]
        flows = ((x, Flow.NEW),)
        return tape.make(
            "gelu", (x,), x.num_elements, x.num_bytes, saved=(x,), flows=flows, scratch=(scratch[0], scratch[1])
        )
    # 0.5 * x * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x ** 3)))
    half = ops.scale(tape, x)
    inner = ops.scale(tape, ops.add(tape, x, ops.scale(tape, ops.power(tape, x))))
    result = ops.mul(tape, half, ops.shift(tape, ops.of_result(tape, "tanh", inner)))
    tape.hold(x)
    return result
