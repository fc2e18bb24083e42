"""Records a router: from the hidden states to the share of each chosen expert, one per pair of token and expert.

Source: transformers 5.23 models/<model_type>/modeling_<model_type>.py, the classes that end in `TopKRouter`.
"""

from __future__ import annotations

from ftlint.memory.autograd import Flow, Tensor, ops
from ftlint.memory.blocks import Block, Mixture, Routing
from ftlint.memory.recorder import Recorder

INDEX = 8
"""Bytes of an index."""

_FLOAT32 = (Routing.SOFTMAX_FLOAT32, Routing.SIGMOID_FLOAT32)


def route(r: Recorder, block: Block, mixture: Mixture, x: Tensor, pairs: int) -> Tensor:
    """The shares, in the order of tokens."""
    logits = _logits(r, f"{block.mlp}.{mixture.router}", x, is_wide=mixture.routing in _FLOAT32)
    if mixture.routing is Routing.SPARSE_MIXER:
        return _sampled(r, logits)
    if mixture.routing is Routing.SIGMOID_FLOAT32:
        return _of_groups(r, logits, pairs)
    if mixture.routing is Routing.HIGHEST_FIRST:
        top = _highest(r, logits, pairs)
        return ops.softmax(r.tape, top, top.num_bytes, is_raised=False)
    if mixture.routing is Routing.HIGHEST_FIRST_FLOAT32:
        top = _highest(r, ops.cast(r.tape, logits, ops.FLOAT32), pairs)
        return ops.cast(r.tape, ops.softmax(r.tape, top, ops.FLOAT32), x.num_bytes)
    likely = ops.softmax(r.tape, logits, ops.FLOAT32)
    top = _highest(r, likely, pairs)
    if mixture.routing is Routing.SOFTMAX_FLOAT32:
        return ops.scale(r.tape, top)
    return ops.cast(r.tape, top, x.num_bytes)


def _logits(r: Recorder, name: str, x: Tensor, *, is_wide: bool) -> Tensor:
    """A product with a weight that the router holds itself, or of a linear module."""
    if r.is_linear(name):
        return r.linear(name, x)
    tape, architecture = r.tape, r.step.architecture
    weight = r.updated(f"{name}.weight").read()
    bias = r.parameter(f"{name}.bias") if r.has(f"{name}.bias") else None
    if is_wide:
        x, weight = ops.cast(tape, x, ops.FLOAT32), ops.cast(tape, weight, ops.FLOAT32)
    return ops.linear(tape, x, ops.Linear(architecture.hidden_size, architecture.num_experts, weight, bias))


def _highest(r: Recorder, x: Tensor, pairs: int) -> Tensor:
    flows = ((x, Flow.NEW),)
    return r.tape.make("topk", (x,), pairs, x.num_bytes, flows=flows, also_keeps_bytes=INDEX * pairs)


def _of_groups(r: Recorder, logits: Tensor, pairs: int) -> Tensor:
    """Chosen by a sigmoid plus a correction, of the groups that have the highest; weighted by the sigmoid alone."""
    tape = r.tape
    scores = ops.of_result(tape, "sigmoid", logits)
    choice = ops.shift(tape, scores)
    mask = tape.make("mask", (), choice.num_elements, 1)
    masked = tape.make("masked_fill", (choice, mask), choice.num_elements, choice.num_bytes)
    chosen = tape.make("topk", (masked,), pairs, INDEX)
    flows = ((scores, Flow.NEW),)
    top = tape.make("gather", (scores, chosen), pairs, scores.num_bytes, saved=(chosen,), flows=flows)
    tape.hold(choice, masked)
    return ops.scale(tape, top)


def _sampled(r: Recorder, logits: Tensor) -> Tensor:
    """Two experts, each sampled from what is left; their shares come from a softmax of their own."""
    tape, tokens = r.tape, r.step.num_tokens
    parts = []
    for _ in range(2):
        chosen = tape.make("sample", (), tokens, INDEX)
        mask = tape.make("mask", (), logits.num_elements, 1)
        masked = tape.make("masked_fill", (logits, mask), logits.num_elements, logits.num_bytes)
        likely = ops.softmax(tape, masked, logits.num_bytes)
        share = tape.make("gather", (likely, chosen), tokens, likely.num_bytes)
        flows = ((logits, Flow.NEW),)
        saved = (share, chosen, likely)
        parts.append(tape.make("multiplier", (logits, share), tokens, likely.num_bytes, saved=saved, flows=flows))
    return ops.cat(tape, parts)
