"""How each model type computes a layer: which norm, where it stands, how heads are cut, which activation function.

Only what decides the bytes that autograd keeps. Widths, biases and which projections exist come from the parameter
table. Source: transformers 5.23 `models/<model_type>/modeling_<model_type>.py`; activation functions and dropout are
the defaults of the config classes, which released models keep.
"""

from __future__ import annotations

from enum import Enum

from ftlint.record import record


class Norm(Enum):
    """How a norm is computed."""

    RMS = "rms"
    """In float32, then the weight times the result in the input's format (Llama)."""
    RMS_WEIGHT_INSIDE = "rms, weight in float32"
    """Weight times result in float32, then back (OLMo 2)."""
    RMS_ONE_PLUS = "rms, one plus weight"
    """As before, times 1 + weight (Gemma)."""
    LAYER = "layer norm"
    """torch's own, one operation."""
    LAYER_ONE_PLUS = "layer norm, one plus weight"
    LAYER_FLOAT32 = "layer norm in float32"
    """torch's own on a float32 copy, without weights (OLMo)."""
    LAYER_BY_HAND = "layer norm by hand"
    """Written out in float32 (Cohere)."""


class Order(Enum):
    """Where norms and residual additions stand."""

    PRE = "norm, block, add"
    POST = "block, norm, add"
    SANDWICH = "norm, block, norm, add"
    PARALLEL = "one norm for both blocks, one addition"
    PARALLEL_TWO = "a norm for each block, one addition"
    ADD_NORM = "block, add, norm"


class Rotary(Enum):
    """How positions are turned into queries and keys."""

    NONE = "none"
    HALF = "halves"
    """rotate_half: slices, a negation, a concatenation."""
    FLOAT32 = "in float32"
    """On float32 copies (Cohere)."""


class Heads(Enum):
    """How queries, keys and values leave the projections."""

    SEPARATE = "three projections"
    SLICED = "one projection, three slices"
    SPLIT = "one projection, split"


class QueryKeyNorm(Enum):
    """Where queries and keys are normed."""

    NONE = "none"
    BEFORE_HEADS = "whole width"
    PER_HEAD = "per head"


class Activation(Enum):
    """Activation functions by what they keep."""

    SILU = "silu"
    GELU = "gelu"
    """One operation, exact or tanh."""
    GELU_NEW = "gelu_new"
    """Written out in eight operations."""
    RELU = "relu"
    RELU_SQUARED = "relu2"


class Stem(Enum):
    """Steps between the embedding and the first layer."""

    SCALE = "scale"
    ADD = "add"
    """Learned positions or types."""
    NORM = "norm"
    DROPOUT = "dropout"


@record
class Block:
    """One layer of a model type."""

    norm: Norm = Norm.RMS
    order: Order = Order.PRE
    norms: tuple[str, ...] = ("input_layernorm", "post_attention_layernorm")
    """In the order of use."""
    attention: str = "self_attn"
    heads: Heads = Heads.SEPARATE
    projections: tuple[str, ...] = ("q_proj", "k_proj", "v_proj", "o_proj")
    """Queries, keys, values, output; or all three in one, and output."""
    qk_norm: QueryKeyNorm = QueryKeyNorm.NONE
    rotary: Rotary = Rotary.HALF
    rotary_share: float = 1.0
    """How much of each head is rotated."""
    joins_rotated: bool = False
    """Joins the rotated part and the rest, even where nothing is left (Phi-3)."""
    has_wide_tables: bool = False
    """Cosines and sines stay float32, and so do queries and keys until they are turned (OLMo)."""
    scales_queries: bool = False
    softmax_bytes: int = 4
    """Width in which eager attention takes the softmax; 0: in the scores' own."""
    softcap: bool = False
    """tanh on the scores, in eager attention (Gemma 2)."""
    mlp: str = "mlp"
    """Prefix of the feed-forward block's projections."""
    mlp_projections: tuple[str, ...] = ("gate_proj", "up_proj", "down_proj")
    """Gate, up, down; or up and down, or gate and up in one, and down."""
    gated: bool = True
    activation: Activation = Activation.SILU
    residual_dropout: bool = False
    attention_dropout: bool = False
    holds_attended: bool = False
    """A variable keeps what attention gave until the layer returns (GPT-2)."""
    adds_input_first: bool = False
    """Of two blocks side by side: adds the first to the layer's input, not to the other (Cohere)."""
    scales_residual: bool = False
    """Multiplies what is added (Granite)."""
    embedding: tuple[Stem, ...] = ()
    """What is done to the embedded words before the first layer."""
    num_tables: int = 1
    """Pairs of cosines and sines: Gemma 3 has two frequencies."""
    has_tables_per_sequence: bool = False
    """Positions depend on where images stand: each sequence of a batch has cosines and sines of its own (Qwen-VL)."""
    num_masks: int = 1
    """Masks that eager attention makes: one more for sliding windows."""
    shortest_window: int | None = None
    """Tokens that a layer of some released model looks back on: sequences as long take a mask, and SDPA another kernel.

    Source: config.json of google/gemma-3-1b-pt, mistralai/Mistral-7B-v0.1, microsoft/Phi-3-mini-4k-instruct,
    bigcode/starcoder2-3b, recalled; transformers 5.23 masking_utils.py, `_ignore_causal_mask_sdpa`.
    """
    final_norm: str = "norm"
    final_softcap: bool = False
    """tanh on the logits (Gemma 2)."""
    scales_logits: bool = False
    """Multiplies or divides the logits (Cohere, Granite)."""
