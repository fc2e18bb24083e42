"""How each model type computes a layer: which norm, where it stands, how heads are cut, which activation function.

Only what decides the bytes that autograd keeps. Widths, biases and which projections exist come from the parameter
table. Source: transformers 5.23 `models/<model_type>/modeling_<model_type>.py`; activation functions and dropout are
the defaults of the config classes, which released models keep.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum

from ftlint.knowledge.architectures import Architecture
from ftlint.memory.step import Attention
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
    CHUNKS = "two chunks"
    """The same in products of halves, with tables of half the width (GPT-OSS)."""
    FLOAT32 = "in float32"
    """On float32 copies (Cohere)."""
    SPREAD = "tables spread in each layer"
    """As halves, with cosines and sines made as wide as the heads in every layer (GLM)."""
    SPREAD_FLOAT32 = "tables spread in each layer, in float32"
    """On float32 copies of both parts (ERNIE 4.5)."""
    LOOKED_UP = "looked up in each layer"
    """In a table of all positions, once for queries and once for keys (GPT-J)."""
    LOOKED_UP_FLOAT32 = "looked up in each layer, in float32"
    """What is turned stays float32 (CodeGen)."""


class Heads(Enum):
    """How queries, keys and values leave the projections."""

    SEPARATE = "three projections"
    SLICED = "one projection, three slices"
    SPLIT = "one projection, split"
    REGROUPED = "one projection, split, each part copied"
    """CodeGen's projection is in the order of four devices."""
    MULTI_QUERY = "one projection, queries sliced, keys and values picked"
    """Of a single key head (Falcon 7B)."""
    BROADCAST = "one projection, keys and values copied for every query head"
    """Falcon 40B."""


class Scores(Enum):
    """How eager attention goes from queries, keys and values to what it gives."""

    STANDARD = "scaled, masked, softmax, cast back"
    WIDE = "on float32 queries and keys"
    """GPT-J: scaled, then masked."""
    WIDE_MASKED_FIRST = "on float32 queries and keys, masked before they are scaled"
    """CodeGen."""
    WIDE_MASKED_TWICE = "on float32 queries and keys, unscaled, with a mask of its own"
    """GPT-Neo."""
    PRODUCT_ON_BIAS = "the product added to a bias of positions"
    """BLOOM's alibi."""
    FLOAT32_BIAS = "a float32 bias of positions added"
    """MPT's alibi, which makes the scores float32."""
    IN_PLACE = "scaled in place"
    """Falcon, which casts nothing back."""


class Kernels(Enum):
    """What a class computes attention with besides its eager code, which every class has."""

    ALL = "sdpa and flash"
    FLASH = "flash alone"
    """Asked for SDPA by default, transformers takes eager attention."""
    MASKED = "sdpa, always under a mask"
    EAGER = "eager alone"
    """Or flash besides, of which it is not described what it keeps."""
    UNKNOWN = "eager, and sdpa"
    """Of SDPA it is not described what it keeps."""


class Latent(Enum):
    """How attention over latent keys and values turns the part of each head that has positions."""

    COMPLEX = "complex"
    """As complex numbers in float32 (DeepSeek V2)."""
    PAIRS = "pairs"
    """On every other number (DeepSeek V3)."""


class QueryKeyNorm(Enum):
    """Where queries and keys are normed."""

    NONE = "none"
    BEFORE_HEADS = "whole width"
    PER_HEAD = "per head"
    EACH_HEAD = "a module for each head"
    """StableLM 2 12B."""


class Activation(Enum):
    """Activation functions by what they keep."""

    SILU = "silu"
    GELU = "gelu"
    """One operation, exact or tanh."""
    GELU_NEW = "gelu_new"
    """Written out in eight operations."""
    GELU_BY_HAND = "gelu by hand"
    """A function of its own, which keeps its input alone (BLOOM)."""
    RELU = "relu"
    RELU_SQUARED = "relu2"


class Routing(Enum):
    """How a router weights experts. All but the last take the highest few of a product with the hidden states."""

    SOFTMAX = "softmax of all in float32, then the highest"
    SOFTMAX_FLOAT32 = "the same, of a product in float32"
    SIGMOID_FLOAT32 = "a sigmoid of a product in float32, groups of experts first"
    HIGHEST_FIRST = "the highest, then a softmax of those"
    HIGHEST_FIRST_FLOAT32 = "the same in float32"
    SPARSE_MIXER = "two samples, one after the other (Phi-3.5-MoE)"


@record
class Loop:
    """Where transformers 4 has a module per expert, and its gate, up and down projection."""

    module: str = "mlp"
    projections: tuple[str, str, str] = ("gate_proj", "up_proj", "down_proj")
    is_wide: bool = False
    """Sums up in the router's format, float32."""


@record
class Mixture:
    """The feed-forward block of a model type that routes tokens to experts."""

    routing: Routing = Routing.SOFTMAX
    router: str = "gate"
    shared: str = ""
    """The expert that every token takes."""
    shared_gate: str = ""
    """What weights it; it is then computed before the others."""
    has_clamped_gate: bool = False
    """Gate and up projection alternate, and both are clamped (GPT-OSS)."""
    loop: Loop | None = None
    """None where transformers 4 computes in a way that has no description."""


class Stem(Enum):
    """Steps between the embedding and the first layer."""

    PROJECT = "project"
    """From words of another width (OPT-350m), and back before the output layer."""
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
    clamps_projected: bool = False
    """What the one projection gives is clipped (MPT-7B-8k)."""
    qk_norm: QueryKeyNorm = QueryKeyNorm.NONE
    rotary: Rotary = Rotary.HALF
    rotary_share: float = 1.0
    """How much of each head is rotated."""
    joins_rotated: bool = False
    """Joins the rotated part and the rest, even where nothing is left (Phi-3)."""
    has_wide_tables: bool = False
    """Cosines and sines stay float32, and so do queries and keys until they are turned (OLMo)."""
    holds_parts: bool = False
    """Variables keep the turned part and the rest until attention returns (Phi)."""
    joins_by_token: bool = False
    """Joins them before heads and tokens change places (GPT-J)."""
    scales_queries: bool = False
    scales_turned_queries: bool = False
    """By a factor for each position, after they are turned (Ministral 3)."""
    kernels: Kernels = Kernels.ALL
    scores: Scores = Scores.STANDARD
    softmax_bytes: int = 4
    """Width in which eager attention takes the softmax; 0: in the scores' own."""
    latent: Latent | None = None
    """Keys and values come out of a narrow projection (DeepSeek)."""
    has_sinks: bool = False
    """One more score per head, which the softmax takes in (GPT-OSS)."""
    softcap: bool = False
    """tanh on the scores, in eager attention (Gemma 2)."""
    mlp: str = "mlp"
    """Prefix of the feed-forward block's projections."""
    mlp_projections: tuple[str, ...] = ("gate_proj", "up_proj", "down_proj")
    """Gate, up, down; or up and down, or gate and up in one, and down."""
    mixture: Mixture | None = None
    gated: bool = True
    activation: Activation = Activation.SILU
    residual_dropout: bool = False
    attention_dropout: bool = False
    holds_attended: bool = False
    """A variable keeps what attention gave until the layer returns (GPT-2)."""
    returns_weights: bool = False
    """The layer gives eager attention's weights to the model, which holds them until the next layer returns (GPT-J)."""
    transposes_weights: bool = False
    """Products read the transposed weight, which autocast casts anew each time (Falcon)."""
    holds_normed: bool = False
    """A variable keeps what attention was given until the layer returns (StableLM)."""
    adds_inside: tuple[str, ...] = ()
    """Of "attention" and "mlp": those that add the residual themselves, and hold all they made until then (BLOOM)."""
    norms_first: bool = False
    """Of two blocks side by side: both norms are computed before either, and kept in variables (Falcon)."""
    adds_in_place: bool = False
    """Of two blocks side by side: the second's result takes up the first's (Falcon)."""
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
    bigcode/starcoder2-3b, recalled; otherwise the defaults of transformers 5.23's config classes. Its masking_utils.py,
    `_ignore_causal_mask_sdpa`.
    """
    final_norm: str = "norm"
    final_softcap: bool = False
    """tanh on the logits (Gemma 2)."""
    scales_logits: bool = False
    """Multiplies or divides the logits (Cohere, Granite)."""

    def computed(self, asked: Attention) -> Attention | None:
        """What computes attention where this is asked for; None where that is not described."""
        return _COMPUTED[self.kernels].get(asked, Attention.EAGER if asked is Attention.EAGER else None)


_EAGER = {Attention.SDPA: Attention.EAGER, Attention.SDPA_MASKED: Attention.EAGER}
_COMPUTED: Mapping[Kernels, Mapping[Attention, Attention]] = {
    Kernels.ALL: {kernel: kernel for kernel in Attention},
    Kernels.FLASH: {**_EAGER, Attention.FLASH_2: Attention.FLASH_2},
    Kernels.MASKED: {Attention.SDPA: Attention.SDPA_MASKED, Attention.SDPA_MASKED: Attention.SDPA_MASKED},
    Kernels.EAGER: _EAGER,
    Kernels.UNKNOWN: {},
}
"""Where a class has no SDPA, transformers takes eager attention unless SDPA was asked for by name, which it refuses."""

Description = Block | Callable[[Architecture], Block | None]
"""How a model type computes a layer; where its config.json decides, by its numbers, None for what is not described."""
