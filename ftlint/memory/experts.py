"""Records a mixture-of-experts block: the router, the gathering of tokens by expert, and the grouped products.

Source: transformers 5.23 integrations/moe.py, `grouped_mm_experts_forward`, which is the default there. Releases of
generation 4 loop over experts (4.48 models/mixtral, `MixtralSparseMoeBlock`): they keep about as much, but backward
takes one expert apart after the other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ftlint.memory.arithmetic import ceil_div
from ftlint.memory.autograd import Flow, Tensor, ops
from ftlint.memory.blocks import Block, Loop, Mixture
from ftlint.memory.recorder import Recorder
from ftlint.memory.routing import INDEX, route

MAX_TURNS = 8
"""Turns of the loop that are played; with more experts several share one. The tokens are taken as evenly spread."""

Mlp = Callable[[Tensor, str], Tensor]
"""A dense feed-forward block of that name."""


def mixture_of(r: Recorder, block: Block) -> Mixture | None:
    """How this layer's feed-forward block routes; None where it is dense."""
    mixture = block.mixture
    return mixture if mixture is not None and r.has(f"{_module(r, block, mixture)}.{mixture.router}") else None


def _module(r: Recorder, block: Block, mixture: Mixture) -> str:
    return mixture.loop.module if r.step.loops_experts and mixture.loop is not None else block.mlp


def experts(r: Recorder, block: Block, mixture: Mixture, x: Tensor, mlp: Mlp) -> Tensor:
    """The whole block: experts that are chosen, and one that all tokens share. `mlp` records the shared one."""
    tape, name = r.tape, f"{block.mlp}.{mixture.shared}"
    if not mixture.shared:
        return _routed(r, block, mixture, x)
    if not mixture.shared_gate:
        routed = _routed(r, block, mixture, x)
        result = ops.add(tape, routed, mlp(x, name))
        tape.hold(x, routed)
        return result
    shared = mlp(x, name)
    routed = _routed(r, block, mixture, x)
    share = ops.of_result(tape, "sigmoid", r.linear(f"{block.mlp}.{mixture.shared_gate}", x))
    weighted = ops.mul(tape, share, shared)
    result = ops.add(tape, routed, weighted)
    tape.hold(x, weighted)
    return result


def _routed(r: Recorder, block: Block, mixture: Mixture, x: Tensor) -> Tensor:
    pairs = r.step.num_tokens * r.step.architecture.num_experts_per_token
    if r.step.loops_experts and mixture.loop is not None:
        shares = route(r, replace(block, mlp=mixture.loop.module), mixture, x, pairs)
        return _looped(r, block, mixture.loop, x, shares, pairs)
    return _fused(r, block, mixture, x, route(r, block, mixture, x, pairs), pairs)


def _fused(r: Recorder, block: Block, mixture: Mixture, x: Tensor, shares: Tensor, pairs: int) -> Tensor:
    """Each token is copied for each of its experts, and what they give is kept for the router."""
    tape, architecture = r.tape, r.step.architecture
    hidden, width = architecture.hidden_size, architecture.expert_intermediate_size
    module = f"{block.mlp}.experts"
    # The wrapper of what is registered last is the outermost.
    down_update, up_update = (r.updated(f"{module}.{name}") for name in ("down_proj", "gate_up_proj"))
    chosen = _gathered(r, x, pairs * hidden, pairs)
    shares = _gathered(r, shares, pairs, pairs)
    up_weight, up_bias = up_update.read(), _gathered_bias(r, f"{module}.gate_up_proj_bias", pairs, 2 * width)
    both = _grouped(r, up_weight, up_bias, chosen, pairs * 2 * width)
    inner = _clamped_gate(r, both) if mixture.has_clamped_gate else _gate(r, block, both)
    down_weight, down_bias = down_update.read(), _gathered_bias(r, f"{module}.down_proj_bias", pairs, hidden)
    tape.hold(*up_bias)
    out = _grouped(r, down_weight, down_bias, inner, pairs * hidden)
    weighted = ops.mul(tape, out, shares)
    ordered = _gathered(r, weighted, pairs * hidden, pairs)
    # The sum's gradient is an expanded view, which the reshape before it has to copy.
    rows = tape.view("view", ordered, ordered.num_elements, Flow.NEW)
    flows = ((rows, Flow.ALIAS),)
    summed = tape.make("sum", (rows,), r.step.num_tokens * hidden, ordered.num_bytes, flows=flows)
    result = ops.cast(tape, summed, x.num_bytes)
    tape.hold(x, chosen, out, up_weight, down_weight, *down_bias, *up_update.held, *down_update.held)
    return result


def _gate(r: Recorder, block: Block, both: Tensor) -> Tensor:
    gate, up = r.tape.views("chunk", both, (both.num_elements // 2,) * 2)
    return ops.mul(r.tape, ops.of_input(r.tape, block.activation.value, gate), up)


def _clamped_gate(r: Recorder, both: Tensor) -> Tensor:
    """(clamp(up) + 1) * clamp(gate) * sigmoid(alpha * clamp(gate)), of numbers that take turns."""
    tape = r.tape
    gate, up = (ops.sliced(tape, both, both.num_elements // 2) for _ in range(2))
    gate, up = (ops.of_input(tape, "clamp", part) for part in (gate, up))
    glu = ops.mul(tape, gate, ops.of_result(tape, "sigmoid", ops.scale(tape, gate)))
    result = ops.mul(tape, ops.shift(tape, up), glu)
    tape.hold(gate, up, glu)
    return result


def _looped(r: Recorder, block: Block, loop: Loop, x: Tensor, shares: Tensor, pairs: int) -> Tensor:
    """One expert after the other: its tokens gathered, its three products, and what it gives added in place."""
    tape, architecture = r.tape, r.step.architecture
    num_turns = min(MAX_TURNS, architecture.num_experts)
    turn_pairs, num_shared = ceil_div(pairs, num_turns), architecture.num_experts // num_turns
    names = [f"{loop.module}.experts.0.{name}" for name in loop.projections]
    width = shares.num_bytes if loop.is_wide else x.num_bytes
    total = tape.make("zeros", (), x.num_elements, width)
    for _ in range(num_turns):
        chosen = _gathered(r, x, turn_pairs * architecture.hidden_size, turn_pairs)
        gate, up = (r.one_of_many(name, chosen, num_shared) for name in names[:2])
        inner = ops.mul(tape, ops.of_input(tape, block.activation.value, gate), up)
        out = r.one_of_many(names[2], inner, num_shared)
        share = _gathered(r, shares, turn_pairs, turn_pairs)
        weighted = ops.cast(tape, ops.mul(tape, out, share), width)
        total = tape.add_at_indices("index_add_", total, weighted)
    return ops.cast(tape, total, x.num_bytes)


def _gathered(r: Recorder, x: Tensor, num_elements: int, pairs: int) -> Tensor:
    """Rows by index: a copy, and the indices are kept."""
    indices = r.tape.make("indices", (), pairs, INDEX)
    flows = ((x, Flow.NEW),)
    return r.tape.make("index", (x, indices), num_elements, x.num_bytes, saved=(indices,), flows=flows)


def _gathered_bias(r: Recorder, name: str, pairs: int, width: int) -> tuple[Tensor, ...]:
    """An expert's bias for each pair, where there are any."""
    return (_gathered(r, r.parameter(name), pairs * width, pairs),) if r.has(name) else ()


def _grouped(r: Recorder, weight: Tensor, bias: tuple[Tensor, ...], x: Tensor, num_elements: int) -> Tensor:
    """`grouped_mm` with the weights of all experts. Autocast does not reach it: the input is cast to their format."""
    tape = r.tape
    x = ops.cast(tape, x, weight.num_bytes)
    saved = [other for one, other in ((x, weight), (weight, x)) if one.requires_grad]
    flows = ((x, Flow.NEW), (weight, Flow.NEW))
    out = tape.make("grouped_mm", (x, weight), num_elements, x.num_bytes, saved=saved, flows=flows)
    for each in bias:
        out = tape.add_in_place("add_", out, each)
    return out
