"""The product's judge; the keys are those of DeepSpeed alone."""

from __future__ import annotations

from ftlint.asking.judges.deepspeed_in_transformers import PACKAGES, judge, prepare
from tests.referees.judges import deepspeed as alone

__all__ = ["PACKAGES", "judge", "keys", "prepare"]

keys = alone.keys
