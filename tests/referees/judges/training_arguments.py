"""transformers' TrainingArguments and Seq2SeqTrainingArguments, called with keywords as a script calls them.

A GPU is pretended where TrainingArguments asks for one (bfloat16 and TF32 support); nothing is computed on it.
"""

from __future__ import annotations

from typing import Any

from ftlint.asking.judges.gpu import pretend_gpu
from tests.referees.describing import Key, of_dataclass
from tests.referees.judges.calls import read_call

PACKAGES = ("transformers", "accelerate")
ROOTS = ("TrainingArguments", "Seq2SeqTrainingArguments")


def construct(cls: Any, keywords: dict[str, Any]) -> Any:
    """An object of the class; the state that accelerate keeps between two of them is thrown away."""
    from accelerate.state import AcceleratorState

    try:
        return cls(**keywords)
    finally:
        AcceleratorState._reset_state(reset_partial_state=True)


def prepare() -> None:
    """Imports transformers."""
    import transformers.training_args  # noqa: F401

    pretend_gpu()


def judge(root: str, text: str) -> None:
    """Makes the object, and asks for its device as every Trainer does."""
    import transformers

    name, keywords = read_call(text)
    construct(getattr(transformers, name), keywords)


def keys() -> list[Key]:
    """The fields of both classes."""
    import transformers

    return [key for root in ROOTS for key in of_dataclass(getattr(transformers, root), root)]
