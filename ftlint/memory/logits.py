"""The output layer and the loss: for large vocabularies the highest point of a step.

full      logits, their float32 copy, log-probabilities; in backward two gradients of that size beside them
fused     cross entropy in place on full logits
chunked   some tokens at a time
liger     output layer and loss in one kernel, some tokens at a time
"""

from __future__ import annotations

from ftlint.memory.arithmetic import ceil_div
from ftlint.memory.autograd import Flow, Profile, Tensor, ops, run
from ftlint.memory.blocks import Block
from ftlint.memory.layers import norm
from ftlint.memory.recorder import Recorder
from ftlint.memory.step import LossKernel

FLOAT32 = ops.FLOAT32

CHUNK_TOKENS = 256
"""Tokens whose logits TRL makes at a time. Source: trl 1.16 trainer/sft_trainer.py."""


def head_profile(
    r: Recorder,
    block: Block,
    *,
    norm_name: str | None,
    head: str,
    stream_bytes: int,
    projection: str | None = None,
) -> Profile:
    """The final norm, the output layer and the loss, played in both directions; `stream_bytes`: of what comes in.

    `projection`: the module before the output layer, where this reads another width than the layers give.
    """
    step, tape = r.step, r.tape
    size = step.num_tokens * step.architecture.hidden_size
    x = tape.input(size, stream_bytes, requires_grad=True)
    hidden = x if norm_name is None else norm(r, block, norm_name, x)
    if projection is not None:
        hidden = r.linear(projection, hidden)
    if step.loss in (LossKernel.CHUNKED, LossKernel.LIGER):
        return run(tape, inputs=(x,), output=_in_chunks(r, hidden))
    logits = r.linear(head, hidden)
    if block.scales_logits:
        logits = ops.scale(tape, logits)
    if block.final_softcap:
        logits = ops.scale(tape, ops.of_result(tape, "tanh", ops.scale(tape, logits)))
    wide = ops.cast(tape, logits, FLOAT32)
    shifted = ops.copy(tape, ops.sliced(tape, wide, wide.num_elements)) if step.shifts_logits else wide
    loss = _full(r, shifted) if step.loss is LossKernel.FULL else _in_place(r, shifted)
    # Variables of the loss function, what the output layer read, and the logits that the model returns: all alive where
    # the forward pass ends. Peaks published with transformers 4.45 and 4.48 show each variable and the logits
    # (foundation-model-stack's benchmarks).
    tape.hold(hidden, wide, shifted, *(() if step.upcasts_in_model else (logits,)))
    return run(tape, inputs=(x,), output=loss)


def _full(r: Recorder, wide: Tensor) -> Tensor:
    """transformers' `ForCausalLMLoss`: `log_softmax` and `nll_loss` on float32 logits.

    Source: transformers 5.23 loss/loss_utils.py.
    """
    tape = r.tape
    likely = ops.of_result(tape, "log_softmax", wide)
    return tape.make("nll_loss", (likely,), 1, FLOAT32, saved=(likely,), flows=((likely, Flow.NEW),))


def _in_place(r: Recorder, wide: Tensor) -> Tensor:
    """A kernel that overwrites float32 logits with their gradient."""
    return r.tape.make("cross entropy", (wide,), 1, FLOAT32, saved=(wide,), flows=((wide, Flow.ALIAS),))


def _in_chunks(r: Recorder, hidden: Tensor) -> Tensor:
    """Forward makes the gradient of the hidden states, chunk by chunk, and keeps that alone.

    Liger's chunks are as long as makes their logits about as large as the hidden states.
    Source: liger-kernel ops/fused_linear_cross_entropy.py; trl 1.16 trainer/sft_trainer.py.
    """
    step = r.step
    architecture = step.architecture
    tokens = CHUNK_TOKENS
    if step.loss is LossKernel.LIGER:
        parts = ceil_div(architecture.vocab_size, architecture.hidden_size)
        tokens = 1 << (ceil_div(step.num_tokens, parts) - 1).bit_length()
    chunk = min(tokens, step.num_tokens) * architecture.vocab_size
    widths = [step.compute_bytes] if step.loss is LossKernel.LIGER else [step.compute_bytes, *(3 * (FLOAT32,))]
    return r.tape.make(
        "loss in chunks",
        (hidden,),
        1,
        FLOAT32,
        flows=((hidden, Flow.NEW),),
        also_keeps_bytes=hidden.size_bytes,
        scratch=([chunk * width for width in widths], ()),
    )
