"""The product's judge, and the keys that the framework declares."""

from __future__ import annotations

from ftlint.asking.judges.llamafactory import PACKAGES, judge, prepare
from tests.referees.describing import Key, of_dataclass

__all__ = ["PACKAGES", "judge", "keys", "prepare"]


def keys() -> list[Key]:
    """The fields of every dataclass that training takes."""
    from llamafactory.hparams.parser import _TRAIN_ARGS

    found: dict[str, Key] = {}
    for cls in _TRAIN_ARGS:
        for key in of_dataclass(cls, ""):
            found.setdefault(key.path[0], key)
    return list(found.values())
