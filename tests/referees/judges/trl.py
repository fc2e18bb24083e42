"""TRL's configs, called with keywords as a script calls them; a GPU is pretended as for TrainingArguments."""

from __future__ import annotations

from typing import Any

from ftlint.asking.judges.gpu import pretend_gpu
from tests.referees.describing import Key, of_dataclass
from tests.referees.judges.calls import read_call
from tests.referees.judges.training_arguments import construct

PACKAGES = ("trl", "transformers", "accelerate")
ROOTS = ("SFTConfig", "DPOConfig", "GRPOConfig", "KTOConfig", "RewardConfig")


def config_class(name: str) -> Any:
    """A config by its name, wherever TRL keeps it now."""
    import trl

    if hasattr(trl, name):
        return getattr(trl, name)
    from trl.experimental.kto import KTOConfig

    return {"KTOConfig": KTOConfig}[name]


def prepare() -> None:
    """Imports the configs."""
    pretend_gpu()
    for name in ROOTS:
        config_class(name)


def judge(root: str, text: str) -> None:
    """Makes the object."""
    name, keywords = read_call(text)
    construct(config_class(name), keywords)


def keys() -> list[Key]:
    """The fields of all configs."""
    return [key for root in ROOTS for key in of_dataclass(config_class(root), root)]
