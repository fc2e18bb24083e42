"""Mixture-of-experts families with Llama's attention.

Source: transformers 5.23 and, for experts as separate linears, 4.57.1, `models/<model_type>/modeling_<model_type>.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from enum import Enum

from ftlint.knowledge.architectures.architecture import Architecture, Layout
from ftlint.knowledge.architectures.families.decoder import (
    Attention,
    Mlp,
    QueryKeyNorm,
    attention_block,
    expert_block,
    mlp_block,
    read_heads,
    read_switches,
    router,
)
from ftlint.knowledge.architectures.family import DecoderHeads, Family, Question
from ftlint.knowledge.architectures.reading import ConfigReader, UnknownArchitectureError
from ftlint.knowledge.architectures.tensors import (
    ParameterTable,
    Role,
    Section,
    Tensors,
    bare,
    embedding,
    join,
    linear,
    norm,
    rows_of,
    scoped,
    single,
)
from ftlint.record import record


class Sparsity(Enum):
    """Which layers are mixtures."""

    ALL = "all"
    STEP = "step"
    """Every `decoder_sparse_step`-th, except `mlp_only_layers` (Qwen)."""
    AFTER_FIRST = "after first"
    """All from `first_k_dense_replace` on (GLM-4.5)."""
    INTERVAL = "interval"
    """Every `moe_layer_interval`-th between two layers (ERNIE 4.5)."""


@record
class Mixture:
    """What distinguishes one such family."""

    block: str
    """Which feed-forward block: the name of a function below."""
    attention: Attention = field(default_factory=Attention)
    sparsity: Sparsity = Sparsity.ALL
    experts_key: str = "num_local_experts"
    expert_width_key: str = "intermediate_size"
    specifics: tuple[str, ...] = ()
    """Family-specific integers that the block needs."""
    has_norm_bias: bool = False
    norms_first: bool = False
    """The layer's norms are registered before the feed-forward block."""
    is_new: bool = False
    """transformers 4 has no such class."""

    def family(self) -> Family:
        """How such a model type is read and built."""
        return Family(self._read, self._build)

    def _read(self, reader: ConfigReader) -> Architecture:
        num_heads, num_key_value_heads, head_dim = read_heads(reader)
        num_layers = reader.layers("num_hidden_layers")
        sparse = self._sparse_layers(reader, num_layers)
        attention = self.attention
        switches = read_switches(reader, attention.qkv_bias, attention.output_bias, attention.qk_norm_switch)
        if self.block == "ernie" and reader.optional_flag("use_bias"):
            raise UnknownArchitectureError("use_bias, which no released mixture has")
        if self.block == "phimoe":
            switches += (("lm_head_bias", reader.optional_flag("lm_head_bias")),)
        return Architecture(
            model_type=reader.model_type,
            hidden_size=reader.integer("hidden_size"),
            num_layers=num_layers,
            num_attention_heads=num_heads,
            num_key_value_heads=num_key_value_heads,
            head_dim=head_dim,
            intermediate_size=reader.integer("intermediate_size"),
            vocab_size=reader.integer("vocab_size"),
            max_position_embeddings=reader.optional_integer("max_position_embeddings"),
            tie_word_embeddings=reader.flag("tie_word_embeddings"),
            num_experts=reader.integer(self.experts_key),
            num_experts_per_token=reader.part("num_experts_per_tok", self.experts_key),
            expert_intermediate_size=reader.integer(self.expert_width_key),
            num_sparse_layers=len(sparse),
            specifics=(
                *switches,
                *((key, reader.integer(key)) for key in self.specifics),
                ("sparse_layers", sparse),
            ),
        )

    def _sparse_layers(self, reader: ConfigReader, num_layers: int) -> tuple[int, ...]:
        if self.sparsity is Sparsity.ALL:
            return tuple(range(num_layers))
        if self.sparsity is Sparsity.AFTER_FIRST:
            return tuple(range(reader.integer("first_k_dense_replace", minimum=0), num_layers))
        if self.sparsity is Sparsity.INTERVAL:
            first, last = (reader.integer(f"moe_layer_{end}_index", minimum=-1) for end in ("start", "end"))
            stop, step = num_layers if last == -1 else min(num_layers, last + 1), reader.integer("moe_layer_interval")
            return tuple(index for index in range(max(0, first), stop) if (index + 1) % step == 0)
        step, dense = reader.integer("decoder_sparse_step"), frozenset(reader.integers("mlp_only_layers"))
        return tuple(index for index in range(num_layers) if index not in dense and (index + 1) % step == 0)

    def _build(self, architecture: Architecture, question: Question) -> ParameterTable | None:
        if self.is_new and question.layout is Layout.TRANSFORMERS_4:
            return None
        heads = DecoderHeads(has_lm_head_bias=self.block == "phimoe" and architecture.flag("lm_head_bias"))
        return heads.build(architecture, question, self._body(architecture, question.layout))

    def _body(self, architecture: Architecture, layout: Layout) -> tuple[Section, ...]:
        sparse = frozenset(architecture.numbers("sparse_layers"))
        kinds = [index in sparse for index in range(architecture.num_layers)]
        return (
            single(embedding("embed_tokens", architecture.vocab_size, architecture.hidden_size)),
            *rows_of("layers", kinds, lambda is_sparse: self._layer(architecture, layout, is_sparse)),
            single(norm("norm", architecture.hidden_size, bias=self.has_norm_bias)),
        )

    def _layer(self, architecture: Architecture, layout: Layout, is_sparse: bool) -> Tensors:
        hidden_size = architecture.hidden_size
        attention = scoped("self_attn", self._attention(architecture))
        norms = join(
            norm("input_layernorm", hidden_size, bias=self.has_norm_bias),
            norm("post_attention_layernorm", hidden_size, bias=self.has_norm_bias),
        )
        if is_sparse:
            block = BLOCKS[self.block](architecture, layout)
        else:
            block = scoped("mlp", mlp_block(Mlp.GATED, hidden_size, architecture.intermediate_size))
        # Granite registers its norms before the block; transformers 4 replaced a dense block, which came first.
        is_norm_first = self.norms_first and layout is Layout.TRANSFORMERS_5
        return join(attention, norms, block) if is_norm_first else join(attention, block, norms)

    def _attention(self, architecture: Architecture) -> Tensors:
        block = attention_block(self.attention, architecture)
        if self.block == "gpt_oss":
            return join(bare("sinks", architecture.num_attention_heads, role=Role.OTHER), block)
        return block


def _mixtral(architecture: Architecture, layout: Layout) -> Tensors:
    gate = router("gate", architecture, layout)
    if layout is Layout.TRANSFORMERS_5:
        return scoped("mlp", gate, scoped("experts", expert_block(architecture, layout)))
    # w1 is the gate, w2 the down and w3 the up projection.
    experts = expert_block(architecture, layout, projections=("w1", "w2", "w3"))
    return scoped("block_sparse_moe", gate, scoped("experts", experts))


def _qwen2(architecture: Architecture, layout: Layout) -> Tensors:
    hidden_size, shared_width = architecture.hidden_size, architecture.number("shared_expert_intermediate_size")
    return scoped(
        "mlp",
        router("gate", architecture, layout),
        scoped("experts", expert_block(architecture, layout)),
        scoped("shared_expert", mlp_block(Mlp.GATED, hidden_size, shared_width)),
        linear("shared_expert_gate", hidden_size, 1),
    )


def _qwen3(architecture: Architecture, layout: Layout) -> Tensors:
    gate = router("gate", architecture, layout)
    experts = scoped("experts", expert_block(architecture, layout))
    # transformers 5 registers the experts before the router, 4 after it.
    return scoped("mlp", experts, gate) if layout is Layout.TRANSFORMERS_5 else scoped("mlp", gate, experts)


def _qwen3_vl(architecture: Architecture, layout: Layout) -> Tensors:
    if layout is Layout.TRANSFORMERS_5:
        return _qwen3(architecture, layout)
    # transformers 4 fused them too, input features first.
    num_experts, hidden_size = architecture.num_experts, architecture.hidden_size
    width = architecture.expert_intermediate_size
    experts = join(
        bare("gate_up_proj", num_experts, hidden_size, 2 * width, role=Role.EXPERT),
        bare("down_proj", num_experts, width, hidden_size, role=Role.EXPERT),
    )
    return scoped("mlp", router("gate", architecture, layout), scoped("experts", experts))


def _olmoe(architecture: Architecture, layout: Layout) -> Tensors:
    experts = scoped("experts", expert_block(architecture, layout))
    return scoped("mlp", router("gate", architecture, layout), experts)


def _gpt_oss(architecture: Architecture, layout: Layout) -> Tensors:
    # Fused in transformers 4 as well, input features first, and with biases.
    num_experts, hidden_size = architecture.num_experts, architecture.hidden_size
    width = architecture.expert_intermediate_size
    experts = join(
        bare("gate_up_proj", num_experts, hidden_size, 2 * width, role=Role.EXPERT),
        bare("gate_up_proj_bias", num_experts, 2 * width, role=Role.EXPERT),
        bare("down_proj", num_experts, width, hidden_size, role=Role.EXPERT),
        bare("down_proj_bias", num_experts, hidden_size, role=Role.EXPERT),
    )
    gate = join(
        bare("weight", num_experts, hidden_size, role=Role.ROUTER),
        bare("bias", num_experts, role=Role.BIAS),
    )
    return scoped("mlp", scoped("router", gate), scoped("experts", experts))


def _granite(architecture: Architecture, layout: Layout) -> Tensors:
    num_experts, hidden_size = architecture.num_experts, architecture.hidden_size
    width = architecture.expert_intermediate_size
    if layout is Layout.TRANSFORMERS_5:
        gate = router("router", architecture, layout)
        return scoped("block_sparse_moe", gate, scoped("experts", expert_block(architecture, layout)))
    # transformers 4 fused them too, under other names and with the router last.
    return scoped(
        "block_sparse_moe",
        bare("input_linear.weight", num_experts, 2 * width, hidden_size, role=Role.EXPERT),
        bare("output_linear.weight", num_experts, hidden_size, width, role=Role.EXPERT),
        linear("router.layer", hidden_size, num_experts),
    )


def _phimoe(architecture: Architecture, layout: Layout) -> Tensors:
    gate_weight = (architecture.hidden_size, architecture.num_experts)
    if layout is Layout.TRANSFORMERS_5:
        experts = scoped("experts", expert_block(architecture, layout))
        return scoped("mlp", linear("router", *gate_weight), experts)
    experts = scoped("experts", expert_block(architecture, layout, projections=("w1", "w2", "w3")))
    return scoped("block_sparse_moe", linear("gate", *gate_weight), experts)


def _glm4(architecture: Architecture, layout: Layout) -> Tensors:
    shared_width = architecture.expert_intermediate_size * architecture.number("n_shared_experts")
    return scoped(
        "mlp",
        scoped("experts", expert_block(architecture, layout)),
        # A bare parameter in transformers 4 too.
        router("gate", architecture, Layout.TRANSFORMERS_5),
        scoped("shared_experts", mlp_block(Mlp.GATED, architecture.hidden_size, shared_width)),
    )


def _ernie(architecture: Architecture, layout: Layout) -> Tensors:
    hidden_size, width = architecture.hidden_size, architecture.expert_intermediate_size
    # Corrects the router's choice; it is no buffer here, but a parameter without gradient.
    correction = bare("moe_statics.e_score_correction_bias", 1, architecture.num_experts, role=Role.OTHER)
    gate, experts = router("gate", architecture, layout), scoped("experts", expert_block(architecture, layout))
    shared_width = width * architecture.number("moe_num_shared_experts")
    shared = scoped("shared_experts", mlp_block(Mlp.GATED, hidden_size, shared_width))
    # transformers 4 kept it beside the router.
    if layout is Layout.TRANSFORMERS_4:
        return scoped("mlp", correction, gate, experts, shared)
    return scoped("mlp", gate, scoped("gate", correction), experts, shared)


BLOCKS = {
    "ernie": _ernie,
    "glm4": _glm4,
    "gpt_oss": _gpt_oss,
    "granite": _granite,
    "mixtral": _mixtral,
    "olmoe": _olmoe,
    "phimoe": _phimoe,
    "qwen2": _qwen2,
    "qwen3": _qwen3,
    "qwen3_vl": _qwen3_vl,
}

BIASED = Attention("attention_bias", "attention_bias")

FAMILIES: Mapping[str, Mixture] = {
    "dots1": Mixture(
        "glm4",
        Attention("attention_bias", "attention_bias", qk_norm=QueryKeyNorm.PER_HEAD),
        Sparsity.AFTER_FIRST,
        experts_key="n_routed_experts",
        expert_width_key="moe_intermediate_size",
        specifics=("n_shared_experts",),
    ),
    "ernie4_5_moe": Mixture(
        "ernie",
        Attention(),
        Sparsity.INTERVAL,
        experts_key="moe_num_experts",
        expert_width_key="moe_intermediate_size",
        specifics=("moe_num_shared_experts",),
    ),
    "glm4_moe": Mixture(
        "glm4",
        Attention("attention_bias", qk_norm=QueryKeyNorm.PER_HEAD, qk_norm_switch="use_qk_norm"),
        Sparsity.AFTER_FIRST,
        experts_key="n_routed_experts",
        expert_width_key="moe_intermediate_size",
        specifics=("n_shared_experts",),
    ),
    "gpt_oss": Mixture("gpt_oss", BIASED),
    "granitemoe": Mixture("granite", BIASED, norms_first=True),
    "minimax_m2": Mixture("olmoe", Attention(qk_norm=QueryKeyNorm.ALL_HEADS), is_new=True),
    "mixtral": Mixture("mixtral"),
    "olmoe": Mixture(
        "olmoe",
        Attention("attention_bias", "attention_bias", qk_norm=QueryKeyNorm.ALL_HEADS),
        experts_key="num_experts",
    ),
    "phimoe": Mixture("phimoe", BIASED, has_norm_bias=True),
    "qwen2_moe": Mixture(
        "qwen2",
        Attention("qkv_bias"),
        Sparsity.STEP,
        experts_key="num_experts",
        expert_width_key="moe_intermediate_size",
        specifics=("shared_expert_intermediate_size",),
    ),
    "qwen3_moe": Mixture(
        "qwen3",
        Attention("attention_bias", "attention_bias", qk_norm=QueryKeyNorm.PER_HEAD),
        Sparsity.STEP,
        # Released files write num_experts, which the config class takes for its own num_local_experts.
        expert_width_key="moe_intermediate_size",
    ),
    "qwen3_vl_moe_text": Mixture(
        "qwen3_vl",
        Attention("attention_bias", "attention_bias", qk_norm=QueryKeyNorm.PER_HEAD),
        Sparsity.STEP,
        expert_width_key="moe_intermediate_size",
    ),
}


def family(model_type: str) -> Family:
    """The family of one of `FAMILIES`' model types."""
    return FAMILIES[model_type].family()
