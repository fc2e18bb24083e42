"""What LoRA adapts in a mixture of experts, whose layout and names changed between releases.

transformers 4 holds a linear module per expert and projection, and PEFT adapts them as any other. transformers 5 fuses
the experts of a layer into two parameters, which older PEFT passes by. Since 0.19 PEFT takes the names of transformers
4 for those parameters, in some model types: then the module names go, wherever else they stand.
Source: peft 0.18.1, 0.19.0 to 0.21.2 utils/transformers_weight_conversion.py; each was run on small models.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from enum import Enum

from ftlint.knowledge.architectures import Layout, LinearModule, ParameterTable, Role, Section
from ftlint.memory.releases import spans_of
from ftlint.record import record
from ftlint.run.versions import VersionView

ALL_LINEAR = ("all-linear", "all")
"""PEFT's word and LLaMA-Factory's for every linear module but the output layer."""


class ExpertAdapters(Enum):
    """What PEFT does with the fused weights of experts."""

    NONE = "none"
    """It adapts linear modules alone."""
    ADDED = "added"
    """It makes an update of the weights' size and adds it to them (PEFT 0.19 and 0.20)."""
    FOLDED = "folded"
    """It adds the product of both factors to the weights in one operation (PEFT from 0.21 on)."""


_QWEN = {
    "gate": "gate.weight",
    "gate_proj": "gate_up_proj",
    "up_proj": "gate_up_proj",
    "down_proj": "down_proj",
}
_MIXTRAL = {"gate": "gate.weight", "w1": "gate_up_proj", "w3": "gate_up_proj", "w2": "down_proj"}

CONVERTED: Mapping[str, Mapping[str, str]] = {
    **dict.fromkeys(
        (
            "deepseek_v2", "deepseek_v3", "dots1", "ernie4_5_moe", "glm4_moe", "glm4_moe_lite", "olmoe", "qwen3_moe",
            "qwen3_next",
        ),
        _QWEN,
    ),
    **dict.fromkeys(("minimax_m2", "mixtral"), _MIXTRAL),
}  # fmt: skip
"""By model type: the parameter that a name of transformers 4 stands for. Not qwen2_moe's own, for PEFT asks a list of
those that are like another. Source: transformers 5.23 conversion_mapping.py, `_MODEL_TO_CONVERSION_PATTERN`."""


@record
class ParameterTarget:
    """Parameters that are adapted. `num_parts`: how many weights are fused in it; each has a rank of its own."""

    name: str
    num_parts: int

    def matches(self, name: str) -> bool:
        """Whether this parameter is meant, by the end of its name."""
        return name == self.name or name.endswith(f".{self.name}")


@record
class Targets:
    """What is adapted: `modules` as PEFT takes their names, and parameters."""

    modules: tuple[str, ...]
    parameters: tuple[ParameterTarget, ...] = ()
    is_refused: bool = False
    """Whether PEFT raises: one of two fused weights without the other."""

    def num_parts(self, name: str) -> int:
        """Ranks of the adapter of the parameter of that name, in multiples of LoRA's; 0 where it has none."""
        return next((target.num_parts for target in self.parameters if target.matches(name)), 0)


NOTHING = Targets(())


def find_targets(table: ParameterTable, model_type: str, targets: Sequence[str], experts: ExpertAdapters) -> Targets:
    """What these targets reach in a model with this table."""
    names = CONVERTED.get(model_type)
    if experts is ExpertAdapters.NONE or names is None or not table.num_params_of(Role.EXPERT):
        return Targets(tuple(targets))
    modules: list[str] = []
    parts: dict[str, set[str]] = {}
    for target in sorted(_leaves(table, names, targets)):
        old = next((old for old in names if target == old or target.endswith(f".{old}")), None)
        if old is None:
            modules.append(target)
        else:
            parts.setdefault(names[old], set()).add(old)
    whole = {new: sum(other == new for other in names.values()) for new in parts}
    return Targets(
        modules=tuple(modules),
        parameters=tuple(ParameterTarget(new, len(parts[new])) for new in sorted(parts)),
        is_refused=any(len(parts[new]) < whole[new] for new in parts),
    )


def _leaves(table: ParameterTable, names: Mapping[str, str], targets: Sequence[str]) -> set[str]:
    """The targets as names. A word or pattern becomes the last parts of all names it matches, old ones included."""
    if not is_text(targets):
        return set(targets)
    linear = {module.name.rpartition(".")[2] for module in first_modules(table) if module.role is not Role.HEAD}
    if targets[0] == "all":
        return linear  # LLaMA-Factory looks for linear modules itself, and hands over their names
    if is_all_linear(targets):
        return linear | set(names)
    found = set()
    for tensor in table:
        for name in (tensor.name, tensor.module, tensor.module.rpartition(".")[0]):
            if _fits(targets[0], name):
                found.add(name.rpartition(".")[2])
        if tensor.role is Role.EXPERT:
            found |= {old for old in names if _fits(targets[0], f"{tensor.module}.{old}")}
    return found


def first_modules(table: ParameterTable) -> Iterator[LinearModule]:
    """The linear modules of one layer of each kind, and those outside layers."""
    sections = (Section(section.prefix, section.tensors, section.first_index) for section in table.sections)
    return ParameterTable(tuple(sections)).linear_modules()


def adapted_modules(table: ParameterTable, targets: Sequence[str]) -> Iterator[LinearModule]:
    """The linear modules that these targets reach. Equal layers give the first one's modules as often as they occur."""
    names_layers = any(part.isdigit() for target in targets for part in target.split("."))
    if names_layers or (is_text(targets) and not is_all_linear(targets)):
        yield from (module for module in table.linear_modules() if is_target(module, targets))
        return
    for section in table.sections:
        first = ParameterTable((Section(section.prefix, section.tensors, section.first_index),))
        yield from [module for module in first.linear_modules() if is_target(module, targets)] * section.num_copies
    for tied in table.tied:
        if tied.tensor.role is not Role.HEAD:
            continue
        out_features, in_features = tied.tensor.shape
        head = LinearModule(tied.tensor.module, in_features, out_features, False, Role.HEAD)
        if is_target(head, targets):
            yield head


def is_text(targets: Sequence[str]) -> bool:
    """Whether the targets are one word or pattern to PEFT, and no list of names."""
    return is_all_linear(targets) or (len(targets) == 1 and re.fullmatch(r"[\w.]+", targets[0]) is None)


def is_all_linear(targets: Sequence[str]) -> bool:
    """Whether the targets are every linear module."""
    return any(target in ALL_LINEAR for target in targets)


def is_target(module: LinearModule, targets: Sequence[str]) -> bool:
    """Whether LoRA adapts the module: by the end of its name, or by a pattern for the whole name."""
    if is_all_linear(targets):
        return module.role is not Role.HEAD
    if any(module.name == target or module.name.endswith(f".{target}") for target in targets):
        return True
    return is_text(targets) and _fits(targets[0], module.name)


def _fits(pattern: str, name: str) -> bool:
    try:
        return re.fullmatch(pattern, name) is not None
    except re.error:
        return False


# Releases -----------------------------------------------------------------------------------------------------------


@record
class Generation:
    """How the releases in use lay experts out, and how they adapt them."""

    layout: Layout = Layout.TRANSFORMERS_5
    experts: ExpertAdapters = ExpertAdapters.FOLDED
    may_be_added: bool = False
    """Whether some release adds what the others fold: the same parameters, in a pass that takes more."""


def in_words(generation: Generation) -> str:
    """Which releases a generation is of, and what they adapt."""
    if generation.layout is Layout.TRANSFORMERS_4:
        return "each expert's linear modules (transformers 4)"
    if generation.may_be_added:
        return "the experts' fused weights (transformers 5, PEFT from 0.20)"
    words = {
        ExpertAdapters.FOLDED: "the experts' fused weights (transformers 5, PEFT from 0.21)",
        ExpertAdapters.ADDED: "the experts' fused weights (transformers 5, PEFT 0.19 and 0.20)",
        ExpertAdapters.NONE: "linear modules only (transformers 5, older PEFT)",
    }
    return words[generation.experts]


_PEFT = ((0, 21), (0, 20), (0, 19), (0, 0))
_EXPERTS = (ExpertAdapters.FOLDED, ExpertAdapters.ADDED, ExpertAdapters.ADDED, ExpertAdapters.NONE)


def possible_generations(
    versions: VersionView | None,
    tables: Mapping[Layout, ParameterTable | None],
    model_type: str,
    targets: Sequence[str],
    *,
    is_plain: bool,
) -> tuple[Generation, ...]:
    """The generations under which the admissible releases train this model, the newest first.

    Those that PEFT refuses are left out, unless all are: dropout on a parameter, and DoRA (`is_plain` is neither); one
    of two fused weights; a word or pattern under PEFT 0.19, which takes it for letters.
    """
    fused, separate = tables[Layout.TRANSFORMERS_5], tables[Layout.TRANSFORMERS_4]
    if fused is None:
        return (Generation(),)
    named = find_targets(fused, model_type, targets, ExpertAdapters.FOLDED)
    is_refused = bool(named.parameters) and (named.is_refused or not is_plain)
    found: list[Generation] = []
    for release in spans_of(versions, "transformers", ((5, 0), (0, 0))):
        if release < (5, 0):
            found.append(Generation(Layout.TRANSFORMERS_4, ExpertAdapters.NONE))
            continue
        for peft in spans_of(versions, "peft", _PEFT):
            experts = _EXPERTS[_PEFT.index(peft)] if named.parameters else ExpertAdapters.NONE
            is_letters = peft == (0, 19) and is_text(targets) and model_type in CONVERTED
            if not is_letters and not (is_refused and experts is not ExpertAdapters.NONE):
                found.append(Generation(Layout.TRANSFORMERS_5, experts))
    if found[:1] == [Generation(Layout.TRANSFORMERS_5, ExpertAdapters.NONE)] and not _reaches_experts(
        separate, targets
    ):
        return tuple(found[:1])  # what is adapted is the same in both layouts
    folded, added = (Generation(Layout.TRANSFORMERS_5, how) for how in (ExpertAdapters.FOLDED, ExpertAdapters.ADDED))
    if folded in found and added in found:
        found = [Generation(folded.layout, folded.experts, True) if each == folded else each for each in found]
        found = [each for each in found if each != added]
    return tuple(dict.fromkeys(found)) or (Generation(),)


def _reaches_experts(table: ParameterTable | None, targets: Sequence[str]) -> bool:
    """Whether the targets reach modules of transformers 4 that transformers 5 has as parameters."""
    if table is None:
        return False
    experts = re.compile(r"\.(experts\.\d+\.\w+|gate)$")
    return any(experts.search(module.name) and is_target(module, targets) for module in first_modules(table))
