"""Records a mixture-of-experts block: the router, the gathering of tokens by expert, and the grouped products.

Source: transformers 5.23 integrations/moe.py, `grouped_mm_experts_forward`, which is the default there; the routers of
models/mixtral, qwen2_moe, qwen3_moe and olmoe. Releases of generation 4 loop over experts (4.48 models/mixtral,
`MixtralSparseMoeBlock`): they keep about as much, but backward takes one expert apart after the other.
"""

from __future__ import annotations

from ftlint.memory.arithmetic import ceil_div
from ftlint.memory.autograd import Flow, Tensor, ops
from ftlint.memory.blocks import Block
from ftlint.memory.recorder import Recorder

INDEX = 8
"""Bytes of an index."""


MAX_TURNS = 8
"""Turns of the loop that are played; with more experts several share one. The tokens are taken as evenly spread."""


def has_experts(r: Recorder, block: Block) -> bool:
    """Whether this layer's feed-forward block is a mixture that we know."""
    return r.has(f"{block.mlp}.experts.gate_up_proj") and r.has(f"{block.mlp}.gate")


def experts(r: Recorder, block: Block, x: Tensor) -> Tensor:
    """Router and experts. Each token is copied for each of its experts, and what they give is kept for the router."""
    tape, architecture = r.tape, r.step.architecture
    hidden, width = architecture.hidden_size, architecture.expert_intermediate_size
    pairs = r.step.num_tokens * architecture.num_experts_per_token
    shares = _route(r, block, x, pairs)
    if r.step.loops_experts:
        return _looped(r, block, x, shares, pairs)
    chosen = _gathered(r, x, pairs * hidden, pairs)
    both = _grouped(r, f"{block.mlp}.experts.gate_up_proj", chosen, pairs * 2 * width)
    gate, up = tape.views("chunk", both, (pairs * width,) * 2)
    inner = ops.mul(tape, ops.of_input(tape, block.activation.value, gate), up)
    out = _grouped(r, f"{block.mlp}.experts.down_proj", inner, pairs * hidden)
    weighted = ops.mul(tape, out, ops.cast(tape, shares, out.num_bytes))
    ordered = _gathered(r, weighted, pairs * hidden, pairs)
    # The sum's gradient is an expanded view, which the reshape before it has to copy.
    rows = tape.view("view", ordered, ordered.num_elements, Flow.NEW)
    flows = ((rows, Flow.ALIAS),)
    result = tape.make("sum", (rows,), r.step.num_tokens * hidden, ordered.num_bytes, flows=flows)
    tape.hold(x, chosen, out)
    return result


def _looped(r: Recorder, block: Block, x: Tensor, shares: Tensor, pairs: int) -> Tensor:
    """One expert after the other: its tokens gathered, its three products, and what it gives added in place."""
    tape, architecture = r.tape, r.step.architecture
    hidden, width = architecture.hidden_size, architecture.expert_intermediate_size
    num_turns = min(MAX_TURNS, architecture.num_experts)
    turn_pairs, num_weights = ceil_div(pairs, num_turns), hidden * width * architecture.num_experts // num_turns
    total = tape.make("zeros", (), x.num_elements, x.num_bytes)
    for _ in range(num_turns):
        chosen = _gathered(r, x, turn_pairs * hidden, turn_pairs)
        gate = _expert_linear(r, chosen, hidden, width, num_weights)
        up = _expert_linear(r, chosen, hidden, width, num_weights)
        inner = ops.mul(tape, ops.of_input(tape, block.activation.value, gate), up)
        out = _expert_linear(r, inner, width, hidden, num_weights)
        share = ops.cast(tape, _gathered(r, shares, turn_pairs, turn_pairs), out.num_bytes)
        weighted = ops.cast(tape, ops.mul(tape, out, share), x.num_bytes)
        total = tape.add_in_place("index_add_", total, weighted)
    return total


def _expert_linear(r: Recorder, x: Tensor, in_features: int, out_features: int, num_weights: int) -> Tensor:
    """A plain linear module, quantized as the others are."""
    step = r.step
    if step.is_quantized:
        return r.quantized(x, in_features, out_features)
    weight = r.tape.parameter(num_weights, step.weight_bytes, is_trained=step.adapters is None)
    return ops.linear(r.tape, x, ops.Linear(in_features, out_features, weight, None))


def _route(r: Recorder, block: Block, x: Tensor, pairs: int) -> Tensor:
    """The share of each chosen expert, one per pair of token and expert."""
    tape, architecture = r.tape, r.step.architecture
    weight = r.parameter(f"{block.mlp}.gate.weight")
    logits = ops.linear(tape, x, ops.Linear(architecture.hidden_size, architecture.num_experts, weight, None))
    likely = ops.of_result(tape, "softmax", ops.cast(tape, logits, ops.FLOAT32))
    flows = ((likely, Flow.NEW),)
    top = tape.make("topk", (likely,), pairs, ops.FLOAT32, flows=flows, also_keeps_bytes=INDEX * pairs)
    return _gathered(r, ops.cast(tape, top, x.num_bytes), pairs, pairs)


def _gathered(r: Recorder, x: Tensor, num_elements: int, pairs: int) -> Tensor:
    """Rows by index: a copy, and the indices are kept."""
    indices = r.tape.make("indices", (), pairs, INDEX)
    flows = ((x, Flow.NEW),)
    return r.tape.make("index", (x, indices), num_elements, x.num_bytes, saved=(indices,), flows=flows)


def _grouped(r: Recorder, name: str, x: Tensor, num_elements: int) -> Tensor:
    """`grouped_mm` with the weights of all experts. Autocast does not reach it: the input is cast to their format."""
    tape, weight = r.tape, r.parameter(name)
    x = ops.cast(tape, x, weight.num_bytes)
    saved = [other for one, other in ((x, weight), (weight, x)) if one.requires_grad]
    flows = ((x, Flow.NEW), (weight, Flow.NEW))
    return tape.make("grouped_mm", (x, weight), num_elements, x.num_bytes, saved=saved, flows=flows)
