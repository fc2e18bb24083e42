"""Which parameter tensors a run trains, which it only reads, and which are stored quantized.

Only trained parameters have gradients, masters and optimizer states: LoRA on 32 billion parameters is not full
fine-tuning of them. Sizes are numbers of elements, in the order of `model.parameters()`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import chain

from ftlint.knowledge.architectures import LinearModule, ParameterTable, ParameterTensor, Role
from ftlint.memory.landmarks import Landmarks, find_landmarks
from ftlint.record import record
from ftlint.run.run import Method

NOT_DECAYED = (Role.NORM, Role.BIAS)
"""The Trainer gives norms and biases a parameter group of their own. Source: transformers 5.23 trainer.py,
`get_decay_parameter_names`. Older releases left RMSNorm weights in the first group: a few thousand elements."""

ALL_LINEAR = ("all-linear", "all")
"""PEFT's word and LLaMA-Factory's for every linear module but the output layer."""


@record
class Parameters:
    """The tensors of one run.

    `groups`: trained tensors by parameter group of the optimizer. `frozen`: tensors in 16 or 32 bits; `quantized`: in
    fewer. `units`: elements of each decoder layer and of the rest, what FSDP gathers at a time. `num_factored`: rows
    and columns of trained matrices. `is_exact`: False where which ones are trained is an assumption.
    `num_image_readers`: trained elements of what only computes where a batch holds images.
    """

    groups: tuple[tuple[int, ...], ...]
    frozen: tuple[int, ...]
    quantized: tuple[int, ...]
    largest_layer: int
    units: tuple[int, ...]
    num_factored: int
    is_exact: bool = True
    landmarks: Landmarks = Landmarks()
    num_image_readers: int = 0

    @property
    def trained(self) -> tuple[int, ...]:
        """Trained tensors of all groups."""
        return tuple(chain.from_iterable(self.groups))

    @property
    def largest_trained(self) -> int:
        """Elements of the largest trained tensor."""
        return max(map(max, self.groups), default=0)

    @property
    def num_trained(self) -> int:
        """Trained parameters."""
        return sum(map(sum, self.groups))

    @property
    def num_params(self) -> int:
        """All parameters, adapters included."""
        return self.num_trained + sum(self.frozen) + sum(self.quantized)


@record
class Training:
    """What decides which tensors are trained; see `AdapterFacts` for the words."""

    method: Method
    lora_rank: int
    lora_targets: tuple[str, ...]
    modules_to_save: tuple[str, ...]
    num_trainable_layers: int
    is_quantized: bool
    is_said: bool
    """False where one of the above is an assumption that changes what is trained."""
    lora_dropout: float = 0.0
    use_dora: bool = False
    freezes_vision: bool = False
    """Nothing that reads images is trained, nor adapted."""


@lru_cache(maxsize=64)  # thousands of small projects train the same few models
def choose_parameters(table: ParameterTable, training: Training) -> Parameters:
    """The tensors of a model as this method divides them."""
    language = replace(table, sections=tuple(section for section in table.sections if not section.reads_images))
    open_to_training = language if training.freezes_vision else table
    if training.method is Method.FULL:
        num_readers = open_to_training.num_params - language.num_params
        frozen = () if open_to_training is table else _beside(table)
        return _divide(table, training, trained=open_to_training, frozen=frozen, num_image_readers=num_readers)
    if training.method is Method.FREEZE:
        kept = _layer_prefixes(table, training.num_trainable_layers)
        frozen = tuple(tensor for tensor in table if not tensor.name.startswith(kept))
        trained = tuple(tensor for tensor in table if tensor.name.startswith(kept))
        return _divide(table, training, trained=trained, frozen=frozen)
    saved = tuple(tensor for tensor in table if _is_saved(tensor, training.modules_to_save))
    adapters, of_language = (
        tuple(adapter_tensors(part, training.lora_targets, training.lora_rank, use_dora=training.use_dora))
        for part in (open_to_training, language)
    )
    num_readers = sum(adapters) - sum(of_language)
    # PEFT trains a copy of each module to save and keeps the original, so the original stays among the frozen.
    return _divide(
        table, training, trained=saved, frozen=tuple(table), adapters=adapters, num_image_readers=num_readers
    )


def _beside(table: ParameterTable) -> tuple[ParameterTensor, ...]:
    return tuple(ParameterTable(tuple(section for section in table.sections if section.reads_images)))


def numbers_only(num_params: int, largest_layer: int) -> Parameters:
    """A model of which only totals are known, cut into pieces of its largest layer: sub-groups are then approximate."""
    piece = max(1, min(num_params, largest_layer))
    sizes = (piece,) * (num_params // piece) + ((num_params % piece,) if num_params % piece else ())
    return Parameters((sizes,), (), (), largest_layer, sizes, num_factored=0)


def adapter_tensors(
    table: ParameterTable, targets: Sequence[str], lora_rank: int, *, use_dora: bool = False
) -> Iterator[int]:
    """Elements of the two matrices of each adapted module, `rank x in` and `out x rank`; DoRA's magnitudes, `out`.

    Source: peft 0.18 tuners/lora/layer.py, dora.py; targets as in tuners/tuners_utils.py,
    `check_target_module_exists`.
    """
    for module in table.linear_modules():
        if is_target(module, targets):
            yield lora_rank * module.in_features
            yield lora_rank * module.out_features
            if use_dora:
                yield module.out_features


def is_all_linear(targets: Sequence[str]) -> bool:
    """Whether the targets are every linear module."""
    return any(target in ALL_LINEAR for target in targets)


def is_target(module: LinearModule, targets: Sequence[str]) -> bool:
    """Whether LoRA adapts the module: by the end of its name, or by a pattern for the whole name."""
    if is_all_linear(targets):
        return module.role is not Role.HEAD
    if any(module.name == target or module.name.endswith(f".{target}") for target in targets):
        return True
    if len(targets) != 1 or re.fullmatch(r"[\w.]+", targets[0]):
        return False
    try:
        return re.fullmatch(targets[0], module.name) is not None
    except re.error:
        return False


def _divide(
    table: ParameterTable,
    training: Training,
    *,
    trained: Iterable[ParameterTensor],
    frozen: Sequence[ParameterTensor],
    adapters: tuple[int, ...] = (),
    num_image_readers: int = 0,
) -> Parameters:
    decayed: list[int] = []
    not_decayed: list[int] = []
    num_factored = 0
    trained = tuple(trained)
    for tensor in trained:
        (not_decayed if tensor.role in NOT_DECAYED else decayed).append(tensor.num_params)
        num_factored += _num_factored(tensor.shape)
    quantized = [t.num_params for t in frozen if training.is_quantized and t.role in (Role.LINEAR, Role.CONV1D)]
    plain = [t.num_params for t in frozen if not (training.is_quantized and t.role in (Role.LINEAR, Role.CONV1D))]
    groups = tuple(tuple(group) for group in ([*decayed, *adapters], not_decayed) if group)
    return Parameters(
        groups=groups,
        frozen=tuple(plain),
        quantized=tuple(quantized),
        largest_layer=table.largest_layer,
        units=tuple(_units(table)),
        num_factored=num_factored + sum(adapters),
        is_exact=training.is_said,
        landmarks=find_landmarks(
            table, frozenset(t.name for t in trained), sum(adapters), is_quantized=training.is_quantized
        ),
        num_image_readers=num_image_readers,
    )


def _num_factored(shape: tuple[int, ...]) -> int:
    """Elements of Adafactor's row and column averages. Source: transformers 5.23 optimization.py, `Adafactor`."""
    if len(shape) < 2:
        return sum(shape)
    *leading, rows, columns = shape
    count = 1
    for size in leading:
        count *= size
    return count * (rows + columns)


def _units(table: ParameterTable) -> Iterator[int]:
    rest = 0
    for section in table.sections:
        if section.first_index is None:
            rest += section.num_params
        else:
            yield from [section.num_params // section.num_copies] * section.num_copies
    yield rest


def _layer_prefixes(table: ParameterTable, num_layers: int) -> tuple[str, ...]:
    """Prefixes of the last layers, or of the first ones for a negative number, as LLaMA-Factory counts them."""
    prefixes = tuple(p for s in table.sections if s.is_row for p in s.prefixes())
    return prefixes[-num_layers:] if num_layers > 0 else prefixes[: -num_layers or 0]


def _is_saved(tensor: ParameterTensor, modules: Sequence[str]) -> bool:
    return any(tensor.module == name or tensor.module.endswith(f".{name}") for name in modules)
