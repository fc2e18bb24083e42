"""Which layers of a hybrid attend, and which do something cheaper in their place.

Source: transformers 5.23 configuration_utils.py, `remap_legacy_layer_types`, and the config classes' `__post_init__`.
"""

from __future__ import annotations

from collections.abc import Callable

from ftlint.knowledge.architectures.reading import ConfigReader, UnknownArchitectureError

ATTENTION = "full_attention"
OLDER_WORDS = {"attention": ATTENTION, "mamba": "linear_attention"}
"""What released files write, and what transformers 5 reads in its place."""


def attention_layers(
    reader: ConfigReader, num_layers: int, *, other: str, unsaid: Callable[[int], bool]
) -> tuple[int, ...]:
    """The layers that attend, by their index; all the rest are of the kind `other`.

    `unsaid`: whether a layer attends in a file that has no `layer_types`.
    """
    written = read_kinds(reader, "layer_types", num_layers, (ATTENTION, other))
    if written:
        return tuple(index for index, kind in enumerate(written) if kind == ATTENTION)
    return tuple(index for index in range(num_layers) if unsaid(index))


def read_kinds(reader: ConfigReader, key: str, num_layers: int, known: tuple[str, ...]) -> tuple[str, ...]:
    """One word per layer, in the words of transformers 5; empty where the file does not say."""
    kinds = tuple(OLDER_WORDS.get(word, word) for word in reader.texts(key))
    if kinds and len(kinds) != num_layers:
        raise UnknownArchitectureError(f"{key} must have one word for each of {num_layers} layers")
    if not set(kinds) <= set(known):
        raise UnknownArchitectureError(f"{key} must have no words but {' and '.join(known)}")
    return kinds
