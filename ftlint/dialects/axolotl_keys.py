"""What several readers of Axolotl's files ask of its keys."""

from __future__ import annotations

from typing import Any

from ftlint.dialects.lowering import KeyReader
from ftlint.run.fact import NOTHING, Fact

LIGER, CUT = "axolotl.integrations.liger", "axolotl.integrations.cut_cross_entropy"
"""How the names of two plugins begin, that change the loss and some kernels and nothing else."""


def is_set(setting: Fact[Any]) -> bool:
    """Whether a key is written with anything but "no": a value that cannot be seen is set."""
    return setting.said and setting.value not in (None, False, "")


def first_set(read: KeyReader, names: tuple[str, ...]) -> Fact[Any]:
    """The first of those keys that is set, or nothing said."""
    return next((found for name in names if is_set(found := read.raw(name))), NOTHING)


def plugin(read: KeyReader, prefix: str) -> Fact[Any]:
    """The list of plugins where it has that one, or where it cannot be seen."""
    plugins = read.raw("plugins")
    if not is_set(plugins):
        return NOTHING
    names = read.words("plugins")
    is_there = not names.known or any(name.startswith(prefix) for name in names.or_default(()))
    return plugins if is_there else NOTHING
