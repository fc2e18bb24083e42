"""Reads the numbers of dense models whose config.json uses key names of its own."""

from __future__ import annotations

from ftlint.knowledge.architectures.architecture import Architecture, Specific
from ftlint.knowledge.architectures.reading import ConfigReader, UnknownArchitectureError
from ftlint.record import record


@record
class Keys:
    """What a config class calls the numbers that every model has."""

    hidden_size: str = "hidden_size"
    num_layers: str = "num_hidden_layers"
    num_heads: str = "num_attention_heads"
    intermediate_size: str = "intermediate_size"
    positions: str = "max_position_embeddings"

    def read(
        self,
        reader: ConfigReader,
        *,
        num_key_value_heads: int | None = None,
        has_gated_mlp: bool = False,
        specifics: tuple[tuple[str, Specific], ...] = (),
    ) -> Architecture:
        """The architecture; a feed-forward width that is null or missing is four times the hidden size, as in GPT-2."""
        hidden_size, num_heads = reader.integer(self.hidden_size), reader.integer(self.num_heads)
        head_dim, remainder = divmod(hidden_size, num_heads)
        if remainder:
            raise UnknownArchitectureError("the hidden size is not a multiple of the number of heads")
        return Architecture(
            model_type=reader.model_type,
            hidden_size=hidden_size,
            num_layers=reader.layers(self.num_layers),
            num_attention_heads=num_heads,
            num_key_value_heads=num_key_value_heads or num_heads,
            head_dim=head_dim,
            intermediate_size=reader.optional_integer(self.intermediate_size) or 4 * hidden_size,
            vocab_size=reader.integer("vocab_size"),
            max_position_embeddings=reader.optional_integer(self.positions),
            tie_word_embeddings=reader.flag("tie_word_embeddings"),
            has_gated_mlp=has_gated_mlp,
            specifics=specifics,
        )


GPT2_KEYS = Keys("n_embd", "n_layer", "n_head", "n_inner", "n_positions")
