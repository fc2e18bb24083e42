"""What the activations of one training step depend on, as plain values."""

from __future__ import annotations

from dataclasses import replace
from enum import Enum

from ftlint.knowledge.architectures import Architecture
from ftlint.memory.adapting import ExpertAdapters
from ftlint.record import record


class Attention(Enum):
    """Which code computes attention. The flash kernel keeps no scores; under a mask SDPA takes another kernel."""

    EAGER = "eager"
    SDPA = "sdpa"
    SDPA_MASKED = "sdpa with a mask"
    """Padding in the batch: the mask is materialised, and keys are repeated for every query head."""
    FLASH_2 = "flash_attention_2"


class Checkpointing(Enum):
    """Whether layers are computed a second time in backward instead of being kept."""

    NONE = "none"
    REENTRANT = "reentrant"
    NON_REENTRANT = "non-reentrant"


class LossKernel(Enum):
    """How logits become a loss."""

    FULL = "full"
    """transformers: all logits, in float32, and their log-probabilities."""
    FUSED = "fused"
    """Cross entropy in place on full logits (Unsloth-style and foundation-model-stack kernels)."""
    CHUNKED = "chunked"
    """Log-probabilities chunk by chunk (TRL from 1.x)."""
    LIGER = "liger"
    """Output layer and cross entropy in one kernel; no logits at all."""


@record
class Adapters:
    """LoRA: module names as PEFT takes them, `("all-linear",)` for every linear module but the head."""

    targets: tuple[str, ...]
    rank: int
    has_dropout: bool
    num_bytes: int
    """Width of the adapters' weights: 4 since PEFT's `autocast_adapter_dtype`, whatever the base has."""
    use_dora: bool = False
    """Whether a trained magnitude scales each row of what a layer and its adapter give."""
    experts: ExpertAdapters = ExpertAdapters.FOLDED
    """What becomes of targets that are fused weights of experts."""


NOT_ADAPTED = Adapters((), rank=0, has_dropout=False, num_bytes=0)
"""Adapters of no module: every weight is frozen."""


@record
class Step:
    """One forward and backward pass on one GPU. Widths are bytes per element."""

    architecture: Architecture
    model_class: str
    micro_batch: int
    sequence_length_tokens: int
    """Padded: what every sequence of the batch is filled up to."""
    weight_bytes: int
    compute_bytes: int
    """Of matrix products: autocast's format, or the weights' own."""
    is_autocast: bool
    attention: Attention
    checkpointing: Checkpointing
    adapters: Adapters | None
    """None: every weight is trained, or every one of `trained_layers`."""
    is_quantized: bool
    """Linear layers in 4 bits, and `prepare_model_for_kbit_training` has made the rest float32."""
    loss: LossKernel
    shifts_logits: bool
    """transformers below 4.49 copies the float32 logits without the last position."""
    has_fused_kernels: bool = False
    """Norms and rotary positions each in one operation (liger, foundation-model-stack, Unsloth)."""
    loops_experts: bool = False
    """transformers below 5 computes experts one after another."""
    precedes_common_loss: bool = False
    """transformers below 4.49: some classes took their loss themselves."""
    upcasts_in_model: bool = False
    """transformers below 4.46 makes logits float32 in the model, and then holds no others."""
    raises_stream: bool = False
    """A norm behind the embedding, which autocast computes in float32, decides the hidden states' format (BLOOM)."""
    trained_layers: tuple[int, ...] | None = None
    """Indices in order, where these layers are trained and nothing else is; None where no layer is left out."""
    frozen_bytes: int = 0
    """Of weights beside `trained_layers`, the embedding's among them; 0: as `weight_bytes`."""
    recomputes_frozen: bool = False
    """Whether checkpointing goes for layers that are not trained too, as transformers' does, which makes the
    embedding's output need a gradient; LLaMA-Factory's goes for trained ones alone."""

    @property
    def num_tokens(self) -> int:
        """Of the whole micro batch."""
        return self.micro_batch * self.sequence_length_tokens

    @property
    def embedding_bytes(self) -> int:
        """Width of the embedded words, and of masks."""
        return 4 if self.is_quantized else self.frozen_bytes or self.weight_bytes

    @property
    def stream_bytes(self) -> int:
        """Width of the hidden states between layers: the embedding's, unless something raises it."""
        return 4 if self.raises_stream else self.embedding_bytes

    @property
    def has_frozen_in_backward(self) -> bool:
        """Whether gradients pass through a layer whose own weights are frozen."""
        if self.trained_layers is None:
            return self.adapters is not None
        reaches_all = self.recomputes_frozen and self.checkpointing is not Checkpointing.NONE
        first = 0 if reaches_all else self.trained_layers[0]
        return len(self.trained_layers) < self.architecture.num_layers - first

    @property
    def around(self) -> Step:
        """The same pass as what is not trained sees it, where only some layers are."""
        if self.trained_layers is None:
            return self
        return replace(self, adapters=NOT_ADAPTED, weight_bytes=self.embedding_bytes)
