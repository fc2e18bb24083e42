"""Records how positions are turned into queries and keys: `x * cos + rotate(x) * sin`, from tables of both.

Where all layers share the tables, nothing of a layer's own is kept; where each layer makes its own, it keeps those.
"""

from __future__ import annotations

from ftlint.memory.autograd import Flow, Tensor, ops
from ftlint.memory.blocks import Block, Rotary
from ftlint.memory.recorder import Recorder
from ftlint.memory.step import Step

FLOAT32 = ops.FLOAT32

_SPREAD = (Rotary.SPREAD, Rotary.SPREAD_FLOAT32)
_LOOKED_UP = (Rotary.LOOKED_UP, Rotary.LOOKED_UP_FLOAT32)


def turned(r: Recorder, block: Block, query: Tensor, key: Tensor) -> tuple[Tensor, Tensor, tuple[Tensor, ...]]:
    """Queries and keys with their positions, and what the attention's variables hold on to meanwhile."""
    if block.rotary is Rotary.NONE:
        return query, key, ()
    if r.step.has_fused_kernels:
        return _fused(r, query), _fused(r, key), ()
    held = list(_looked_up(r, block, key)) if block.rotary in _LOOKED_UP else []
    tables = None if block.rotary in _LOOKED_UP else _tables(r, block, query)
    query = _rotated(r, block, query, tables, held)
    key = _rotated(r, block, key, tables, held)
    r.tape.hold(*(tables or ()))
    return query, key, tuple(held)


def table_bytes(step: Step, block: Block) -> int:
    """Width of cosines and sines that all layers share."""
    return FLOAT32 if block.has_wide_tables else step.stream_bytes


def shared_table_bytes(step: Step, block: Block, *, is_checkpointed: bool) -> int:
    """Cosines and sines that all layers share, while anything holds them: a product, or a checkpoint's arguments."""
    if block.rotary in (Rotary.NONE, *_LOOKED_UP) or (block.rotary in _SPREAD and not is_checkpointed):
        return 0
    return 2 * block.num_tables * _table_elements(step, block) * table_bytes(step, block)


def _table_elements(step: Step, block: Block) -> int:
    """Cosines of all positions: for each number that is turned, or for each pair."""
    rows = step.num_tokens if block.has_tables_per_sequence else step.sequence_length_tokens
    if block.latent is not None:
        return rows * step.architecture.number("qk_rope_head_dim")
    width = int(step.architecture.head_dim * block.rotary_share)
    return rows * (width // 2 if block.rotary is Rotary.CHUNKS else width)


def _tables(r: Recorder, block: Block, x: Tensor) -> tuple[Tensor, Tensor]:
    """Cosines and sines: all layers' own, or as wide as a head in this one."""
    count = _table_elements(r.step, block)
    if block.rotary in _SPREAD:
        width = table_bytes(r.step, block)
        return r.tape.make("cosines", (), count, width), r.tape.make("sines", (), count, width)
    # In the hidden states' format, or in float32.
    width = FLOAT32 if block.rotary is Rotary.FLOAT32 else max(table_bytes(r.step, block), x.num_bytes)
    return r.tape.shared(count, width), r.tape.shared(count, width)


def _looked_up(r: Recorder, block: Block, key: Tensor) -> tuple[Tensor, ...]:
    """Sines and cosines of this layer's positions, in one tensor; GPT-J copies the whole table before."""
    step, tape = r.step, r.tape
    count = _table_elements(step, block)
    if block.rotary is Rotary.LOOKED_UP_FLOAT32:
        return (tape.make("positions", (), count, FLOAT32),)
    positions = step.architecture.max_position_embeddings or 0
    whole = tape.make("repeat", (), positions * int(step.architecture.head_dim * block.rotary_share), FLOAT32)
    found = ops.cast(tape, tape.make("gather", (), count, FLOAT32), key.num_bytes)
    return whole, found


def _rotated(r: Recorder, block: Block, x: Tensor, tables: tuple[Tensor, Tensor] | None, held: list[Tensor]) -> Tensor:
    """The part of each head that has positions, and the rest; `held`: what variables hold on to, which grows."""
    tape = r.tape
    if tables is None:
        width = FLOAT32 if block.rotary is Rotary.LOOKED_UP_FLOAT32 else x.num_bytes
        count = _table_elements(r.step, block)
        tables = (tape.make("sines", (), count, width), tape.make("cosines", (), count, width))
    if block.joins_rotated:
        part = int(x.num_elements * block.rotary_share)
        first, rest = ops.sliced(tape, x, part), ops.sliced(tape, x, x.num_elements - part)
        parts = (_turned(r, block, first, tables), rest)
        held += parts if block.holds_parts else ()
        return ops.cat(tape, parts)
    if block.rotary is Rotary.FLOAT32:
        return ops.cast(tape, _turned(r, block, ops.cast(tape, x, FLOAT32), tables), x.num_bytes)
    return _turned(r, block, x, tables)


def _turned(r: Recorder, block: Block, x: Tensor, tables: tuple[Tensor, Tensor]) -> Tensor:
    tape, is_raised = r.tape, block.rotary is Rotary.SPREAD_FLOAT32
    if block.rotary is Rotary.CHUNKS:
        return ops.turned(tape, *tape.views("chunk", x, (x.num_elements // 2,) * 2))
    cosines, sines = tables
    straight = ops.mul(tape, ops.cast(tape, x, FLOAT32) if is_raised else x, cosines)
    half = x.num_elements // 2
    first, second = ops.sliced(tape, x, half), ops.sliced(tape, x, half)
    swapped = ops.cat(tape, (ops.negate(tape, second), first))
    if is_raised:
        swapped = ops.cast(tape, swapped, FLOAT32)
    result = ops.add(tape, straight, ops.mul(tape, swapped, sines))
    return ops.cast(tape, result, x.num_bytes) if block.has_wide_tables else result


def _fused(r: Recorder, x: Tensor) -> Tensor:
    """A rotation is its own backward with the sines turned round: nothing is kept, and the gradient is overwritten."""
    return r.tape.make("fused rotary", (x,), x.num_elements, x.num_bytes, flows=((x, Flow.ALIAS),))
