"""torch's operations as the tape sees them: widths, what each keeps, and the temporaries of its backward formula.

Source: torch 2.13 tools/autograd/derivatives.yaml, csrc/autograd/FunctionsManual.cpp, aten/src/ATen/autocast_mode.h;
`tests/memory/test_traces.py` compares with a trace of the real operations.
"""

from __future__ import annotations

from collections.abc import Sequence

from ftlint.memory.autograd.tape import NO_SCRATCH, Cast, Flow, Scratch, Tape, Tensor
from ftlint.record import record

FLOAT32 = 4
NEW, ALIAS = Flow.NEW, Flow.ALIAS


@record
class Linear:
    """An `nn.Linear`'s weights on a tape."""

    in_features: int
    out_features: int
    weight: Tensor
    bias: Tensor | None


def cast(tape: Tape, x: Tensor, num_bytes: int) -> Tensor:
    """`x.to(dtype)`; the same tensor where it has that width already."""
    if x.num_bytes == num_bytes:
        return x
    return tape.make("to", (x,), x.num_elements, num_bytes, flows=((x, NEW),))


def lowered(tape: Tape, x: Tensor) -> Tensor:
    """`x` as matrix products get it under autocast: leaves with a gradient cast once per forward pass, all else anew.

    Source: torch 2.13 aten/src/ATen/autocast_mode.cpp, `cached_cast`.
    """
    if not tape.is_autocast or x.num_bytes == tape.compute_bytes:
        return x
    if not ((x.is_parameter or x in tape.leaves) and x.requires_grad and x.num_bytes == FLOAT32):
        return cast(tape, x, tape.compute_bytes)
    if id(x) not in tape.casts:
        tape.casts[id(x)] = cast(tape, x, tape.compute_bytes)
    return tape.casts[id(x)]


def raised(tape: Tape, x: Tensor) -> Tensor:
    """`x` as autocast hands it to what it computes in float32: powers, norms, softmax."""
    return cast(tape, x, FLOAT32) if tape.is_autocast else x


# Products -----------------------------------------------------------------------------------------------------------


def linear(tape: Tape, x: Tensor, layer: Linear) -> Tensor:
    """`F.linear`: keeps its input only where the weight is trained."""
    inputs = _lowered(tape, (x, layer.weight) if layer.bias is None else (x, layer.weight, layer.bias))
    return _product(tape, "linear", inputs, x.num_elements // layer.in_features * layer.out_features)


def matmul(tape: Tape, a: Tensor, b: Tensor, num_elements: int) -> Tensor:
    """`torch.matmul` of two activations."""
    return _product(tape, "matmul", _lowered(tape, (a, b)), num_elements)


def _lowered(tape: Tape, inputs: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """The last one is cast first, so that backward brings the first one's gradient into its format before the others'.

    Autocast leaves the order to the compiler; what traces show is GCC's.
    """
    return tuple(lowered(tape, x) for x in reversed(inputs))[::-1]


def fold(tape: Tape, weight: Tensor, left: Tensor, right: Tensor) -> Tensor:
    """`torch.baddbmm` of a weight that is frozen and two factors of its update, each kept for the other's gradient."""
    saved = [other for one, other in ((left, right), (right, left)) if one.requires_grad]
    flows = ((left, Flow.NEW), (right, Flow.NEW))
    size = (weight.num_elements, weight.num_bytes)
    return tape.make("baddbmm", (weight, left, right), *size, saved=saved, flows=flows)


def _product(tape: Tape, name: str, inputs: Sequence[Tensor], num_elements: int) -> Tensor:
    a, b = inputs[:2]
    flows = [(tensor, NEW) for tensor in inputs]
    return tape.make(name, inputs, num_elements, a.num_bytes, saved=_read_of(a, b), flows=flows)


def _read_of(a: Tensor, b: Tensor) -> Sequence[Tensor]:
    """Of two that are multiplied, what their gradients are made with: each other."""
    if a.requires_grad:
        return (b, a) if b.requires_grad else (b,)
    return (a,) if b.requires_grad else ()


# Element by element -------------------------------------------------------------------------------------------------


def add(tape: Tape, a: Tensor, b: Tensor) -> Tensor:
    """`a + b`, b broadcast or of equal size: keeps nothing, hands the same gradient to both."""
    num_bytes = max(a.num_bytes, b.num_bytes)
    num_elements = max(a.num_elements, b.num_elements)
    flows = [(x, ALIAS if x.num_bytes == num_bytes and x.num_elements == num_elements else NEW) for x in (a, b)]
    return tape.make("add", (a, b), num_elements, num_bytes, flows=flows)


def mul(tape: Tape, a: Tensor, b: Tensor) -> Tensor:
    """`a * b`, one of them broadcast or both of equal size: each is kept if the other needs a gradient.

    The gradient of an operand that is broadcast or narrower is made at full size; the engine sums or casts it once both
    are there. Source: torch 2.13 csrc/autograd/engine.cpp, `validate_outputs`.
    """
    num_elements, num_bytes = max(a.num_elements, b.num_elements), max(a.num_bytes, b.num_bytes)
    whole = num_elements * num_bytes
    unlike = [x for x in (a, b) if x.requires_grad and x.size_bytes < whole]
    cast = Cast((whole,) * len(unlike), sum(x.size_bytes for x in unlike)) if unlike else None
    flows = ((a, NEW), (b, NEW))
    return tape.make("mul", (a, b), num_elements, num_bytes, saved=_read_of(a, b), flows=flows, cast=cast)


def scale(tape: Tape, x: Tensor) -> Tensor:
    """`x` times or over a Python number."""
    return tape.make("scale", (x,), x.num_elements, x.num_bytes, flows=((x, NEW),))


def scale_in_place(tape: Tape, x: Tensor) -> Tensor:
    """`x` over a Python number, in `x`'s own storage."""
    return tape.in_place("scale_", x, Flow.NEW)


def add_in_place(tape: Tape, total: Tensor, part: Tensor) -> Tensor:
    """`total += part`, of one size: the same gradient for both."""
    return tape.in_place("add_", total, Flow.ALIAS, part)


def negate(tape: Tape, x: Tensor) -> Tensor:
    """`-x`."""
    return tape.make("negate", (x,), x.num_elements, x.num_bytes, flows=((x, NEW),))


def shift(tape: Tape, x: Tensor) -> Tensor:
    """`x` plus a Python number or a mask: the gradient passes through."""
    return tape.make("shift", (x,), x.num_elements, x.num_bytes, flows=((x, ALIAS),))


def power(tape: Tape, x: Tensor) -> Tensor:
    """`x.pow(2)` or another number: keeps x; its backward holds x to the power below, and that times the exponent."""
    x = raised(tape, x)
    scratch = ((), (x.size_bytes, x.size_bytes))
    return tape.make("pow", (x,), x.num_elements, x.num_bytes, saved=(x,), flows=((x, NEW),), scratch=scratch)


def mean(tape: Tape, x: Tensor, num_elements: int) -> Tensor:
    """The mean over the last dimension, `num_elements` of them."""
    return tape.make("mean", (x,), num_elements, x.num_bytes, flows=((x, NEW),))


def of_input(tape: Tape, name: str, x: Tensor) -> Tensor:
    """An activation function whose backward reads its input: silu, gelu."""
    return tape.make(name, (x,), x.num_elements, x.num_bytes, saved=(x,), flows=((x, NEW),))


def of_result(tape: Tape, name: str, x: Tensor, scratch: Scratch = NO_SCRATCH) -> Tensor:
    """A function whose backward reads its result: relu, tanh, rsqrt, softmax."""
    flows = ((x, NEW),)
    return tape.make(name, (x,), x.num_elements, x.num_bytes, result_is_saved=True, flows=flows, scratch=scratch)


def softmax(tape: Tape, x: Tensor, num_bytes: int, *, is_raised: bool = True) -> Tensor:
    """`F.softmax(x, dtype=...)`, of this width; autocast makes it float32 where nobody asked for one (`is_raised`)."""
    x = cast(tape, x, FLOAT32 if tape.is_autocast and is_raised else num_bytes)
    # `Tensor tmp = grad * output` in torch 2.13 aten/src/ATen/native/cuda/SoftMax.cu.
    return of_result(tape, "softmax", x, scratch=((), (x.size_bytes,)))


def dropout(tape: Tape, x: Tensor, is_on: bool) -> Tensor:
    """`F.dropout` in training on a GPU: keeps a mask of one byte per element. With probability 0 it is `x` itself."""
    if not is_on:
        return x
    size = x.num_elements
    return tape.make("dropout", (x,), size, x.num_bytes, also_keeps_bytes=size, flows=((x, NEW),))


# Shapes -------------------------------------------------------------------------------------------------------------


def copy(tape: Tape, x: Tensor, num_elements: int | None = None) -> Tensor:
    """`contiguous()` of a transposed view, or `expand().reshape()` to more elements, whose gradients are summed."""
    count = x.num_elements if num_elements is None else num_elements
    flow = ALIAS if count == x.num_elements else NEW
    return tape.make("copy", (x,), count, x.num_bytes, flows=((x, flow),))


def sliced(tape: Tape, x: Tensor, num_elements: int) -> Tensor:
    """A slice: a view, whose gradient is a whole tensor of zeros with the slice's part filled in."""
    return tape.view("slice", x, num_elements, NEW)


def cat(tape: Tape, parts: Sequence[Tensor]) -> Tensor:
    """`torch.cat`: a copy; gradients are views of the whole's."""
    num_bytes = max(part.num_bytes for part in parts)
    flows = [(part, ALIAS if part.num_bytes == num_bytes else NEW) for part in parts]
    return tape.make("cat", parts, sum(part.num_elements for part in parts), num_bytes, flows=flows)


def joined(tape: Tape, parts: Sequence[Tensor]) -> Tensor:
    """Parts that are copied into slices of one empty tensor: backward copies the whole gradient for each of them.

    Source: torch 2.13 csrc/autograd/functions/tensor.cpp, `CopySlices::apply`.
    """
    whole = tape.make("empty", (), sum(part.num_elements for part in parts), parts[0].num_bytes)
    for part in parts:
        whole = tape.write_into("copy_", whole, part)
    return whole


def turned(tape: Tape, first: Tensor, second: Tensor) -> Tensor:
    """Two halves of what has positions, turned by cosines and sines: shared ones, so that a product keeps nothing."""
    ahead = add(tape, scale(tape, first), scale(tape, second))
    behind = add(tape, scale(tape, second), scale(tape, first))
    return cat(tape, (ahead, behind))


# Norms --------------------------------------------------------------------------------------------------------------


def layer_norm(tape: Tape, x: Tensor, weights: Sequence[Tensor], num_rows: int, *, is_raised: bool = True) -> Tensor:
    """`F.layer_norm`: keeps its input, and mean and inverse deviation of each row in float32.

    `is_raised`: autocast, where it is on, reaches it.
    """
    inputs = tuple(raised(tape, tensor) if is_raised else tensor for tensor in (x, *weights))
    x = inputs[0]
    flows = [(tensor, NEW) for tensor in inputs]
    return tape.make(
        "layer_norm",
        inputs,
        x.num_elements,
        x.num_bytes,
        saved=(x,),
        flows=flows,
        also_keeps_bytes=2 * FLOAT32 * num_rows,
    )


# Attention ----------------------------------------------------------------------------------------------------------


@record
class AttentionShape:
    """Sizes of one attention: elements of queries, of keys, of all scores' rows, and of the result."""

    num_queries: int
    num_keys: int
    num_rows: int
    """Sequences times heads times queries."""
    num_results: int


def flash_attention(
    tape: Tape, query: Tensor, key: Tensor, value: Tensor, shape: AttentionShape, *, mask: Tensor | None = None
) -> Tensor:
    """SDPA's flash kernel: keeps q, k, v, its result and a float32 logarithm per row.

    Its backward gathers the queries' gradient in float32, and where several query heads share a key head, the keys'
    and values' gradients of every query head. Source: torch 2.13 aten native_functions.yaml, derivatives.yaml;
    native/transformers/cuda/flash_attn/flash_api.cpp, `mha_bwd` (dq_accum, softmax_d, dk_expanded, dv_expanded).
    """
    inputs = tuple(lowered(tape, x) for x in (query, key, value))
    width = inputs[0].num_bytes
    scratch = [FLOAT32 * shape.num_rows, FLOAT32 * shape.num_queries]
    if shape.num_keys < shape.num_queries:
        scratch += [width * shape.num_queries] * 2
    return tape.make(
        "flash attention",
        inputs,
        shape.num_results,
        width,
        saved=inputs if mask is None else (*inputs, mask),
        result_is_saved=True,
        flows=tuple((tensor, NEW) for tensor in inputs),
        also_keeps_bytes=FLOAT32 * shape.num_rows,
        scratch=((), scratch),
    )
