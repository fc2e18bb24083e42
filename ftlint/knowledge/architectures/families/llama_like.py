"""Dense decoder-only families that are built like Llama, each a short description.

Source: transformers 5.23 `models/<model_type>/`; checked tensor by tensor against those classes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from ftlint.knowledge.architectures.architecture import Architecture
from ftlint.knowledge.architectures.families.decoder import (
    Attention,
    Mlp,
    QueryKeyNorm,
    Switch,
    attention_block,
    is_on,
    mlp_block,
    read_heads,
    read_switches,
)
from ftlint.knowledge.architectures.family import DecoderHeads, Family, Question
from ftlint.knowledge.architectures.reading import ConfigReader, UnknownArchitectureError
from ftlint.knowledge.architectures.tensors import (
    ParameterTable,
    Section,
    Tensors,
    embedding,
    join,
    norm,
    row,
    scoped,
    single,
)
from ftlint.record import record

TWO_NORMS = ("input_layernorm", "post_attention_layernorm")
FOUR_NORMS = (*TWO_NORMS, "pre_feedforward_layernorm", "post_feedforward_layernorm")
POST_NORMS = ("post_attention_layernorm", "post_feedforward_layernorm")
APERTUS_NORMS = ("attention_layernorm", "feedforward_layernorm")
GLM4_NORMS = (*TWO_NORMS, "post_self_attn_layernorm", "post_mlp_layernorm")


@record
class LlamaLike:
    """What distinguishes one such family from Llama."""

    attention: Attention = field(default_factory=Attention)
    mlp: Mlp = Mlp.GATED
    mlp_bias: Switch = False
    norms: tuple[str, ...] = TWO_NORMS
    """The layer's norms, in the order registered; empty where norms have no parameters."""
    has_norm_bias: bool = False
    """LayerNorm with bias instead of RMSNorm."""
    activation: str = ""
    """The one activation whose parameters these are, where the activation has parameters of its own (Apertus)."""

    def family(self) -> Family:
        """How such a model type is read and built."""
        return Family(self.read, self._build)

    def read(self, reader: ConfigReader) -> Architecture:
        """The numbers in a config.json of this family."""
        num_heads, num_key_value_heads, head_dim = read_heads(reader)
        if self.activation and reader.config.get("hidden_act", self.activation) != self.activation:
            raise UnknownArchitectureError(f"hidden_act is not {self.activation}")
        attention = self.attention
        switches = (attention.qkv_bias, attention.output_bias, attention.qk_norm_switch, self.mlp_bias)
        return Architecture(
            model_type=reader.model_type,
            hidden_size=reader.integer("hidden_size"),
            num_layers=reader.layers("num_hidden_layers"),
            num_attention_heads=num_heads,
            num_key_value_heads=num_key_value_heads,
            head_dim=head_dim,
            intermediate_size=reader.integer("intermediate_size"),
            vocab_size=reader.integer("vocab_size"),
            max_position_embeddings=reader.optional_integer("max_position_embeddings"),
            tie_word_embeddings=reader.flag("tie_word_embeddings"),
            has_gated_mlp=self.mlp in (Mlp.GATED, Mlp.FUSED_GATED),
            specifics=read_switches(reader, *switches),
        )

    def _build(self, architecture: Architecture, question: Question) -> ParameterTable | None:
        return DecoderHeads().build(architecture, question, self.body(architecture))

    def body(self, architecture: Architecture) -> tuple[Section, ...]:
        """The model without a head, as `AutoModel` builds it."""
        hidden_size = architecture.hidden_size
        final_norm = norm("norm", hidden_size, bias=self.has_norm_bias) if self.norms else ()
        return (
            single(embedding("embed_tokens", architecture.vocab_size, hidden_size)),
            row("layers", architecture.num_layers, self._layer(architecture)),
            single(final_norm),
        )

    def _layer(self, architecture: Architecture) -> Tensors:
        hidden_size = architecture.hidden_size
        mlp = mlp_block(self.mlp, hidden_size, architecture.intermediate_size, bias=is_on(self.mlp_bias, architecture))
        return join(
            scoped("self_attn", attention_block(self.attention, architecture)),
            scoped("mlp", mlp),
            *(norm(name, hidden_size, bias=self.has_norm_bias) for name in self.norms),
        )


PER_HEAD_NORM = QueryKeyNorm.PER_HEAD

FAMILIES: Mapping[str, LlamaLike] = {
    "apertus": LlamaLike(
        Attention("attention_bias", "attention_bias", qk_norm=PER_HEAD_NORM),
        Mlp.XIELU,
        norms=APERTUS_NORMS,
        activation="xielu",
    ),
    "arcee": LlamaLike(Attention("attention_bias", "attention_bias"), Mlp.PLAIN, "mlp_bias"),
    "cohere": LlamaLike(
        Attention("attention_bias", "attention_bias", qk_norm=QueryKeyNorm.EACH_HEAD, qk_norm_switch="use_qk_norm"),
        norms=("input_layernorm",),
    ),
    "cohere2": LlamaLike(Attention("attention_bias", "attention_bias"), norms=("input_layernorm",)),
    "ernie4_5": LlamaLike(Attention("use_bias", "use_bias"), mlp_bias="use_bias"),
    "exaone4": LlamaLike(Attention(qk_norm=PER_HEAD_NORM), norms=POST_NORMS),
    "gemma": LlamaLike(Attention("attention_bias", "attention_bias")),
    "gemma2": LlamaLike(Attention("attention_bias", "attention_bias"), norms=FOUR_NORMS),
    "gemma3_text": LlamaLike(Attention("attention_bias", "attention_bias", qk_norm=PER_HEAD_NORM), norms=FOUR_NORMS),
    "glm": LlamaLike(Attention("attention_bias"), Mlp.FUSED_GATED),
    "glm4": LlamaLike(Attention("attention_bias"), Mlp.FUSED_GATED, norms=GLM4_NORMS),
    "granite": LlamaLike(Attention("attention_bias", "attention_bias"), mlp_bias="mlp_bias"),
    "hunyuan_v1_dense": LlamaLike(
        Attention(
            "attention_bias",
            "attention_bias",
            qk_norm=PER_HEAD_NORM,
            qk_norm_names=("query_layernorm", "key_layernorm"),
        )
    ),
    "internlm3": LlamaLike(Attention("attention_bias", "attention_bias"), mlp_bias="mlp_bias"),
    "llama": LlamaLike(Attention("attention_bias", "attention_bias"), mlp_bias="mlp_bias"),
    "ministral": LlamaLike(),
    "ministral3": LlamaLike(),
    "mistral": LlamaLike(),
    "nemotron": LlamaLike(Attention("attention_bias", "attention_bias"), Mlp.PLAIN, "mlp_bias", has_norm_bias=True),
    "olmo": LlamaLike(Attention("attention_bias", "attention_bias"), norms=()),
    "olmo2": LlamaLike(Attention("attention_bias", "attention_bias", qk_norm=QueryKeyNorm.ALL_HEADS), norms=POST_NORMS),
    "olmo3": LlamaLike(Attention("attention_bias", "attention_bias", qk_norm=QueryKeyNorm.ALL_HEADS), norms=POST_NORMS),
    "phi3": LlamaLike(Attention(is_fused=True), Mlp.FUSED_GATED),
    "qwen2": LlamaLike(Attention(qkv_bias=True)),
    "qwen2_5_vl_text": LlamaLike(Attention(qkv_bias=True)),
    "qwen2_vl_text": LlamaLike(Attention(qkv_bias=True)),
    "qwen3": LlamaLike(Attention("attention_bias", "attention_bias", qk_norm=PER_HEAD_NORM)),
    "qwen3_vl_text": LlamaLike(Attention("attention_bias", "attention_bias", qk_norm=PER_HEAD_NORM)),
    "seed_oss": LlamaLike(Attention("attention_bias", "attention_out_bias"), mlp_bias="mlp_bias"),
    "smollm3": LlamaLike(Attention("attention_bias", "attention_bias"), mlp_bias="mlp_bias"),
    "starcoder2": LlamaLike(Attention("use_bias", "use_bias"), Mlp.PLAIN_C, "use_bias", has_norm_bias=True),
}


def family(model_type: str) -> Family:
    """The family of one of `FAMILIES`' model types."""
    return FAMILIES[model_type].family()
