"""A YAML file as torchtune and Hydra load it: OmegaConf's own reading, before any component is made."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tests.referees.describing import Key

PACKAGES = ("omegaconf",)


def prepare() -> None:
    """Imports OmegaConf."""
    import omegaconf  # noqa: F401


def judge(root: str, text: str) -> None:
    """`OmegaConf.load`, as torchtune.config._parse and Hydra's config source call it."""
    from omegaconf import OmegaConf

    Path("config.yaml").write_text(text, "utf-8")
    OmegaConf.load("config.yaml")


def keys() -> Iterator[Key]:
    """None: which keys are read is decided by the recipe."""
    return iter(())
