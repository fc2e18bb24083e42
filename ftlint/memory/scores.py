"""Records eager attention: scores, softmax and weights as matrices, queries x keys, per head.

Products want heads and sequences in one dimension: with several sequences, what lies token by token is copied.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ftlint.memory.autograd import Flow, Tensor, ops
from ftlint.memory.blocks import Block, Scores
from ftlint.memory.recorder import Recorder
from ftlint.memory.step import Step
from ftlint.record import record

FLOAT32 = ops.FLOAT32


@record
class Operands:
    """What attention starts from. `num_rows`: sequences x heads x queries.

    `is_shared`: keys and values were copied for every query head; `is_single`: there is one head of them, which stands
    for all as it is. `input_bytes`: width of the hidden states.
    """

    query: Tensor
    key: Tensor
    value: Tensor
    num_rows: int
    is_shared: bool
    is_single: bool
    input_bytes: int


def eager(r: Recorder, block: Block, given: Operands) -> tuple[Tensor, Tensor]:
    """What the output projection reads, and the weights."""
    return _KINDS[block.scores](r, block, given)


def is_token_major(block: Block) -> bool:
    """Whether queries lie token by token in memory, as a projection leaves them; `cat` puts them head by head."""
    return not block.joins_rotated or block.joins_by_token


def shared_mask_bytes(step: Step, block: Block, *, is_checkpointed: bool) -> int:
    """Masks and biases that all layers share, while anything holds them.

    Layers keep no mask that is added, but one that is recomputed its arguments; what is filled in by a mask keeps it.
    """
    mask = step.num_tokens * step.sequence_length_tokens
    num_heads = step.architecture.num_attention_heads
    if block.scores is Scores.FLOAT32_BIAS:
        bias = FLOAT32 * num_heads * (step.architecture.max_position_embeddings or 0)
        return mask + (bias if is_checkpointed else 0)
    if not is_checkpointed:
        return 0
    bias = num_heads * step.num_tokens * step.stream_bytes if block.scores is Scores.PRODUCT_ON_BIAS else 0
    return bias + block.num_masks * mask * step.embedding_bytes


def _standard(r: Recorder, block: Block, given: Operands) -> tuple[Tensor, Tensor]:
    tape, width = r.tape, given.query.num_bytes
    scores = ops.scale(tape, _product(r, block, given.query, given))
    if block.softcap:
        scores = ops.scale(tape, ops.of_result(tape, "tanh", ops.scale(tape, scores)))
    scores = ops.add(tape, scores, _mask(r))
    if block.has_sinks:
        weights = _with_sinks(r, block, scores, given.num_rows)
    else:
        weights = ops.softmax(tape, scores, block.softmax_bytes or scores.num_bytes)
    narrow = ops.cast(tape, weights, width)
    tape.hold(scores)
    weights = ops.dropout(tape, narrow, block.attention_dropout)
    return _weighted(r, given, weights)


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


def _wide(r: Recorder, block: Block, given: Operands) -> tuple[Tensor, Tensor]:
    """Scores in float32 from float32 queries and keys; autocast casts both down again for the product."""
    tape = r.tape
    query, key = (ops.cast(tape, x, FLOAT32) for x in (given.query, given.key))
    scores = _product(r, block, query, given, key)
    if block.scores is Scores.WIDE_MASKED_FIRST:
        scores = ops.scale(tape, ops.add(tape, scores, _mask(r)))
    else:
        # GPT-J divides; GPT-Neo fills in what its own mask leaves out, and that costs as much.
        scores = ops.add(tape, ops.scale(tape, scores), _mask(r))
    weights = ops.softmax(tape, scores, scores.num_bytes)
    tape.hold(scores)
    narrow = ops.cast(tape, weights, given.value.num_bytes)
    result = _weighted(r, given, ops.dropout(tape, narrow, block.attention_dropout))
    tape.hold(query, key)
    return result


def _product_on_bias(r: Recorder, block: Block, given: Operands) -> tuple[Tensor, Tensor]:
    """`baddbmm`, which scales as well: backward multiplies both gradients once more."""
    tape, query, key, value = r.tape, given.query, given.key, given.value
    if r.step.micro_batch > 1:
        query, key, value = (ops.copy(tape, x) for x in (query, key, value))
    inputs = tuple(ops.lowered(tape, x) for x in (query, key))
    scores = tape.make(
        "baddbmm",
        inputs,
        given.num_rows * r.step.sequence_length_tokens,
        inputs[0].num_bytes,
        saved=[other for one, other in (inputs, inputs[::-1]) if one.requires_grad],
        flows=[(x, Flow.NEW) for x in inputs],
        scratch=((), (inputs[1].size_bytes,)),
    )
    masked = ops.add(tape, scores, _mask(r))
    narrow = ops.cast(tape, ops.softmax(tape, masked, block.softmax_bytes), query.num_bytes)
    result = ops.copy(tape, ops.matmul(tape, narrow, value, query.num_elements))
    tape.hold(query, key, value, scores, masked, narrow)
    return result, narrow


def _float32_bias(r: Recorder, block: Block, given: Operands) -> tuple[Tensor, Tensor]:
    tape = r.tape
    scores = ops.scale(tape, _product(r, block, given.query, given))
    scores = ops.add(tape, scores, tape.shared(r.step.sequence_length_tokens, FLOAT32))
    mask = tape.shared(r.step.num_tokens * r.step.sequence_length_tokens, 1)
    filled = tape.make(
        "masked_fill", (scores, mask), scores.num_elements, FLOAT32, saved=(mask,), flows=((scores, Flow.NEW),)
    )
    narrow = ops.cast(tape, ops.softmax(tape, filled, FLOAT32), given.value.num_bytes)
    result = _weighted(r, given, narrow)
    tape.hold(filled)
    return result


def _in_place(r: Recorder, block: Block, given: Operands) -> tuple[Tensor, Tensor]:
    """Softmax in the hidden states' format, which the weights keep."""
    tape = r.tape
    scores = ops.scale_in_place(tape, _product(r, block, given.query, given))
    masked = ops.add(tape, scores, _mask(r))
    weights = ops.softmax(tape, masked, given.input_bytes)
    tape.hold(scores, masked)
    return _weighted(r, given, weights)


_KINDS: Mapping[Scores, Callable[[Recorder, Block, Operands], tuple[Tensor, Tensor]]] = {
    Scores.STANDARD: _standard,
    Scores.WIDE: _wide,
    Scores.WIDE_MASKED_FIRST: _wide,
    Scores.WIDE_MASKED_TWICE: _wide,
    Scores.PRODUCT_ON_BIAS: _product_on_bias,
    Scores.FLOAT32_BIAS: _float32_bias,
    Scores.IN_PLACE: _in_place,
}


def _product(r: Recorder, block: Block, query: Tensor, given: Operands, key: Tensor | None = None) -> Tensor:
    """Queries times keys, where these lie otherwise than products want them, of copies."""
    tape, key = r.tape, given.key if key is None else key
    copies = r.step.micro_batch > 1 and is_token_major(block)
    if copies:
        query = ops.copy(tape, ops.lowered(tape, query))
    if given.is_single:
        key = _for_all_heads(r, key, query.num_elements)
    elif copies and not given.is_shared:
        key = ops.copy(tape, ops.lowered(tape, key))
    return ops.matmul(tape, query, key, given.num_rows * r.step.sequence_length_tokens)


def _weighted(r: Recorder, given: Operands, weights: Tensor) -> tuple[Tensor, Tensor]:
    """Values by their weights, token by token."""
    tape, value = r.tape, given.value
    if given.is_single:
        value = _for_all_heads(r, value, given.query.num_elements)
    elif r.step.micro_batch > 1 and not given.is_shared:
        value = ops.copy(tape, ops.lowered(tape, value))
    result = ops.copy(tape, ops.matmul(tape, weights, value, value.num_elements))
    tape.hold(given.key, value, weights)
    return result, weights


def _for_all_heads(r: Recorder, x: Tensor, num_elements: int) -> Tensor:
    """One head in the place of many: a view, which products of several sequences copy."""
    x = ops.lowered(r.tape, x)
    if r.step.micro_batch > 1:
        return ops.copy(r.tape, x, num_elements)
    return x if x.num_elements == num_elements else r.tape.view("expand", x, num_elements, Flow.NEW)


def _mask(r: Recorder) -> Tensor:
    """Of the embedded words' format; so are scores from then on, if that is wider."""
    return r.tape.shared(r.step.num_tokens * r.step.sequence_length_tokens, r.step.embedding_bytes)
