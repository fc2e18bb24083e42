"""A YAML of TrainingArguments and TRL settings (`TrlParser`, alignment-handbook, open-r1 recipes).

Its keys are held against the schemas of TRL's commands. Which of them reads it the file does not say; a run begins
in it where a command of the project does, or where its keys are those of one trainer alone.
"""

from __future__ import annotations

import dataclasses

from ftlint.dialects.dialect import Dialect, Markers, PartialRun, Recognition
from ftlint.dialects.outline import Outline
from ftlint.run.fact import UNKNOWN, Fact, KeyValue
from ftlint.run.key import KeyPath, KeySet
from ftlint.run.run import Run
from ftlint.run.versions import VersionView
from ftlint.spans import How, Origin
from ftlint.syntax.document import Format

_MARKERS = Markers(
    anchors=(
        frozenset({"model_name_or_path", "output_dir", "learning_rate"}),
        frozenset({"model_name_or_path", "per_device_train_batch_size"}),
        frozenset({"model_name_or_path", "dataset_name"}),
    ),
    typical=frozenset(
        (
            "torch_dtype dtype dataset_name dataset_mixture dataset_mixer attn_implementation use_peft beta "
            "max_length max_prompt_length max_seq_length num_generations packing "
            "gradient_checkpointing_kwargs hub_model_id push_to_hub report_to eval_strategy logging_strategy "
            "lora_r lora_alpha"
        ).split()
    ),
    foreign=frozenset({"template", "finetuning_type", "base_model", "_component_", "compute_environment"}),
)

# Levels of TRL's named like the settings of a trainer.
_OF_NO_TRAINER = frozenset({"ModelConfig", "DatasetConfig", "DatasetMixtureConfig"})
# How many keys, or what share of them, a script around TRL's trainer may have of its own.
_FEW, _ANOTHERS = 2, 0.2


def _recognise(outline: Outline) -> Recognition | None:
    return _MARKERS.recognise("trl", outline)


def lower(keys: KeySet, versions: VersionView) -> PartialRun:
    """The run of a recipe that no command is seen to read, where its keys tell the trainer."""
    return _lowered(keys, versions, trainer_by_keys(keys))


def lower_command(keys: KeySet, versions: VersionView, command: str, overruled: frozenset[str]) -> PartialRun:
    """The run of a recipe under the command or script of that name, whose flags say some keys, in the recipe or not."""
    trainer = command if f"trl#{command}" in DIALECT.schemas else trainer_by_keys(keys)
    unseen: Fact[KeyValue] = Fact(UNKNOWN, (Origin(How.DERIVED, None, "a flag of the command"),))
    kept = {path: key for path, key in keys.keys.items() if path[0] not in overruled}
    flags: dict[KeyPath, Fact[KeyValue]] = {(name,): unseen for name in overruled}
    return _lowered(dataclasses.replace(keys, keys=kept, defaults={**keys.defaults, **flags}), versions, trainer)


def _lowered(keys: KeySet, versions: VersionView, trainer: str | None) -> PartialRun:
    from ftlint.dialects.trl_recipe import TRAINERS, lower_recipe  # most files are of other dialects

    return lower_recipe(keys, versions, trainer) if trainer in TRAINERS else PartialRun(Run())


def trainer_by_keys(keys: KeySet) -> str | None:
    """The command whose trainer takes all that the recipe says to a trainer; None where another may as well.

    One that builds on its settings (`GKDConfig` on `SFTConfig`) is another only by what it adds. Keys that nobody takes
    are those of a script around the trainer; too many of them are another program's.
    """
    from ftlint.knowledge.schemas import schema  # only recipes ask

    library = schema("trl")
    commands = [level for name in DIALECT.schemas if (level := library.level(name.partition("#")[2])) is not None]
    configs = [
        level
        for name in library.level_names
        if name.endswith("Config") and name not in _OF_NO_TRAINER and (level := library.level(name)) is not None
    ]
    # What every command takes, of the model, the data and the Trainer, tells none from another.
    shared = (
        [level for level in commands[0].family if all(level in each.family for each in commands)] if commands else []
    )
    common = {name for level in shared for name in level.names()}
    taken = {level: set(level.names()) - common for level in configs}
    written = {path[0] for path in keys.keys}
    to_trainers = written & set().union(*taken.values())
    foreign = written - to_trainers - {name for command in commands for name in command.names()}
    if not to_trainers or len(foreign) > max(_FEW, _ANOTHERS * len(written)):
        return None
    able = [level for level in configs if to_trainers <= taken[level]]
    found = [(command, level) for command in commands for level in able if level in command.family]
    if len(found) != 1 or not all(found[0][1] in level.family for level in able):
        return None
    return found[0][0].name


DIALECT = Dialect(
    name="trl",
    title="TRL recipe",
    formats=frozenset({Format.YAML}),
    recognise=_recognise,
    lower=lower,
    schemas=("trl#sft", "trl#dpo", "trl#grpo", "trl#kto", "trl#reward", "trl#rloo"),
)
