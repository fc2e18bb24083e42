"""The numbers that make one model: what a config.json says, with its class's defaults filled in."""

from __future__ import annotations

from enum import Enum

from ftlint.record import record


class ModelClass(Enum):
    """The auto classes whose parameters we can list. The value is the name in code."""

    MODEL = "AutoModel"
    CAUSAL_LM = "AutoModelForCausalLM"
    SEQUENCE_CLASSIFICATION = "AutoModelForSequenceClassification"
    TOKEN_CLASSIFICATION = "AutoModelForTokenClassification"
    MASKED_LM = "AutoModelForMaskedLM"
    SEQ2SEQ_LM = "AutoModelForSeq2SeqLM"
    IMAGE_TEXT_TO_TEXT = "AutoModelForImageTextToText"


class Layout(Enum):
    """Which generation of transformers lays out the modules.

    Generation 5 keeps the experts of a layer in two or three fused tensors where 4 has `nn.Linear`s per expert, equally
    many in all. It ties the output layer of every T5, which 4 does only where config.json says so, and leaves
    out what Gemma 3n's layers that share keys and values never use.
    """

    TRANSFORMERS_5 = "transformers 5"
    TRANSFORMERS_4 = "transformers 4"


Specific = int | bool | str | tuple[int, ...] | None


@record
class Tower:
    """What reads images beside a language model: a model type of its own, and its numbers under their keys."""

    model_type: str
    numbers: tuple[tuple[str, int | bool], ...]

    def number(self, key: str) -> int:
        """One of its integers; a flag is 0 or 1."""
        return int(dict(self.numbers)[key])


@record
class Architecture:
    """One model's numbers, in one vocabulary for all families. Counts of things, not bytes.

    Of a multimodal model they are those of its language model, whose own type is `text_model_type`; what stands beside
    it is `vision` and `audio`. `specifics` holds what only this family knows (`q_lora_rank`, `use_qk_norm`, ...), as
    (key, value) pairs.
    """

    model_type: str
    hidden_size: int
    num_layers: int
    num_attention_heads: int
    num_key_value_heads: int
    head_dim: int
    """Width of one query head. Not always hidden_size / num_attention_heads."""
    intermediate_size: int
    """Width of the dense feed-forward block; of one expert where every layer is sparse."""
    vocab_size: int
    max_position_embeddings: int | None
    tie_word_embeddings: bool
    has_gated_mlp: bool = True
    """Gate, up and down projections (SwiGLU, GeGLU) instead of up and down alone."""
    num_experts: int = 0
    """Routed experts per sparse layer; 0 for a dense model."""
    num_experts_per_token: int = 0
    expert_intermediate_size: int = 0
    num_sparse_layers: int = 0
    """Layers whose feed-forward block is a mixture of experts."""
    num_decoder_layers: int = 0
    """Decoder layers of an encoder-decoder model, whose encoder has `num_layers`; else 0."""
    specifics: tuple[tuple[str, Specific], ...] = ()
    text_model_type: str = ""
    """Empty where the model reads text alone."""
    vision: Tower | None = None
    audio: Tower | None = None

    @property
    def language_model_type(self) -> str:
        """The type whose code computes the decoder layers: `qwen2_5_vl_text` in a `qwen2_5_vl`."""
        return self.text_model_type or self.model_type

    @property
    def query_width(self) -> int:
        """Width of all query heads together."""
        return self.num_attention_heads * self.head_dim

    @property
    def key_value_width(self) -> int:
        """Width of all key heads together, or of all value heads."""
        return self.num_key_value_heads * self.head_dim

    def number(self, key: str) -> int:
        """A family-specific integer."""
        value = dict(self.specifics)[key]
        if not isinstance(value, int):
            raise KeyError(key)
        return value

    def optional_number(self, key: str) -> int | None:
        """A family-specific integer that the config.json may leave out or null."""
        value = dict(self.specifics)[key]
        if value is None or isinstance(value, int):
            return value
        raise KeyError(key)

    def flag(self, key: str) -> bool:
        """A family-specific switch."""
        value = dict(self.specifics)[key]
        if not isinstance(value, bool):
            raise KeyError(key)
        return value

    def text(self, key: str) -> str:
        """A family-specific word."""
        value = dict(self.specifics)[key]
        if not isinstance(value, str):
            raise KeyError(key)
        return value

    def numbers(self, key: str) -> tuple[int, ...]:
        """A family-specific list of integers."""
        value = dict(self.specifics)[key]
        if not isinstance(value, tuple):
            raise KeyError(key)
        return value
