"""A GPU is pretended where transformers asks for one; nothing is computed on it."""

from __future__ import annotations

from unittest import mock


def pretend_gpu() -> None:
    """What training_args.py asks the machine is answered as an H100 would."""
    from transformers import training_args

    for question in ("is_torch_bf16_gpu_available", "is_torch_tf32_available"):
        if hasattr(training_args, question):
            mock.patch.object(training_args, question, return_value=True).start()
    if hasattr(training_args, "enable_tf32"):
        mock.patch.object(training_args, "enable_tf32").start()
