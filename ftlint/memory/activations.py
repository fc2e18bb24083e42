"""What one forward and backward pass holds on a GPU besides model states, as terms.

Each kind of layer is recorded once and played forward and backward (`memory/autograd`); a model is then a row of such
stretches. Backward goes through them from the end, so its highest point is one of a few: at the loss, where everything
that was kept is there; or in a layer, of which the last has most kept before it and the first most gradients behind it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import accumulate

from ftlint.knowledge.architectures import Layout, ParameterTable, ParameterTensor, Role, Section, parameter_table
from ftlint.memory.adapting import NOTHING, Targets, find_targets, first_modules, is_target
from ftlint.memory.autograd import Profile, ops, run
from ftlint.memory.blocks import HAD_OWN_LOSS, Block, Mixture, Norm, Order, Stem, find_block
from ftlint.memory.layers import layer
from ftlint.memory.logits import head_profile
from ftlint.memory.points import Activations, Descent, Played, Point
from ftlint.memory.recorder import Recorder
from ftlint.memory.rotary import shared_table_bytes
from ftlint.memory.scores import shared_mask_bytes
from ftlint.memory.step import Attention, Checkpointing, LossKernel, Step

AUTOGRAD = "torch 2.13 derivatives.yaml, transformers 5.23 modeling code; checked against fake-tensor traces"


def activations(step: Step) -> Activations | None:
    """Everything about a pass; None where the model type has no description yet, or no such class, or no loss."""
    block = find_block(step.architecture)
    attention = None if block is None else block.computed(step.attention)
    if block is None or attention is None or not _is_described(step, block):
        return None
    layout = Layout.TRANSFORMERS_4 if _loops(step) else Layout.TRANSFORMERS_5
    table = parameter_table(step.architecture, step.model_class, layout=layout)
    if table is None or not _has_head(table):
        return None
    targets = _targets(step, table)
    if not _loops(step) and block.mixture is not None and _wraps_router(table, targets, block.mixture):
        return None
    # Autocast computes layer norms in float32, so hidden states that a norm has just given are.
    ends_in_norm = Stem.NORM in block.embedding or block.order is Order.ADD_NORM
    raises_stream = step.is_autocast and ends_in_norm
    return _Pass(replace(step, attention=attention, raises_stream=raises_stream), block, table, targets).account()


def _is_described(step: Step, block: Block) -> bool:
    """Whether the releases compute as the description says: the experts, and the loss."""
    if _loops(step) and (block.mixture is None or block.mixture.loop is None):
        return False
    takes_own_loss = step.precedes_common_loss and step.architecture.model_type in HAD_OWN_LOSS
    return not (takes_own_loss and step.loss in (LossKernel.FULL, LossKernel.FUSED))


def _loops(step: Step) -> bool:
    return step.loops_experts and step.architecture.num_experts > 0


@lru_cache(maxsize=64)
def _played(
    step: Step,
    block: Block,
    tensors: tuple[ParameterTensor, ...],
    prefix: str,
    targets: Targets,
    has_gradient: bool,
    stream_bytes: int,
) -> Profile:
    """One layer, forward and backward; `stream_bytes`: width of the hidden states that come in."""
    recorder = Recorder(step, tensors, prefix, targets, transposes_weights=block.transposes_weights)
    size = step.num_tokens * step.architecture.hidden_size
    kind = step.checkpointing
    # A reentrant checkpoint computes again from a detached input.
    is_reentrant, is_recomputed = kind is Checkpointing.REENTRANT, kind is Checkpointing.NON_REENTRANT
    x = recorder.tape.input(size, stream_bytes, requires_grad=has_gradient, is_leaf=is_reentrant)
    output, weights = layer(recorder, block, x)
    return run(
        recorder.tape,
        inputs=(x,),
        output=output,
        is_reentrant=is_reentrant,
        is_recomputed=is_recomputed,
        returned=weights,
    )


def _wraps_router(table: ParameterTable, targets: Targets, mixture: Mixture) -> bool:
    """Whether LoRA adapts a router as a linear module: PEFT's wrapper wants one tensor, gets three, and the run fails.

    Run with transformers 5.23 and peft 0.21.2: phimoe, whose router is an `nn.Linear`.
    """
    return any(
        module.name.endswith(f".{mixture.router}") and is_target(module, targets.modules)
        for module in first_modules(table)
    )


def _has_head(table: ParameterTable) -> bool:
    tied = (tied.tensor for tied in table.tied)
    return any(tensor.role is Role.HEAD for tensor in (*_outside(table), *tied))


def _outside(table: ParameterTable) -> Iterator[ParameterTensor]:
    """The language model's tensors outside its layers."""
    for section in table.sections:
        if section.first_index is None and not section.reads_images:
            yield from section.tensors


def _targets(step: Step, table: ParameterTable) -> Targets:
    """What LoRA adapts."""
    adapters = step.adapters
    if adapters is None:
        return NOTHING
    return find_targets(table, step.architecture.model_type, adapters.targets, adapters.experts)


class _Pass:
    """The stretches of one model, played. Owned by one call of `activations`."""

    def __init__(self, step: Step, block: Block, table: ParameterTable, targets: Targets) -> None:
        self.step = step
        self.block = block
        self.table = table
        self.targets = targets
        self.size_bytes = step.num_tokens * step.architecture.hidden_size * step.stream_bytes
        self.is_checkpointed = step.checkpointing is not Checkpointing.NONE

    def account(self) -> Activations:
        each = tuple(self._layers())
        layers, recomputed = tuple(profile for profile, _ in each), tuple(is_recomputed for _, is_recomputed in each)
        head = self._head(self._width(layers[-1].output_bytes))
        shared = self._shared_bytes() + self._stem_bytes()
        stem_gradients = self._stem_gradient_bytes()
        left = self._left(each)
        before = shared + sum(left)
        # Autocast keeps the weights it has cast until forward is through, even where no graph holds them.
        casts = sum(profile.cast_weight_bytes for profile, is_recomputed in each if is_recomputed)
        in_forward = head.input_kept_bytes + head.forward_peak_bytes + casts
        loss = Point("loss", before, max(head.backward_peak_bytes, in_forward), 0)
        casts -= layers[-1].cast_weight_bytes if recomputed[-1] else 0
        in_layer = self._forward_hump(each) + self._stem_variable_bytes() + casts
        forward = Point("forward of the last layer", before, in_layer, 0)
        backward = layers[::-1]
        # Equal layers share a profile, so few are asked.
        humps = {identity: self._hump(*one) for identity, one in {id(one[0]): one for one in each}.items()}
        gradients = list(accumulate((profile.gradient_bytes for profile in backward), initial=head.gradient_bytes))
        descent = Descent(
            # A layer's own part is there until it is through.
            tuple(accumulate(left, initial=shared))[:0:-1],
            tuple([humps[id(profile)] for profile in backward]),
            tuple(gradients[:-1]),
        )
        stem = Point("the embedding", shared, self.size_bytes + stem_gradients, gradients[-1])
        played = Played(layers, recomputed, head, self.size_bytes)
        return Activations(before + head.kept_bytes, forward, loss, descent, stem, played)

    def _left(self, each: Sequence[tuple[Profile, bool]]) -> list[int]:
        """What each layer leaves for backward: all that it kept, or its input."""
        first = self._embedded_width() * self.step.num_tokens * self.step.architecture.hidden_size
        inputs = (first, *(profile.output_bytes for profile, _ in each))
        return [
            entering if is_recomputed else profile.kept_bytes
            for entering, (profile, is_recomputed) in zip(inputs, each, strict=False)
        ]

    def _hump(self, profile: Profile, is_recomputed: bool) -> int:
        """Bytes above what is kept: the gradients in flight; with checkpointing, what the layer recomputes too."""
        if not is_recomputed:
            return profile.backward_peak_bytes - profile.kept_bytes
        if self.step.checkpointing is Checkpointing.REENTRANT:
            return profile.reentrant_peak_bytes
        return max(profile.backward_peak_bytes - profile.input_kept_bytes, profile.recompute_peak_bytes)

    def _forward_hump(self, each: Sequence[tuple[Profile, bool]]) -> int:
        """What the last layer's forward takes beside what is kept in the end."""
        profile, is_recomputed = each[-1]
        if is_recomputed:
            return profile.graphless_peak_bytes + (each[-2][0].returned_bytes if len(each) > 1 else 0)
        return profile.forward_peak_bytes - (profile.kept_bytes - profile.input_kept_bytes)

    def _layers(self) -> Iterator[tuple[Profile, bool]]:
        """Each layer that backward reaches, and whether it computes that layer again."""
        trained = self.step.trained_layers
        index, has_gradient, width = 0, self._stem_has_gradient(), self._embedded_width()
        for section in self.table.sections:
            if not section.is_row:
                continue
            made: dict[tuple[bool, bool, bool, int], tuple[Profile, bool]] = {}
            for _ in range(section.num_copies):
                is_trained = trained is None or index in trained
                is_embedded = index == 0 and self.block.order is Order.ADD_NORM
                index += 1
                if not (has_gradient or is_trained):
                    continue
                kind = is_trained, has_gradient, is_embedded, width
                found = made.get(kind) or self._layer(section, *kind)
                made[kind] = found
                yield found
                # A layer may widen the hidden states: a norm's float32 that nothing casts back (Phi-3.5-MoE).
                has_gradient, width = True, self._width(found[0].output_bytes)

    def _width(self, size_bytes: int) -> int:
        """Of hidden states of that size, per element."""
        return size_bytes // (self.step.num_tokens * self.step.architecture.hidden_size)

    def _embedded_width(self) -> int:
        """Of the first layer's input: where each layer ends in a norm, the embedding's."""
        return self.step.embedding_bytes if self.block.order is Order.ADD_NORM else self.step.stream_bytes

    def _layer(
        self, section: Section, is_trained: bool, has_gradient: bool, is_embedded: bool, stream_bytes: int
    ) -> tuple[Profile, bool]:
        """One layer, and whether backward computes it again; `is_embedded`: its input has the embedding's width."""
        # What the loss is like decides nothing of a layer: passes that differ in it alone are played once.
        step = replace(self.step, loss=LossKernel.FULL, shifts_logits=False, upcasts_in_model=False)
        if is_embedded:
            step = replace(step, raises_stream=False)
        if not is_trained:
            is_kept = not step.recomputes_frozen
            step = replace(step.around, checkpointing=Checkpointing.NONE if is_kept else step.checkpointing)
        if step.trained_layers is not None and step.checkpointing is not Checkpointing.NONE:
            has_gradient = True  # a checkpoint's input must need one, or its output needs none
        # Which layers are trained decides nothing of one of them.
        step = replace(step, trained_layers=() if step.trained_layers is not None else None)
        prefix = next(section.prefixes())
        profile = _played(step, self.block, section.tensors, prefix, self.targets, has_gradient, stream_bytes)
        return profile, step.checkpointing is not Checkpointing.NONE

    def _stem_has_gradient(self) -> bool:
        """Whether the hidden states need a gradient before the first layer: LoRA's embeddings are frozen, and others.

        With checkpointing, transformers makes them need one (`enable_input_require_grads`).
        """
        step = self.step
        if step.trained_layers is not None:
            return self.is_checkpointed and step.recomputes_frozen
        return step.adapters is None or self.is_checkpointed

    def _around(self) -> list[ParameterTensor]:
        """What belongs to no layer of the language model, nor to the tower that reads images."""
        return list(_outside(self.table))

    def _module(self, name: str) -> str | None:
        """The module outside the layers that has this name at its end."""
        ends = (tensor.module for tensor in self._around() if f".{tensor.module}".endswith(f".{name}"))
        return next(ends, None)

    def _head(self, stream_bytes: int) -> Profile:
        around = self._around()
        tied = [tied.tensor for tied in self.table.tied]
        recorder = Recorder(self.step.around, (*around, *tied), targets=self.targets)
        # OLMo's norms hold no weights, OPT-350m has no final norm.
        name = self.block.final_norm if self.block.norm is Norm.LAYER_FLOAT32 else None
        norm_name = self._module(self.block.final_norm) or name
        heads = [tensor.module for tensor in (*around, *tied) if tensor.role is Role.HEAD]
        projection = self._module("project_out") if Stem.PROJECT in self.block.embedding else None
        return head_profile(
            recorder,
            self.block,
            norm_name=norm_name,
            head=heads[0],
            stream_bytes=stream_bytes,
            projection=projection,
        )

    def _shared_bytes(self) -> int:
        """What all layers read: cosines and sines, and masks."""
        step = self.step
        total = shared_table_bytes(step, self.block, is_checkpointed=self.is_checkpointed)
        if step.attention is Attention.EAGER:
            total += shared_mask_bytes(step, self.block, is_checkpointed=self.is_checkpointed)
        if step.attention is Attention.SDPA_MASKED and self.is_checkpointed:
            total += step.num_tokens * step.sequence_length_tokens
        return total

    def _stem_bytes(self) -> int:
        """What embedding the tokens leaves: masks of dropout, inputs of norms.

        Where transformers makes adapters' embeddings need a gradient, they are a leaf, which the graph holds on to.
        """
        recorder = Recorder(self.step.around, self._around(), targets=self.targets)
        block, step = self.block, self.step
        projection = self._module("project_in") if Stem.PROJECT in block.embedding else None
        width = step.architecture.hidden_size if projection is None else recorder.in_features(projection)
        words = recorder.tape.input(
            step.num_tokens * width,
            step.embedding_bytes,
            requires_grad=self._stem_has_gradient(),
        )
        x = words
        for part in block.embedding:
            if part is Stem.PROJECT and projection is not None:
                x = recorder.linear(projection, x)
            elif part is Stem.DROPOUT:
                x = ops.dropout(recorder.tape, x, True)
            elif part is Stem.NORM:
                x = ops.layer_norm(recorder.tape, x, (), step.num_tokens)
            else:
                x = ops.scale(recorder.tape, x)
        is_leaf = self._stem_is_leaf() and x is not words
        if not block.embedding:
            return 0
        profile = run(recorder.tape, inputs=(words,), output=x)
        return profile.kept_bytes + (words.size_bytes - profile.input_kept_bytes if is_leaf else 0)

    def _stem_is_leaf(self) -> bool:
        """Whether embedded words are made to need a gradient though the embedding is frozen."""
        return self.step.around.adapters is not None and self._stem_has_gradient()

    def _stem_variable_bytes(self) -> int:
        """Embedded words and positions, which the model's variables hold until its last layer is through."""
        if Stem.ADD not in self.block.embedding:
            return 0
        positions = self.step.sequence_length_tokens * self.step.architecture.hidden_size * self.step.embedding_bytes
        return positions + (0 if self._stem_is_leaf() else positions * self.step.micro_batch)

    def _stem_gradient_bytes(self) -> int:
        if self.step.adapters is not None or self.step.trained_layers is not None:
            return 0
        embeddings = sum(tensor.num_params for tensor in _outside(self.table) if tensor.role is Role.EMBEDDING)
        return embeddings * self.step.weight_bytes
