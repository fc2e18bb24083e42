"""DeepSpeed reading a file itself: `deepspeed.initialize(config="ds_config.json")`, as far as its DeepSpeedConfig."""

from __future__ import annotations

from pathlib import Path

PACKAGES = ("deepspeed",)


def prepare() -> None:
    """DeepSpeed's own log stays out of the way."""
    import logging

    import deepspeed.runtime.config  # noqa: F401 - slow, so it happens before the first text
    from deepspeed.utils import logger

    logger.setLevel(logging.CRITICAL)


def judge(root: str, text: str) -> None:
    """Reads the file as `deepspeed.initialize` does before it builds anything."""
    from deepspeed.runtime.config import DeepSpeedConfig

    Path("ds_config.json").write_text(text, "utf-8")
    DeepSpeedConfig("ds_config.json")
