"""The watch as a callback of transformers' Trainer. Importing this module imports transformers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from transformers import TrainerCallback

from ftlint.watching.watch import MemoryWatch, limits_from


class MemoryCallback(TrainerCallback):  # type: ignore[misc]  # Any where transformers is not installed
    """Writes one line per moment of the training: `Trainer(..., callbacks=[MemoryCallback("memory.jsonl")])`.

    Forward and backward passes of one optimizer step are one moment, however many micro batches it accumulates.
    From a step's end to the checkpoint that follows is saving; an evaluation in between belongs to no moment.

    Source of the order of events: transformers 4.46 to 5.23, trainer.py, `_inner_training_loop` and its successors.
    """

    def __init__(
        self,
        path: Path | str,
        *,
        estimate: Path | str | None = None,
        gpu_limit_bytes: int | None = None,
        node_limit_bytes: int | None = None,
    ) -> None:
        self._watch = MemoryWatch(path, limits=limits_from(estimate, gpu_limit_bytes, node_limit_bytes))

    def on_train_begin(self, args: Any, state: Any, control: Any, **_kwargs: Any) -> None:
        """The model is on its device and wrapped: from here on the first step's buffers are built."""
        self._watch.open()
        self._watch.begin("loading", 0)

    def on_step_begin(self, args: Any, state: Any, control: Any, **_kwargs: Any) -> None:
        """The first forward pass of an optimizer step."""
        self._watch.begin("forward and backward", state.global_step)

    def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, **_kwargs: Any) -> None:
        """All gradients are there."""
        self._watch.begin("optimizer step", state.global_step)

    def on_step_end(self, args: Any, state: Any, control: Any, **_kwargs: Any) -> None:
        """The step is over; if the Trainer is about to save, and to evaluate nothing before, that begins here."""
        self._watch.end()
        if control.should_save and not control.should_evaluate:
            self._watch.begin("saving", state.global_step)

    def on_evaluate(self, args: Any, state: Any, control: Any, **_kwargs: Any) -> None:
        """An evaluation comes before the checkpoint: what it took is not the checkpoint's."""
        if control.should_save:
            self._watch.begin("saving", state.global_step)

    def on_save(self, args: Any, state: Any, control: Any, **_kwargs: Any) -> None:
        """The checkpoint is written."""
        self._watch.end()

    def on_train_end(self, args: Any, state: Any, control: Any, **_kwargs: Any) -> None:
        """The file is complete."""
        self._watch.close()
