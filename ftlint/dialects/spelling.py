"""The way back: which keys of which dialect say a fact, so that what is advised in facts can be written into files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from ftlint.run.run import Method, OffloadDevice
from ftlint.syntax.rendering import WritableValue

Written: TypeAlias = "Mapping[str, WritableValue]"
"""Dotted keys and what they are to say; None takes a key out."""

Spelling: TypeAlias = "Mapping[str, Callable[[Any], Written | None]]"
"""For each fact that a dialect can say, how it says a value, or None where it has no words for that one.

Any: each fact has a type of its own.
"""


def _plainly(key: str) -> Callable[[Any], Written]:
    return lambda value: {key: value}


def _offload(section: str) -> Callable[[OffloadDevice], Written | None]:
    """NVMe has no words of ours: where the drive is mounted only its owner knows."""
    return lambda device: (
        None if device is OffloadDevice.NVME else {f"zero_optimization.{section}.device": device.value}
    )


def _one_of(key: str, words: Mapping[str, WritableValue]) -> Callable[[Any], Written | None]:
    """A fact whose words are not the dialect's."""
    return lambda value: {key: words[value]} if value in words else None


LLAMAFACTORY: Spelling = {
    # Source: as in llamafactory.py, which reads the same keys.
    "training.gradient_checkpointing": lambda value: {"disable_gradient_checkpointing": None if value else True},
    "training.attention": _one_of("flash_attn", {"sdpa": "sdpa", "flash_attention_2": "fa2", "eager": "disabled"}),
    "training.loss": _one_of("enable_liger_kernel", {"liger": True, "full": False}),
    "training.optimizer": _plainly("optim"),
    "batch.micro_batch": _plainly("per_device_train_batch_size"),
    "batch.gradient_accumulation": _plainly("gradient_accumulation_steps"),
    "batch.sequence_length_tokens": _plainly("cutoff_len"),
    "adapter.method": lambda method: {"finetuning_type": "full" if method is Method.FULL else "lora"},
    "adapter.lora_rank": _plainly("lora_rank"),
    "adapter.lora_targets": lambda words: {"lora_target": "all" if words == ("all-linear",) else ",".join(words)},
    "adapter.quantization_bits": _plainly("quantization_bit"),
    "adapter.quantization_type": _plainly("quantization_type"),
    "adapter.double_quantization": _plainly("double_quantization"),
}

AXOLOTL: Spelling = {
    # Source: as in axolotl.py and its parts, which read the same keys. Liger's loss needs an entry in a list of plugins
    # as well, and attention has two generations of keys: both are left to the reader.
    "training.gradient_checkpointing": _plainly("gradient_checkpointing"),
    "training.optimizer": _plainly("optimizer"),
    "batch.micro_batch": _plainly("micro_batch_size"),
    "batch.gradient_accumulation": _plainly("gradient_accumulation_steps"),
    "batch.sequence_length_tokens": _plainly("sequence_len"),
    "adapter.lora_rank": _plainly("lora_r"),
}

DEEPSPEED: Spelling = {
    "parallel.kind": lambda _kind: {},  # that there is such a file says it
    "parallel.zero_stage": _plainly("zero_optimization.stage"),
    "parallel.offload_param": _offload("offload_param"),
    "parallel.offload_optimizer": _offload("offload_optimizer"),
}

TRAINING_ARGUMENTS: Spelling = {
    # Source: transformers 5.23 training_args.py. The class is built in a script: these are its keyword arguments.
    "training.gradient_checkpointing": _plainly("gradient_checkpointing"),
    "training.optimizer": _plainly("optim"),
    "training.loss": _one_of("use_liger_kernel", {"liger": True, "full": False}),
    "batch.micro_batch": _plainly("per_device_train_batch_size"),
    "batch.gradient_accumulation": _plainly("gradient_accumulation_steps"),
}

BY_DIALECT: Mapping[str, Spelling] = {"llamafactory": LLAMAFACTORY, "axolotl": AXOLOTL, "deepspeed": DEEPSPEED}
"""The dialects of data files that advice can be written into."""
