"""What one forward and backward pass holds on a GPU besides model states, as terms.

Each kind of layer is recorded once and played forward and backward (`memory/autograd`); a model is then a row of such
stretches. Backward goes through them from the end, so its highest point is one of a few: at the loss, where everything
that was kept is there; or in a layer, of which the last has most kept before it and the first most gradients behind it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache

from ftlint.knowledge.architectures import ParameterTable, ParameterTensor, Role, Section, parameter_table
from ftlint.memory.autograd import Profile, ops, run
from ftlint.memory.blocks import Block, Norm, Stem, find_block
from ftlint.memory.layers import layer, table_bytes
from ftlint.memory.logits import head_profile
from ftlint.memory.parameters import is_all_linear
from ftlint.memory.recorder import Recorder
from ftlint.memory.step import Attention, Checkpointing, LossKernel, Step
from ftlint.record import record

AUTOGRAD = "torch 2.13 derivatives.yaml, transformers 5.23 modeling code; checked against fake-tensor traces"


@record
class Point:
    """One point of a pass at which most bytes may be alive. `gradient_bytes`: of weights, finished by then."""

    name: str
    kept_bytes: int
    hump_bytes: int
    gradient_bytes: int

    @property
    def total_bytes(self) -> int:
        """With the gradients."""
        return self.kept_bytes + self.hump_bytes + self.gradient_bytes

    @property
    def activation_bytes(self) -> int:
        """Without them."""
        return self.kept_bytes + self.hump_bytes


@record
class Played:
    """The stretches of a pass as they were played: layers in the order of forward, then the end with the loss.

    `stream_bytes`: of the hidden states between two layers.
    """

    layers: tuple[Profile, ...]
    head: Profile
    stream_bytes: int


@record
class Activations:
    """One pass. `kept_bytes`: what forward leaves for backward; `points`: in the order of time."""

    kept_bytes: int
    forward: Point
    loss: Point
    layers: tuple[Point, ...]
    stem: Point
    played: Played

    @property
    def layer_peak_bytes(self) -> int:
        """Most bytes while layers go backward, without gradients of weights."""
        return max((point.activation_bytes for point in self.layers), default=0)

    @property
    def points(self) -> tuple[Point, ...]:
        """All of them."""
        return (self.forward, self.loss, *self.layers, self.stem)


def activations(step: Step) -> Activations | None:
    """Everything about a pass; None where the model type has no description yet, or no such class, or no loss."""
    block = find_block(step.architecture.language_model_type)
    if step.architecture.num_experts and step.adapters is not None and is_all_linear(step.adapters.targets):
        return None  # PEFT 0.21 adapts the fused experts and the router too: parameters on top of parameters
    table = parameter_table(step.architecture, step.model_class)
    if block is None or table is None or not _has_head(table):
        return None
    return _Pass(step, block, table).account()


@lru_cache(maxsize=64)
def _played(step: Step, block: Block, tensors: tuple[ParameterTensor, ...], prefix: str, has_gradient: bool) -> Profile:
    """One layer, forward and backward."""
    recorder = Recorder(step, tensors, prefix)
    size = step.num_tokens * step.architecture.hidden_size
    kind = step.checkpointing
    # A reentrant checkpoint computes again from a detached input.
    is_reentrant, is_recomputed = kind is Checkpointing.REENTRANT, kind is Checkpointing.NON_REENTRANT
    x = recorder.tape.input(size, step.stream_bytes, requires_grad=has_gradient, is_leaf=is_reentrant)
    output = layer(recorder, block, x)
    return run(recorder.tape, inputs=(x,), output=output, is_reentrant=is_reentrant, is_recomputed=is_recomputed)


def _has_head(table: ParameterTable) -> bool:
    tied = (tied.tensor for tied in table.tied)
    return any(tensor.role is Role.HEAD for tensor in (*_outside(table), *tied))


def _outside(table: ParameterTable) -> Iterator[ParameterTensor]:
    """The language model's tensors outside its layers."""
    for section in table.sections:
        if section.first_index is None and not section.reads_images:
            yield from section.tensors


class _Pass:
    """The stretches of one model, played. Owned by one call of `activations`."""

    def __init__(self, step: Step, block: Block, table: ParameterTable) -> None:
        self.step = step
        self.block = block
        self.table = table
        self.size_bytes = step.num_tokens * step.architecture.hidden_size * step.stream_bytes
        self.is_checkpointed = step.checkpointing is not Checkpointing.NONE

    def account(self) -> Activations:
        layers = tuple(self._layers())
        head = self._head()
        shared = self._shared_bytes() + self._stem_bytes()
        stem_gradients = self._stem_gradient_bytes()
        left = [self.size_bytes if self.is_checkpointed else profile.kept_bytes for profile in layers]
        before = shared + sum(left)
        # Autocast keeps the weights it has cast until forward is through, even where no graph holds them.
        casts = sum(profile.cast_weight_bytes for profile in layers) if self.is_checkpointed else 0
        in_forward = head.input_kept_bytes + head.forward_peak_bytes + casts
        loss = Point("loss", before, max(head.backward_peak_bytes, in_forward), 0)
        forward = Point("forward of the last layer", before, self._forward_hump(layers[-1]) + casts, 0)
        points = []
        gradients = head.gradient_bytes
        for index in reversed(range(len(layers))):
            profile = layers[index]
            before -= left[index]
            kept = before + (self.size_bytes if self.is_checkpointed else profile.kept_bytes)
            hump = self._hump(profile)
            points.append(Point(f"layer {index}", kept, hump, gradients))
            gradients += profile.gradient_bytes
        stem = Point("the embedding", shared, self.size_bytes + stem_gradients, gradients)
        played = Played(layers, head, self.size_bytes)
        return Activations(shared + sum(left) + head.kept_bytes, forward, loss, tuple(points), stem, played)

    def _hump(self, profile: Profile) -> int:
        """Bytes above what is kept: the gradients in flight; with checkpointing, what the layer recomputes too."""
        if not self.is_checkpointed:
            return profile.backward_peak_bytes - profile.kept_bytes
        if self.step.checkpointing is Checkpointing.REENTRANT:
            return profile.reentrant_peak_bytes
        return max(profile.backward_peak_bytes - profile.input_kept_bytes, profile.recompute_peak_bytes)

    def _forward_hump(self, profile: Profile) -> int:
        """What a layer's forward takes beside what is kept in the end."""
        if self.is_checkpointed:
            return profile.graphless_peak_bytes
        return profile.forward_peak_bytes - (profile.kept_bytes - profile.input_kept_bytes)

    def _layers(self) -> Iterator[Profile]:
        is_first = True
        for section in self.table.sections:
            if not section.is_row:
                continue
            rest = section.num_copies
            if is_first and not self._stem_has_gradient():
                yield self._layer(section, has_gradient=False)
                rest -= 1
            is_first = False
            if rest:
                profile = self._layer(section, has_gradient=True)
                yield from (profile for _ in range(rest))

    def _layer(self, section: Section, *, has_gradient: bool) -> Profile:
        # What the loss is like decides nothing of a layer: passes that differ in it alone are played once.
        step = replace(self.step, loss=LossKernel.FULL, shifts_logits=False, upcasts_in_model=False)
        return _played(step, self.block, section.tensors, next(section.prefixes()), has_gradient)

    def _stem_has_gradient(self) -> bool:
        """Whether the hidden states need a gradient before the first layer: LoRA's embeddings are frozen.

        With checkpointing, transformers makes them need one (`enable_input_require_grads`).
        """
        return self.step.adapters is None or self.is_checkpointed

    def _head(self) -> Profile:
        around = list(_outside(self.table))
        tied = [tied.tensor for tied in self.table.tied]
        recorder = Recorder(self.step, (*around, *tied))
        ends = [tensor.module for tensor in around if f".{tensor.module}".endswith(f".{self.block.final_norm}")]
        # OLMo's norms hold no weights, OPT-350m has no final norm.
        name = self.block.final_norm if self.block.norm is Norm.LAYER_FLOAT32 else None
        heads = [tensor.module for tensor in (*around, *tied) if tensor.role is Role.HEAD]
        return head_profile(recorder, self.block, norm_name=ends[0] if ends else name, head=heads[0])

    def _shared_bytes(self) -> int:
        """What all layers read: cosines and sines, and masks."""
        step = self.step
        rows = step.num_tokens if self.block.has_tables_per_sequence else step.sequence_length_tokens
        tables = 2 * self.block.num_tables * rows * int(step.architecture.head_dim * self.block.rotary_share)
        mask = step.num_tokens * step.sequence_length_tokens
        total = tables * table_bytes(step, self.block) if self.block.rotary.value != "none" else 0
        if step.attention is Attention.EAGER and self.is_checkpointed:
            # Layers keep no mask of this kind (SDPA's kernel its own copy); but one that is recomputed, its arguments.
            total += self.block.num_masks * mask * step.stream_bytes
        if step.attention is Attention.SDPA_MASKED and self.is_checkpointed:
            total += mask
        return total

    def _stem_bytes(self) -> int:
        """What embedding the tokens leaves: masks of dropout, inputs of norms.

        Where transformers makes adapters' embeddings need a gradient, they are a leaf, which the graph holds on to.
        """
        recorder, block, step = Recorder(self.step, ()), self.block, self.step
        words = recorder.tape.input(
            step.num_tokens * step.architecture.hidden_size,
            step.stream_bytes,
            requires_grad=self._stem_has_gradient(),
        )
        x = words
        for part in block.embedding:
            if part is Stem.DROPOUT:
                x = ops.dropout(recorder.tape, x, True)
            elif part is Stem.NORM:
                x = ops.layer_norm(recorder.tape, x, (), step.num_tokens)
            else:
                x = ops.scale(recorder.tape, x)
        is_leaf = step.adapters is not None and self.is_checkpointed and x is not words
        kept = run(recorder.tape, inputs=(words,), output=x).kept_bytes if block.embedding else 0
        return kept + (words.size_bytes if is_leaf else 0)

    def _stem_gradient_bytes(self) -> int:
        if self.step.adapters is not None:
            return 0
        embeddings = sum(tensor.num_params for tensor in _outside(self.table) if tensor.role is Role.EMBEDDING)
        return embeddings * self.step.weight_bytes
