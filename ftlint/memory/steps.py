"""Reads what one forward and backward pass is like: batch, length, kernels, recomputation, formats.

What is believed comes first; then the passes that take least and most of those that the run may mean.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import field, replace
from typing import TypedDict

from ftlint.knowledge.architectures import Architecture, Layout
from ftlint.memory.adapting import ExpertAdapters, Generation
from ftlint.memory.blocks import SEES_WHOLE_IMAGES, Kernels, find_block
from ftlint.memory.facts import FactReader, is_assumed
from ftlint.memory.parameters import Training, trained_layers
from ftlint.memory.releases import since
from ftlint.memory.step import Adapters, Attention, Checkpointing, LossKernel, Step
from ftlint.memory.workload import Widths
from ftlint.record import record
from ftlint.run.dtype import DType
from ftlint.run.fact import Truth
from ftlint.run.run import Method
from ftlint.run.versions import VersionView

LANGUAGE_MODELS = ("AutoModelForCausalLM", "AutoModelForImageTextToText")


def read_steps(
    reader: FactReader,
    architecture: Architecture | None,
    model_class: str | None,
    training: Training,
    widths: Widths,
    versions: VersionView | None,
    *,
    is_engine: bool,
    is_sharded: bool,
    is_prepared: Truth,
    generation: Generation,
) -> tuple[Step, ...]:
    """The passes, the expected one first.

    Empty where the model, the number of sequences or their length cannot be seen. `is_engine`: DeepSpeed has cast the
    whole model; `is_sharded`: FSDP hands the layers weights that are cast already; `generation`: how the releases lay
    out and adapt experts.
    """
    micro_batch, per_example = reader.known("batch.micro_batch"), reader.look("batch.sequences_per_example")
    length = reader.known("batch.sequence_length_tokens")
    is_seen = not per_example.said or per_example.known
    if architecture is None or model_class is None or micro_batch is None or length is None or not is_seen:
        return ()
    trained = trained_layers(architecture.num_layers, training) if training.method is Method.FREEZE else None
    if trained == ():
        return ()  # there is no backward
    compute: DType | None = reader.known("precision.compute")
    stored = widths.frozen if training.method in (Method.LORA, Method.QLORA) else widths.trained
    weight_bytes = 2 if (is_engine or is_sharded) and compute is not None and compute.is_half else stored.expected_bytes
    compute_bytes = weight_bytes if compute is None else compute.num_bytes
    has_adapters = training.method in (Method.LORA, Method.QLORA)
    believed = Step(
        architecture=architecture,
        model_class=model_class,
        micro_batch=micro_batch * per_example.or_default(1),
        sequence_length_tokens=length,
        weight_bytes=weight_bytes,
        compute_bytes=min(compute_bytes, weight_bytes),
        is_autocast=compute_bytes < weight_bytes or _is_cast_by_trainer(compute, widths, is_engine=is_engine),
        attention=_attention(reader),
        checkpointing=_checkpointing(reader),
        adapters=_adapters(training, widths) if has_adapters else None,
        is_quantized=training.is_quantized and is_prepared is Truth.YES,
        loss=_loss(reader),
        has_fused_kernels=_has_fused_kernels(reader),
        shifts_logits=since(versions, "transformers", (4, 49)) is Truth.NO,
        loops_experts=generation.layout is Layout.TRANSFORMERS_4,
        precedes_common_loss=since(versions, "transformers", (4, 49)) is Truth.NO,
        upcasts_in_model=since(versions, "transformers", (4, 46)) is Truth.NO,
        trained_layers=trained,
        frozen_bytes=0 if trained is None else min(weight_bytes, widths.frozen.expected_bytes),
        recomputes_frozen=reader.look("adapter.recomputes_frozen").or_default(False),
    )
    least, most = believed, believed
    if generation.may_be_added and believed.adapters is not None:
        most = replace(most, adapters=replace(believed.adapters, experts=ExpertAdapters.ADDED))
    for doubt in _doubts(reader, believed, versions, is_prepared, training):
        least, most = replace(least, **doubt.least), replace(most, **doubt.most)
    return tuple(dict.fromkeys((believed, least, most)))


class _Words(TypedDict, total=False):
    """What of a step is in doubt."""

    checkpointing: Checkpointing
    loss: LossKernel
    attention: Attention
    is_quantized: bool
    shifts_logits: bool
    recomputes_frozen: bool


@record
class _Doubt:
    """Another pass that the run may mean, and whether it takes less than the believed one or more."""

    least: _Words = field(default_factory=_Words)
    most: _Words = field(default_factory=_Words)


def _doubts(
    reader: FactReader, believed: Step, versions: VersionView | None, is_prepared: Truth, training: Training
) -> Iterator[_Doubt]:
    if not reader.look("training.gradient_checkpointing").known:
        yield _Doubt(least={"checkpointing": Checkpointing.REENTRANT})
    if believed.trained_layers is not None and not reader.look("adapter.recomputes_frozen").known:
        yield _Doubt(most={"recomputes_frozen": True})
    if believed.model_class in LANGUAGE_MODELS and not reader.look("training.loss").known:
        yield _Doubt(least={"loss": LossKernel.LIGER})
    if not reader.look("training.attention").known:
        yield _Doubt(most={"attention": Attention.EAGER})
    elif believed.attention is Attention.SDPA and (
        (believed.micro_batch > 1 and not is_filled(reader))
        or _may_exceed_window(believed)
        or believed.architecture.model_type in SEES_WHOLE_IMAGES
    ):
        yield _Doubt(most={"attention": Attention.SDPA_MASKED})
    if believed.attention is Attention.SDPA and _may_be_flash(believed):
        yield _Doubt(least={"attention": Attention.FLASH_2})
    if training.is_quantized and is_prepared is Truth.UNKNOWN:
        yield _Doubt(most={"is_quantized": True})
    if since(versions, "transformers", (4, 49)) is Truth.UNKNOWN and believed.loss is LossKernel.FULL:
        yield _Doubt(most={"shifts_logits": True})


def _may_exceed_window(step: Step) -> bool:
    """Whether some model of this type masks sequences of this length; the catalogue does not say which."""
    block = find_block(step.architecture)
    window = None if block is None else block.shortest_window
    return window is not None and step.sequence_length_tokens >= window


def _may_be_flash(step: Step) -> bool:
    """Whether the class has no SDPA now, and takes eager attention: releases of transformers 4 had it for some."""
    block = find_block(step.architecture)
    return block is not None and block.kernels is Kernels.FLASH


def _is_cast_by_trainer(compute: DType | None, widths: Widths, *, is_engine: bool) -> bool:
    """Half arithmetic while what is trained is float32, adapters over a half model: that takes autocast."""
    return not is_engine and compute is not None and compute.is_half and widths.trained.expected_bytes == 4


def is_filled(reader: FactReader) -> bool:
    """Whether every sequence surely has the length that is said; an assumed batch or length is not said."""
    counts = (reader.look("batch.micro_batch"), reader.look("batch.sequence_length_tokens"))
    if any(is_assumed(count) for count in counts):
        return False
    return reader.look("batch.is_filled").or_default(False) is True


def _attention(reader: FactReader) -> Attention:
    words = {kernel.value: kernel for kernel in (Attention.EAGER, Attention.SDPA, Attention.FLASH_2)}
    return words.get(reader.look("training.attention").or_default("sdpa"), Attention.SDPA)


def _checkpointing(reader: FactReader) -> Checkpointing:
    fact = reader.look("training.gradient_checkpointing")
    if not fact.said:
        reader.assume("training.gradient_checkpointing", "unknown", "not said; the interval covers both")
    return Checkpointing.REENTRANT if fact.value is True else Checkpointing.NONE


def _loss(reader: FactReader) -> LossKernel:
    """Kernels that join the output layer and the loss are for language models: a classifier's logits are few."""
    if reader.look("model.model_class").or_default(LANGUAGE_MODELS[0]) not in LANGUAGE_MODELS:
        return LossKernel.FULL
    words = {kernel.value: kernel for kernel in LossKernel}
    return words.get(reader.look("training.loss").or_default("full"), LossKernel.FULL)


def _has_fused_kernels(reader: FactReader) -> bool:
    """Whoever uses liger's loss has its norms and rotary positions too, unless they are turned off one by one."""
    fact = reader.look("training.kernels")
    if fact.known:
        return fact.value == "fused"
    is_liger = _loss(reader) is LossKernel.LIGER
    reader.assume("training.kernels", "fused" if is_liger else "standard", "as liger has them" if is_liger else "usual")
    return is_liger


def _adapters(training: Training, widths: Widths) -> Adapters:
    return Adapters(
        targets=training.lora_targets,
        rank=training.lora_rank,
        has_dropout=training.lora_dropout > 0,
        num_bytes=widths.trained.expected_bytes,
        use_dora=training.use_dora,
        experts=training.expert_adapters,
    )
