"""llama-cookbook's finetuning (once llama-recipes): settings are the flags of its launch command.

Source: meta-llama/llama-cookbook, October 2025: src/llama_cookbook/configs/{training,fsdp,peft,quantization}.py,
utils/config_utils.py (`update_config`, `check_fsdp_config`), finetuning.py; fire's reading of flags.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from ftlint.dialects.dialect import PartialRun
from ftlint.dialects.lowering import KeyReader
from ftlint.run.dtype import DType
from ftlint.run.fact import NOTHING, UNKNOWN, Fact, KeyValue, Unknown, default, derive, written
from ftlint.run.key import Key, KeyPath, KeySet
from ftlint.run.run import (
    AdapterFacts,
    BatchFacts,
    Method,
    ModelFacts,
    OffloadDevice,
    ParallelFacts,
    ParallelKind,
    PrecisionFacts,
    Run,
    SavingFacts,
    StateDictType,
    TrainingFacts,
)
from ftlint.run.versions import VersionView
from ftlint.syntax.document import Source
from ftlint.syntax.shell import Variables, Word

NAME = "llama-cookbook"

_MODULES = frozenset({"llama_cookbook.finetuning", "llama_recipes.finetuning"})
_SCRIPTS = frozenset({"finetuning.py", "llama_finetuning.py"})
# Flags of nobody else's: `finetuning.py` alone may be any script.
_OWN_FLAGS = re.compile(r"--(?:enable_fsdp|fsdp_config\.\w+|dist_checkpoint_\w+|batch_size_training|low_cpu_fsdp)\b")
_STATE_DICTS = {f"StateDictType.{kind.value}": kind for kind in (StateDictType.FULL, StateDictType.SHARDED)}
_BITS = {"4bit": 4, "8bit": 8}
_NUMBER = re.compile(r"[+-]?(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")


def is_program(word: str) -> bool:
    """Whether a launched script or module may be llama-cookbook's."""
    return word in _MODULES or word.rsplit("/", 1)[-1] in _SCRIPTS


def is_launched(program: Word, arguments: Iterable[Word]) -> bool:
    """Whether a command with these arguments is llama-cookbook's: by its module, or by flags that only it has."""
    return program.text in _MODULES or any(_OWN_FLAGS.match(word.raw) for word in arguments)


def flags_as_keys(arguments: tuple[Word, ...], source: Source, variables: Variables) -> KeySet:
    """One key for each flag; a flag without a value is True. What stands behind a variable is unknown.

    A variable among the flags may hold any of them: then absence proves nothing.
    """
    keys: dict[KeyPath, Key] = {}
    is_complete = True
    for flag, value in _pairs(arguments):
        if flag is None:
            is_complete = is_complete and variables.text(value or arguments[0]) is not None
            continue
        path, key = _key(flag, value, source, variables)
        keys.pop(path, None)  # the last one counts, and takes its place
        keys[path] = key
    return KeySet(NAME, keys, {}, (), is_complete)


def _pairs(arguments: tuple[Word, ...]) -> Iterator[tuple[Word | None, Word | None]]:
    """Each flag with its value; None for the flag where a word belongs to none."""
    at = 0
    while at < len(arguments):
        word = arguments[at]
        at += 1
        if not word.raw.startswith("--"):
            yield None, word
        elif "=" in word.raw:
            yield word, word.value
        elif at < len(arguments) and not _is_flag(arguments[at]):
            yield word, arguments[at]
            at += 1
        else:
            yield word, None


def _is_flag(word: Word) -> bool:
    return word.raw.startswith("-") and _NUMBER.fullmatch(word.raw) is None


def _key(flag: Word, value: Word | None, source: Source, variables: Variables) -> tuple[KeyPath, Key]:
    name = flag.raw.partition("=")[0].lstrip("-").replace("-", "_")
    meaning: KeyValue | Unknown = True
    at = value or flag
    if value is not None:
        text = variables.text(value)
        meaning = UNKNOWN if text is None else _meaning(text)
    elif name.startswith("no") and "." not in name and name.removeprefix("no") in _SWITCHES:
        name, meaning = name.removeprefix("no"), False
    path = tuple(name.split("."))
    place = source.location(at.span)
    whole = source.location(replace(flag.span, end=max(flag.span.end, at.span.end)))
    if at.span.start < flag.span.start:  # a variable's value stands where it is assigned
        whole = source.location(flag.span)
    return path, Key(NAME, path, written(meaning, place, f"--{name}"), at.raw, whole, source.location(flag.span), place)


def _meaning(text: str) -> KeyValue:
    """fire's: Python's literals, and everything else a text."""
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return text
    return value if value is None or isinstance(value, bool | int | float | str) else text


_SWITCHES = frozenset("enable_fsdp use_peft save_model use_fp16 mixed_precision freeze_layers low_cpu_fsdp".split())


def lower(keys: KeySet, _versions: VersionView) -> PartialRun:
    """Say in `Run`'s words what one command's flags say; how many processes there are is its launcher's."""
    read = KeyReader(keys, NAME)
    shards = _certain(read, "enable_fsdp")
    peft = _certain(read, "use_peft")
    pure = _of_fsdp(read, "pure_bf16").flag("pure_bf16", False)
    return PartialRun(
        Run(
            model=ModelFacts(id=read.text("model_name"), model_class=_model_class(read)),
            precision=_precision(shards, pure, read.raw("quantization")),
            batch=BatchFacts(
                micro_batch=read.integer("batch_size_training", 4),
                sequence_length_tokens=_sequence_length(read),
                gradient_accumulation=read.integer("gradient_accumulation_steps", 1),
            ),
            parallel=_parallel(read, shards),
            adapter=_adapter(read, peft),
            training=TrainingFacts(
                optimizer=_optimizer(read, pure), gradient_checkpointing=_checkpointing(read, shards)
            ),
            saving=SavingFacts(
                state_dict_type=_state_dict(read, shards, peft), save_model=read.flag("save_model", True)
            ),
        ),
        starts_run=read.written("model_name"),
    )


def _certain(read: KeyReader, name: str) -> Fact[bool]:
    """A switch that is off by default; unknown, and not unsaid, where a variable may hold it."""
    found = read.flag(name, False)
    return found if found.said else Fact(UNKNOWN, read.raw("model_name").origins)


def _of_fsdp(read: KeyReader, name: str) -> KeyReader:
    """The reader that finds a setting of FSDP's: both `--name` and `--fsdp_config.name` set it, the last one counts."""
    nested = ("fsdp_config", name)
    order = [path for path in read.keys.keys if path in ((name,), nested)]
    if not order or order[-1] != nested:
        return read
    return replace(read, keys=read.keys.below("fsdp_config", NAME))


def _model_class(read: KeyReader) -> Fact[str]:
    """Vision models are loaded by a class of their own; only the checkpoint tells for certain."""
    model = read.text("model_name")
    is_text = isinstance(model.value, str) and "vision" not in model.value.lower()
    return Fact("AutoModelForCausalLM" if is_text else UNKNOWN, model.origins)


def _precision(shards: Fact[bool], pure: Fact[bool], quantization: Fact[Any]) -> PrecisionFacts:
    """Only pure bfloat16 is said; otherwise the weights are the checkpoint's, and the GPU decides about autocast."""
    if shards.value is True and pure.value is True and not quantization.said:
        origins = (*pure.origins, *shards.origins)
        return PrecisionFacts(weights=Fact(DType.BFLOAT16, origins), compute=Fact(DType.BFLOAT16, origins))
    return PrecisionFacts()


def _sequence_length(read: KeyReader) -> Fact[int]:
    """With padding a batch is as long as its longest sequence."""
    strategy = read.text("batching_strategy", "packing")
    return read.integer("context_length", 4096) if strategy.value == "packing" else Fact(UNKNOWN, strategy.origins)


def _parallel(read: KeyReader, shards: Fact[bool]) -> ParallelFacts:
    kind: Fact[ParallelKind] = derive(lambda on: ParallelKind.FSDP if on else ParallelKind.SINGLE, shards)
    if kind.value is not ParallelKind.FSDP:
        return ParallelFacts(kind=kind)
    strategy = _of_fsdp(read, "sharding_strategy").raw("sharding_strategy")
    offloads = _of_fsdp(read, "fsdp_cpu_offload").flag("fsdp_cpu_offload", False)
    return ParallelFacts(
        kind=kind,
        fsdp_version=Fact(1, shards.origins),
        # A text is handed to torch as it is, which takes none.
        fsdp_sharding_strategy=Fact(UNKNOWN, strategy.origins)
        if strategy.said or not read.keys.complete
        else default("FULL_SHARD", f"{NAME}'s default for sharding_strategy"),
        offload_param=derive(lambda on: OffloadDevice.CPU if on else OffloadDevice.NONE, offloads),
    )


def _adapter(read: KeyReader, peft: Fact[bool]) -> AdapterFacts:
    bits: Fact[int] = read.choice("quantization", _BITS)
    kind = read.text("peft_method", "lora")
    freezes = next((flag for name in ("freeze_layers", "freeze_LLM_only") if (flag := read.raw(name)).said), NOTHING)
    if peft.value is False:
        is_full = not (bits.said or freezes.said)
        return AdapterFacts(method=Fact(Method.FULL if is_full else UNKNOWN, (*peft.origins, *freezes.origins)))
    if peft.value is not True or kind.value != "lora" or read.raw("from_peft_checkpoint").said:
        return AdapterFacts(method=Fact(UNKNOWN, (*peft.origins, *kind.origins)))
    if bits.said and not bits.known:
        return AdapterFacts(method=Fact(UNKNOWN, bits.origins))
    targets = next((read.raw(name) for name in ("target_modules", "lora_config.target_modules")), NOTHING)
    return AdapterFacts(
        method=Fact(Method.QLORA if bits.known else Method.LORA, (*peft.origins, *kind.origins, *bits.origins)),
        lora_rank=read.integer("lora_config.r") if read.written("lora_config.r") else read.integer("r", 8),
        lora_targets=Fact(UNKNOWN, targets.origins)
        if targets.said
        else default(("q_proj", "v_proj"), f"{NAME}'s default for target_modules"),
        modules_to_save=default((), f"{NAME} saves none beside the adapter"),
        quantization_bits=bits,
    )


def _optimizer(read: KeyReader, pure: Fact[bool]) -> Fact[str]:
    named = _of_fsdp(read, "optimizer").text("optimizer", "AdamW")
    return derive(lambda name, is_pure: UNKNOWN if is_pure and name == "anyprecision" else "adamw_torch", named, pure)


def _checkpointing(read: KeyReader, shards: Fact[bool]) -> Fact[bool]:
    setting = _of_fsdp(read, "fsdp_activation_checkpointing").flag("fsdp_activation_checkpointing", True)
    return derive(lambda on, is_sharded: on and is_sharded, setting, shards)


def _state_dict(read: KeyReader, shards: Fact[bool], peft: Fact[bool]) -> Fact[StateDictType]:
    """How a sharded model is saved; an adapter is saved in a way of its own, whatever the setting says."""
    if shards.value is not True or peft.value is not False:
        return NOTHING
    return _of_fsdp(read, "checkpoint_type").choice("checkpoint_type", _STATE_DICTS, StateDictType.SHARDED)
