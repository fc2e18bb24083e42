"""What one forward and backward pass holds on a GPU besides model states, as terms.

Each kind of layer is recorded once and played forward and backward (`memory/autograd`); a model is then a row of such
stretches. Backward goes through them from the end, so its highest point is one of a few: at the loss, where everything
that was kept is there; or in a layer, of which the last has most kept before it and the first most gradients behind it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache

from ftlint.knowledge.architectures import Layout, ParameterTable, ParameterTensor, Role, Section, parameter_table
from ftlint.memory.adapting import NOTHING, Targets, find_targets, first_modules, is_target
from ftlint.memory.autograd import Profile, ops, run
from ftlint.memory.blocks import Block, Mixture, Norm, Rotary, Stem, find_block
from ftlint.memory.layers import layer, table_bytes
from ftlint.memory.logits import head_profile
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
    block = find_block(step.architecture.model_type)
    if block is None or not _is_described(step, block):
        return None
    layout = Layout.TRANSFORMERS_4 if _loops(step) else Layout.TRANSFORMERS_5
    table = parameter_table(step.architecture, step.model_class, layout=layout)
    if table is None or not _has_head(table):
        return None
    targets = _targets(step, table)
    if not _loops(step) and block.mixture is not None and _wraps_router(table, targets, block.mixture):
        return None
    return _Pass(step, block, table, targets).account()


def _loops(step: Step) -> bool:
    return step.loops_experts and step.architecture.num_experts > 0


def _is_described(step: Step, block: Block) -> bool:
    """Whether the description covers this kernel of attention, and a loop over experts."""
    if _loops(step) and (block.mixture is None or block.mixture.loop is None):
        return False
    return block.has_sdpa or step.attention is Attention.EAGER


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
    recorder = Recorder(step, tensors, prefix, targets)
    size = step.num_tokens * step.architecture.hidden_size
    kind = step.checkpointing
    # A reentrant checkpoint computes again from a detached input.
    is_reentrant, is_recomputed = kind is Checkpointing.REENTRANT, kind is Checkpointing.NON_REENTRANT
    x = recorder.tape.input(size, stream_bytes, requires_grad=has_gradient, is_leaf=is_reentrant)
    output = layer(recorder, block, x)
    return run(recorder.tape, inputs=(x,), output=output, is_reentrant=is_reentrant, is_recomputed=is_recomputed)


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
    own = (tensor for section in table.sections if section.first_index is None for tensor in section.tensors)
    return any(tensor.role is Role.HEAD for tensor in (*own, *tied))


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
        layers = tuple(self._layers())
        inputs = [self.size_bytes, *(profile.output_bytes for profile in layers)]
        head = self._head(self._width(inputs[-1]))
        shared = self._shared_bytes() + self._stem_bytes()
        stem_gradients = self._stem_gradient_bytes()
        left = inputs[:-1] if self.is_checkpointed else [profile.kept_bytes for profile in layers]
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
            kept = before + left[index]
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
        has_gradient, width = self._stem_has_gradient(), self.step.stream_bytes
        for section in self.table.sections:
            found: dict[tuple[bool, int], Profile] = {}
            for _ in range(section.num_copies if section.first_index is not None else 0):
                profile = found.get((has_gradient, width)) or self._layer(section, has_gradient, width)
                found[has_gradient, width] = profile
                yield profile
                # A layer may widen the hidden states: a norm's float32 that nothing casts back (Phi-3.5-MoE).
                has_gradient, width = True, self._width(profile.output_bytes)

    def _width(self, size_bytes: int) -> int:
        """Of hidden states of that size, per element."""
        return size_bytes // (self.step.num_tokens * self.step.architecture.hidden_size)

    def _layer(self, section: Section, has_gradient: bool, stream_bytes: int) -> Profile:
        # What the loss is like decides nothing of a layer: passes that differ in it alone are played once.
        step = replace(self.step, loss=LossKernel.FULL, shifts_logits=False, upcasts_in_model=False)
        prefix = next(section.prefixes())
        return _played(step, self.block, section.tensors, prefix, self.targets, has_gradient, stream_bytes)

    def _stem_has_gradient(self) -> bool:
        """Whether the hidden states need a gradient before the first layer: LoRA's embeddings are frozen.

        With checkpointing, transformers makes them need one (`enable_input_require_grads`).
        """
        return self.step.adapters is None or self.is_checkpointed

    def _head(self, stream_bytes: int) -> Profile:
        around = [
            tensor for section in self.table.sections if section.first_index is None for tensor in section.tensors
        ]
        tied = [tied.tensor for tied in self.table.tied]
        recorder = Recorder(self.step, (*around, *tied), targets=self.targets)
        ends = [tensor.module for tensor in around if f".{tensor.module}".endswith(f".{self.block.final_norm}")]
        # OLMo's norms hold no weights, OPT-350m has no final norm.
        name = self.block.final_norm if self.block.norm is Norm.LAYER_FLOAT32 else None
        heads = [tensor.module for tensor in (*around, *tied) if tensor.role is Role.HEAD]
        norm_name = ends[0] if ends else name
        return head_profile(recorder, self.block, norm_name=norm_name, head=heads[0], stream_bytes=stream_bytes)

    def _shared_bytes(self) -> int:
        """What all layers read: cosines and sines, and masks."""
        step = self.step
        tables = 2 * self.block.num_tables * step.sequence_length_tokens * self._rotary_width()
        mask = step.num_tokens * step.sequence_length_tokens
        total = tables * table_bytes(step, self.block) if self.block.rotary.value != "none" else 0
        if step.attention is Attention.EAGER and self.is_checkpointed:
            # Layers keep no mask of this kind (SDPA's kernel its own copy); but one that is recomputed, its arguments.
            total += self.block.num_masks * mask * step.stream_bytes
        if step.attention is Attention.SDPA_MASKED and self.is_checkpointed:
            total += mask
        return total

    def _rotary_width(self) -> int:
        """Cosines for each head and token."""
        architecture = self.step.architecture
        if self.block.latent is not None:
            return architecture.number("qk_rope_head_dim")
        width = int(architecture.head_dim * self.block.rotary_share)
        return width // 2 if self.block.rotary is Rotary.CHUNKS else width

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
        embeddings = self.table.num_params_of(Role.EMBEDDING)
        return embeddings * self.step.weight_bytes
