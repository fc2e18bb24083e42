"""TRL: the settings classes, the trainers' constructors, and the YAML files of its command line.

What has moved to `trl.experimental` leaves a shell of the same name behind; both are one level.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tools.harvest.frameworks import Framework
from tools.harvest.histories import Snapshot
from tools.harvest.packages import Plan, Source
from tools.harvest.python_source import ClassRef, External, Module, Modules, Shapes
from tools.harvest.python_source.levels import Behaviour, Levels, by_name

CONSTRUCTED = Behaviour("unchecked", "error")
COMMAND = Behaviour("argparse-defaults", "error")
ELSEWHERE = ("TrainingArguments", "Seq2SeqTrainingArguments", "Trainer", "Seq2SeqTrainer")
SETTINGS = ("Config", "Arguments")
# Of the parser itself, in every file that it reads (`trl.scripts.utils.TrlParser`).
PARSER_KEYS: dict[str, object] = {"env": {"type": "object"}}
# Of the command, where it hands to `accelerate launch` what the script's classes do not know.
COMMAND_KEYS: dict[str, object] = {"accelerate_config": {"type": "string"}}
COMMAND_MODULES = ("trl.cli", "trl.cli.commands.training")


class _Release:
    """One release, read."""

    def __init__(self, source: Source) -> None:
        self.modules = Modules(source)
        self.shapes = Shapes(self.modules)
        self.levels = Levels(self.shapes, self._above)
        self.classes = self.shapes.classes
        self.settings = by_name(
            self.classes,
            (
                reference
                for reference in self.classes.defined.values()
                if reference.name.endswith(SETTINGS) and self.classes.is_dataclass(reference)
            ),
        )
        self.trainers = by_name(
            self.classes,
            (
                reference
                for reference in self.classes.defined.values()
                if reference.name.endswith("Trainer")
                and ("trl.trainer." in reference.dotted or "experimental" in reference.dotted)
            ),
        )

    def _above(self, base: ClassRef | External) -> str | None:
        name = base.dotted.rpartition(".")[2]
        if isinstance(base, External):
            return f"transformers.json#/$defs/{name}" if name in ELSEWHERE else None
        return f"#/$defs/{name}" if name in self.settings else None

    def all_levels(self) -> Iterator[tuple[str, dict[str, object]]]:
        for name, (reference, *shells) in self.settings.items():
            level = self.levels.of_dataclass(reference, CONSTRUCTED)
            yield name, self._named(level, [reference, *shells])
        for name, (reference, *shells) in self.trainers.items():
            constructed = self.levels.of_init(reference, CONSTRUCTED)
            if constructed is not None:
                yield name, self._named(constructed, [reference, *shells])
            elif any(base.dotted.endswith(".Trainer") for base in self.classes.order(reference)):
                yield (
                    name,
                    {
                        "x-imports": self.modules.imports_of(reference),
                        **CONSTRUCTED.keywords(),
                        "allOf": [{"$ref": "transformers.json#/$defs/Trainer"}],
                        "properties": {},
                    },
                )
        yield from self.commands()

    def _named(self, level: dict[str, object], references: list[ClassRef]) -> dict[str, object]:
        names = dict.fromkeys(name for reference in references for name in self.modules.imports_of(reference))
        return {**level, "x-imports": list(names)}

    def commands(self) -> Iterator[tuple[str, dict[str, object]]]:
        """`trl sft --config FILE` and its kin: the classes that each script's parser is made of."""
        for module in self.modules.below("trl.scripts"):
            function = module.names.get("make_parser")
            if not isinstance(function, ast.FunctionDef):
                continue
            types = module.bindings(function.body).get("dataclass_types")
            if isinstance(types, ast.Assign) and isinstance(types.value, ast.Tuple):
                inside = Module(module.name, ast.Module([*function.body, *module.tree.body], []), is_package=False)
                meanings = [self.modules.resolve(node, inside) for node in types.value.elts]
                names = [meaning.name for meaning in meanings if isinstance(meaning, ClassRef)]
                assert len(names) == len(meanings), f"{module.name}: {ast.unparse(types)}"
                above = [{"$ref": f"#/$defs/{name}"} for name in names]
                hands_on = self._hands_on()
                yield (
                    module.name.rpartition(".")[2],
                    {
                        **COMMAND.keywords(),
                        "allOf": [*above, {"$ref": "accelerate.json#/$defs/launch"}] if hands_on else above,
                        "properties": {**PARSER_KEYS, **COMMAND_KEYS} if hands_on else PARSER_KEYS,
                    },
                )

    def _hands_on(self) -> bool:
        """Whether the command gives keys that it does not know to `accelerate launch` as flags."""
        found = [self.modules.get(name) for name in COMMAND_MODULES]
        return any(
            "return_remaining_strings=True" in ast.unparse(module.tree) for module in found if module is not None
        )


def snapshot(source: Source) -> Snapshot:
    """What one release says."""
    return dict(_Release(source).all_levels())


FRAMEWORK = Framework("TRL", Plan("trl", "0.7"), snapshot)
