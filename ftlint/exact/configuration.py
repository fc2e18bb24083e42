"""From our numbers of a model back to the config.json that transformers' config class takes."""

from __future__ import annotations

from typing import Any

from ftlint.errors import InputError
from ftlint.knowledge.architectures import Architecture, parse_architecture
from ftlint.knowledge.architectures.reading import defaults_of

_NUMBERS = (
    ("hidden_size", "hidden_size"),
    ("num_hidden_layers", "num_layers"),
    ("num_attention_heads", "num_attention_heads"),
    ("num_key_value_heads", "num_key_value_heads"),
    ("head_dim", "head_dim"),
    ("intermediate_size", "intermediate_size"),
    ("ffn_dim", "intermediate_size"),
    ("vocab_size", "vocab_size"),
    ("max_position_embeddings", "max_position_embeddings"),
    ("tie_word_embeddings", "tie_word_embeddings"),
)
_EXPERTS = (
    ("num_local_experts", "num_experts"),
    ("num_experts", "num_experts"),
    ("n_routed_experts", "num_experts"),
    ("num_experts_per_tok", "num_experts_per_token"),
    ("moe_intermediate_size", "expert_intermediate_size"),
)
"""Keys of config classes and our names. A class keeps keys that it does not know, and nothing reads them."""


def config_of(architecture: Architecture) -> dict[str, Any]:
    """A config.json that reads as this architecture; `InputError` where it does not come out the same.

    Everything that our numbers leave out has its class's default.
    """
    if architecture.vision is not None:
        raise InputError(f"--exact: multimodal models are not traced, such as this {architecture.model_type} model")
    defaults = defaults_of(architecture.model_type)
    known = {} if defaults is None else dict(defaults.values)
    aliases = {} if defaults is None else dict(defaults.aliases)
    written: dict[str, Any] = {"model_type": architecture.model_type}
    for key, name in (*_NUMBERS, *(_EXPERTS if architecture.num_experts else ())):
        written[aliases.get(key, key)] = getattr(architecture, name)
    written.update((key, value) for key, value in architecture.specifics if key in known)
    if "pad_token_id" not in written:
        written["pad_token_id"] = 0  # Phi-3's default lies outside small vocabularies; it decides no size
    if parse_architecture(written) != architecture:
        raise InputError(
            f"--exact: the config of this {architecture.model_type} model cannot be built from its numbers"
        )
    return written
