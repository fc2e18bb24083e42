"""The product's judge, and the keys that the framework declares."""

from __future__ import annotations

from ftlint.asking.judges.axolotl import PACKAGES, judge, prepare
from tests.referees.describing import Key, of_model

__all__ = ["PACKAGES", "judge", "keys", "prepare"]


def keys() -> list[Key]:
    """The schema's fields; those of lists of datasets are not keys of the file."""
    from axolotl.utils.schemas.config import AxolotlInputConfig

    return list(of_model(AxolotlInputConfig, ""))
