"""The words of a run spec as command-line options: one row each, from flag to the place in the spec."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import click

from ftlint.errors import UsageError
from ftlint.record import record


@record
class _Word:
    """One option. `implies` is what else of the spec it says. What values are right only the spec's reader knows."""

    flag: str
    path: tuple[str, ...]
    type: type[int | str | bool | float]
    help: str
    implies: tuple[tuple[tuple[str, ...], str], ...] = ()


_KIND = ("parallel", "kind")

_WORDS = (
    _Word("--model", ("model", "id"), str, "Model id or folder."),
    _Word("--class", ("class",), str, "AutoModelForCausalLM, AutoModel …"),
    _Word("--method", ("method",), str, "full, freeze, lora or qlora."),
    _Word("--lora-rank", ("lora", "rank"), int, "Rank of the adapters."),
    _Word("--lora-dropout", ("lora", "dropout"), float, ""),
    _Word("--dora/--no-dora", ("lora", "dora"), bool, ""),
    _Word("--lora-target", ("lora", "target"), str, "all-linear, or module names with commas."),
    _Word("--quantization-bits", ("quantization", "bits"), int, "Bits of the frozen base model."),
    _Word("--quantization-type", ("quantization", "type"), str, "nf4, fp4, int8 or gptq."),
    _Word("--prepared/--not-prepared", ("quantization", "prepared"), bool, "prepare_model_for_kbit_training."),
    _Word("--double-quantization/--no-double-quantization", ("quantization", "double"), bool, ""),
    _Word("--dtype", ("dtype", "weights"), str, "Dtype of the weights."),
    _Word("--compute-dtype", ("dtype", "compute"), str, "Dtype of the arithmetic."),
    _Word("--master-dtype", ("dtype", "master"), str, "float32 or none."),
    _Word("--optimizer", ("optimizer",), str, "By the Trainer's names."),
    _Word("--parallel", _KIND, str, "single, ddp, zero or fsdp."),
    _Word("--zero", ("parallel", "stage"), int, "ZeRO with this stage.", ((_KIND, "zero"),)),
    _Word("--fsdp", ("parallel", "fsdp_version"), int, "FSDP of this version.", ((_KIND, "fsdp"),)),
    _Word("--fsdp-strategy", ("parallel", "strategy"), str, "FULL_SHARD, SHARD_GRAD_OP …"),
    _Word("--gpus-per-node", ("parallel", "gpus_per_node"), int, ""),
    _Word("--nodes", ("parallel", "nodes"), int, ""),
    _Word("--zero-init/--no-zero-init", ("parallel", "zero_init"), bool, "Whether loading shards the model at once."),
    _Word("--offload-param", ("parallel", "offload_param"), str, "cpu, nvme or none."),
    _Word("--offload-optimizer", ("parallel", "offload_optimizer"), str, "cpu, nvme or none."),
    _Word("--pin-memory/--no-pin-memory", ("parallel", "pin_memory"), bool, ""),
    _Word("--micro-batch", ("batch", "micro"), int, "Sequences per GPU and forward pass."),
    _Word("--seq-len", ("batch", "seq_len"), int, "Tokens per sequence."),
    _Word("--accumulation", ("batch", "accumulation"), int, "Forward passes per update."),
    _Word("--gradient-checkpointing/--no-gradient-checkpointing", ("gradient_checkpointing",), bool, ""),
    _Word("--attention", ("attention",), str, "eager, sdpa or flash_attention_2."),
    _Word("--loss", ("loss",), str, "full, fused, chunked or liger."),
    _Word("--kernels", ("kernels",), str, "standard or fused: of norms and rotary positions."),
    _Word("--gpu", ("hardware", "gpu"), str, "As H100-80GB."),
    _Word("--host-ram", ("hardware", "host_ram"), str, "Per node, as 744GB or 693GiB."),
)

_LISTS = (("lora", "target"),)


def spec_options(command: Callable[..., int]) -> Callable[..., int]:
    """Adds an option for every word of a spec; their values arrive as `**words`."""
    command = click.option(
        "--framework", "versions", multiple=True, metavar="NAME=VERSION", help="Release in use, as torch=2.5.1."
    )(command)
    for word in reversed(_WORDS):
        # click makes a flag of `--a/--no-a` by itself, and takes no type with it.
        kind = None if word.type is bool else word.type
        command = click.option(word.flag, _name(word), default=None, help=word.help or None, type=kind)(command)
    return command


def spec_of(words: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a spec that the given options say; empty when none is given. Any: JSON, as in the spec's reader."""
    spec: dict[str, Any] = {}
    for word in _WORDS:
        value = words[_name(word)]
        if value is None:
            continue
        for path, implied in word.implies:
            _put(spec, path, implied)
        _put(spec, word.path, value.split(",") if word.path in _LISTS and "," in value else value)
    for text in words["versions"]:
        package, equals, release = text.partition("=")
        if not (package and equals and release):
            raise UsageError(f"--framework {text!r}: expected NAME=VERSION, as torch=2.5.1")
        _put(spec, ("versions", package), release.removeprefix("="))
    return spec


def laid_over(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """`over` on `under`, section by section: an option changes one word of a spec file and leaves the rest.

    Only the model is replaced as a whole, for its numbers would be another model's.
    """
    merged = dict(under)
    for key, value in over.items():
        below = merged.get(key)
        if isinstance(below, dict) and isinstance(value, dict) and key != "model":
            merged[key] = {**below, **value}
        else:
            merged[key] = value
    return merged


def _name(word: _Word) -> str:
    return "_".join(word.path)


def _put(spec: dict[str, Any], path: tuple[str, ...], value: object) -> None:
    *sections, last = path
    for section in sections:
        spec = spec.setdefault(section, {})
    spec[last] = value
